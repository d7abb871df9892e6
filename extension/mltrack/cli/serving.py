"""``mltrack models serve``: a model behind a URL, as long as the command runs, or with ``--detach`` longer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mltrack.cli.output import say
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.serving.settings import LOOPBACK

if TYPE_CHECKING:
    from mltrack.serving.settings import Settings
    from mltrack.serving.states import State

_MEBIBYTE = 1024 * 1024
_OLD_NAMES = {"virtualenv": "uv"}  # MLflow's; uv makes the same


@click.command()
@click.option("-m", "--model-uri", required=True, metavar="URI", help="The model: models:/NAME@ALIAS, …, or a path.")
@click.option("-p", "--port", type=click.IntRange(0, 65535), help="Default: the first free one from 5000 on.")
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="On any other, callers need a token.")
@click.option(
    "-w", "--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Processes with the model."
)
@click.option(
    "-t",
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=30,
    show_default=True,
    envvar="MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT",
    help="Seconds until a request is answered 504.",
)
@click.option(
    "--env-manager",
    type=click.Choice(("local", "uv", "conda", "virtualenv")),
    default="local",
    show_default=True,
    help="Where the model runs: here, or in a fresh environment of what it requires.",
)
@click.option("--no-conda", is_flag=True, help="The same as --env-manager local; MLflow's older word.")
@click.option("--name", help="What the server is called; default: the model's name.")
@click.option("--detach", is_flag=True, help="Return when the server answers; it goes on.")
@click.option(
    "--max-body",
    type=click.FloatRange(0, min_open=True),
    default=16,
    show_default=True,
    metavar="MB",
    help="The largest request, in MiB.",
)
@click.option(
    "--batching/--no-batching",
    default=None,
    help="Whether requests that arrive together may be one predict; default: as the model says.",
)
@click.option("--queue", type=click.IntRange(1), default=256, show_default=True, help="How many requests may wait.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, exists=True),
    help="A file with the token that callers must send; default: a new one on other hosts.",
)
@click.option(
    "--allow-unauthenticated",
    is_flag=True,
    help="On another host, ask for no token: in a container whose platform asks callers.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="HOST",
    help="A name under which a proxy reaches the server; may be repeated.",
)
def serve(model_uri: str, **options: Any) -> None:
    """Serve a model over HTTP: POST data to /invocations; /docs says what it takes.

    It ends with the command, by Ctrl-C or SIGTERM.
    """
    given = _given(options)
    if given.pop("detach"):
        from mltrack.serving.handles import serve as start  # what the server in this process does without

        server = start(model_uri, detach=True, **given)
        say(f"{model_uri} is served at {server.url} by process {server.pid}.")
        _say_token(server.token_file)
        return
    _serve_here(model_uri, given)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Turn the command's options into those of ``mltrack.serve``."""
    given = dict(options)
    given["max_body"] = int(given["max_body"] * _MEBIBYTE)
    manager = given.pop("env_manager")
    given["env_manager"] = "local" if given.pop("no_conda") else _OLD_NAMES.get(manager, manager)
    token_file = given.pop("token_file")
    if token_file:
        given["token"] = _token_of(Path(token_file))
    return given


def _token_of(file: Path) -> str:
    token = file.read_text(encoding="utf-8").strip()
    if not token:
        raise InvalidParameterError(f"The token file {file} is empty; write 16 or more characters into it.")
    return token


def _serve_here(model_uri: str, given: dict[str, Any]) -> None:
    # Only this command needs them.
    from mltrack.serving.options import settings_of

    settings = settings_of(model_uri, given, owned=False, folder=_folder(given))
    # Not every system has what these need, as the line before says where it is so.
    from mltrack.serving.logs import Log
    from mltrack.serving.program import Program

    Program(settings, Log()).run(lambda state: _say_ready(settings, state))


def _folder(given: dict[str, Any]) -> str:
    """Give where the files of the server are; none where no file can be written, as in some containers."""
    from mltrack.serving.states import servers_folder  # only this command needs it

    try:
        return str(servers_folder())
    except MltrackError as error:
        if given.get("token") is None and not given["allow_unauthenticated"] and given["host"] not in LOOPBACK:
            raise  # the new token would be nowhere
        say(f"mltrack.servers() does not list this server: {error.message}")
        return ""


def _say_ready(settings: Settings, state: State) -> None:
    say(f"{settings.model_uri} is served at {state.url}; Ctrl-C ends it.")
    _say_token(str(state.token_file) if state.token_file else None)


def _say_token(file: str | None) -> None:
    if file is not None:
        say(f"Callers must send the token in {file}, as the header Authorization: Bearer TOKEN.")
