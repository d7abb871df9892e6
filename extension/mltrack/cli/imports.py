"""``mltrack import``: bring runs in from another tracker's files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mltrack.cli.completion import experiment_names
from mltrack.cli.output import json_option, print_json, say
from mltrack.plain_text import printable

if TYPE_CHECKING:
    from mltrack.importers import ImportSummary


@click.group("import")
def importing() -> None:
    """Bring in the runs of MLflow or TensorBoard.

    Doing it again adds what is new, and nothing twice.
    """


@importing.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("-e", "--experiment", metavar="NAME", help="Only this experiment, by name or id; default: all.")
@click.option(
    "--artifacts", metavar="FOLDER", type=click.Path(), help="Where its artifacts lie now, if they were moved."
)
@click.option("--copy/--no-copy", "copy_artifacts", default=True, help="Copy the artifacts; default: yes.")
@json_option
def mlflow(path: str, *, as_json: bool, **chosen: Any) -> None:
    """Bring in MLflow's runs from its mlflow.db or mlruns folder."""
    from mltrack.importers import import_mlflow  # reads the formats of others, which no other command needs

    _report(import_mlflow(path, **chosen, say=_progress), as_json=as_json)


@importing.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option(
    "-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="The experiment to put the runs into."
)
@json_option
def tensorboard(folder: str, *, experiment: str | None, as_json: bool) -> None:
    """Bring in TensorBoard's runs from a folder of event files.

    Each folder that has event files is a run.
    """
    from mltrack.importers import import_tensorboard  # reads the formats of others, which no other command needs

    _report(import_tensorboard(folder, experiment=experiment, say=_progress), as_json=as_json)


def _progress(text: str) -> None:
    click.echo(printable(text), err=True)


def _report(summary: ImportSummary, *, as_json: bool) -> None:
    if as_json:
        print_json(summary.to_dict())
        return
    for line in str(summary).splitlines():
        say(line)
