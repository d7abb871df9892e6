"""``mltrack server``: the tracking server; by itself it serves, and its commands look after who may use it."""

from __future__ import annotations

from typing import Any

import click

from mltrack.cli.groups import CommandGroup
from mltrack.cli.lazy_commands import LazyCommands
from mltrack.cli.stores import usage_faults
from mltrack.extra_libraries import need_libraries

LIBRARIES = ("argon2", "fastapi", "httptools", "prometheus_client", "pydantic", "uvicorn")
"""What a server needs of its extra."""
_COMMANDS = {"users": "mltrack.cli.users:users"}


@click.group(cls=CommandGroup, commands=LazyCommands(_COMMANDS), context_settings={"help_option_names": ["--help"]})
def server() -> None:
    """Serve a store to a team, or look after its users.

    By itself it serves, on MLflow's wire, such as `mltrack server --backend-store-uri sqlite:///team.db`.
    """


def _words(_context: click.Context, _parameter: click.Parameter, said: str | None) -> tuple[str, ...]:
    """Read a list with commas."""
    return tuple(word for word in (each.strip() for each in (said or "").split(",")) if word)


@server.own_command
@click.option(
    *("-h", "--host"),
    default="127.0.0.1",
    show_default=True,
    envvar="MLFLOW_HOST",
    help="The address to listen at; any that other machines reach needs users.",
)
@click.option(
    *("-p", "--port"),
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    envvar="MLFLOW_PORT",
    help="The port; 0: any that is free.",
)
@click.option(
    *("--backend-store-uri", "store_uri"),
    metavar="URI",
    envvar="MLFLOW_BACKEND_STORE_URI",
    help="The store: sqlite:///PATH, postgresql://…, or a path; default: the one of this folder.",
)
@click.option(
    "--default-artifact-root",
    metavar="URI",
    envvar="MLFLOW_DEFAULT_ARTIFACT_ROOT",
    help="Where the artifacts of new experiments are, as clients see it; default: behind the server.",
)
@click.option(
    "--artifacts-destination",
    metavar="URI",
    envvar="MLFLOW_ARTIFACTS_DESTINATION",
    help="Where the server keeps artifacts: a folder, s3://…; default: beside the store.",
)
@click.option(
    "--serve-artifacts/--no-serve-artifacts",
    default=True,
    show_default=True,
    envvar="MLFLOW_SERVE_ARTIFACTS",
    help="Whether artifacts go through the server.",
)
@click.option(
    *("-w", "--workers"),
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    envvar="MLFLOW_WORKERS",
    help="Processes that answer.",
)
@click.option(
    *("--static-prefix", "prefix"),
    metavar="PATH",
    default="",
    envvar="MLFLOW_STATIC_PREFIX",
    help="What all paths begin with, such as /tracking.",
)
@click.option(
    "--allowed-hosts",
    metavar="NAMES",
    callback=_words,
    envvar="MLFLOW_SERVER_ALLOWED_HOSTS",
    help="More names of the server, with commas between, such as lab.example,10.0.0.7:5000.",
)
@click.option(
    *("--cors-allowed-origins", "cors_origins"),
    metavar="ORIGINS",
    callback=_words,
    envvar="MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
    help="Origins whose pages may use the server, with commas between, such as https://lab.example.",
)
@click.option(
    "--default-role",
    type=click.Choice(("none", "read", "edit", "manage")),
    default="read",
    show_default=True,
    help="What users may do with an object of which they were given no role.",
)
@click.option("--ssl-certfile", metavar="FILE", type=click.Path(dir_okay=False), help="TLS: the certificate, as PEM.")
@click.option("--ssl-keyfile", metavar="FILE", type=click.Path(dir_okay=False), help="TLS: its key, as PEM.")
def serve(store_uri: str | None, **options: Any) -> None:
    """Serve a store to a team, on MLflow's wire, until Ctrl-C."""
    need_libraries("A tracking server", LIBRARIES, extra="server")
    from mltrack import settings as chosen  # reads the environment, which a help does without
    from mltrack.server.program import run  # so is this
    from mltrack.server.settings import ServerSettings  # and this

    with usage_faults():  # of what it refuses to begin with
        run(ServerSettings(store_uri or chosen.get_tracking_uri(), **options), click.echo)
