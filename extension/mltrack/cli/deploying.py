"""``mltrack models build-docker``, ``generate-dockerfile`` and ``export``: models for other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mltrack.cli.model_options import model_uri_option
from mltrack.cli.output import json_option, report

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = ("ray-serve", "bentoml", "kserve", "sagemaker")


def _image_options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--with-nginx", is_flag=True, help="Put nginx before the server in the image.")(function)
    return click.option(
        "--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Processes that hold the model."
    )(function)


@click.command("generate-dockerfile")
@model_uri_option
@click.option(
    *("-d", "--output-directory"),
    default="mltrack-dockerfile",
    show_default=True,
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="A new folder.",
)
@_image_options
@json_option
def generate_dockerfile(model_uri: str, output_directory: str, *, as_json: bool, **given: Any) -> None:
    """Write a folder from which `docker build` makes an image that serves the model.

    The container serves as a user without rights on port 8080, /ping and /invocations, which is SageMaker's contract.
    """
    # reads the store, which other commands may not need
    from mltrack.deploying.dockerfile import ImageOptions
    from mltrack.deploying.image import generate_dockerfile as generate

    folder = str(generate(model_uri, output_directory, ImageOptions(**given)))
    report(f"{folder} is ready: docker build -t NAME {folder}", lambda: {"folder": folder}, as_json=as_json)


@click.command("build-docker")
@model_uri_option
@click.option("-n", "--name", default="mltrack-model", show_default=True, metavar="NAME", help="The image's name.")
@_image_options
@json_option
def build_docker(model_uri: str, name: str, *, as_json: bool, **given: Any) -> None:
    """Build an image that serves the model, with the Docker engine of this machine."""
    # reads the store, which other commands may not need
    from mltrack.deploying.dockerfile import ImageOptions
    from mltrack.deploying.image import build_docker as build

    build(model_uri, name, ImageOptions(**given), say=lambda line: click.echo(line, err=True))
    report(f"The image {name} is built: docker run -p 8080:8080 {name}", lambda: {"image": name}, as_json=as_json)


@click.command("export")
@model_uri_option
@click.option("--target", required=True, type=click.Choice(TARGETS), help="The engine.")
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("-n", "--name", default="model", show_default=True, metavar="NAME", help="The deployment's name.")
@click.option("--image", metavar="NAME", help="For kserve and sagemaker: the image's name; default: NAME:latest.")
@click.option("--replicas", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many of it run.")
@_image_options
@json_option
def export(model_uri: str, target: str, *, folder: str, as_json: bool, **given: Any) -> None:
    """Write the model to FOLDER as a ready project for an engine; its README.md says how to start it.

    --workers and --with-nginx are for kserve and sagemaker, which run an image.
    """
    # reads the store, which other commands may not need
    from mltrack.deploying.dockerfile import ImageOptions
    from mltrack.deploying.exporting import export_model
    from mltrack.deploying.targets.project import ExportOptions

    serving = ImageOptions(given["workers"], given["with_nginx"])
    options = ExportOptions(given["name"], given["image"], given["replicas"], serving)
    export_model(model_uri, target, folder, options)
    report(f"{folder} is ready; see README.md in it.", lambda: {"folder": folder, "target": target}, as_json=as_json)
