"""``mltrack run``: a project is run, with MLflow's options, and the exit code says whether it succeeded."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mltrack.cli import completion
from mltrack.deploying.names import MANAGERS
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

_ENDS = (signal.SIGTERM, signal.SIGHUP)


@click.command("run")
@click.argument("uri")
@click.option(
    *("-e", "--entry-point"),
    metavar="NAME",
    default="main",
    show_default=True,
    help="An entry point of the file MLproject, or a .py, .sh or .ipynb file of the project.",
)
@click.option("-v", "--version", metavar="VERSION", help="A commit, branch or tag of a git repository.")
@click.option(
    *("-P", "--param-list", "parameters"),
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter; one that the entry point does not declare follows the command as --NAME VALUE.",
)
@click.option(
    *("-A", "--docker-args"),
    metavar="NAME=VALUE",
    multiple=True,
    help="An option of docker run, or -A NAME for a flag; for projects with docker_env.",
)
@click.option(
    "--experiment-name",
    metavar="NAME",
    shell_complete=completion.experiment_names,
    help="The experiment of the run, made when there is none.",
)
@click.option(
    "--experiment-id", metavar="ID", shell_complete=completion.experiment_ids, help="The same by the experiment's id."
)
@click.option(
    *("-b", "--backend"), metavar="NAME", default="local", show_default=True, help="local, ray or kubernetes."
)
@click.option(
    *("-c", "--backend-config"), metavar="FILE", help="The backend's configuration: a .json file, or JSON as it is."
)
@click.option(
    "--env-manager",
    type=click.Choice(MANAGERS),
    help="Where it runs: here, or in an environment of what the project requires; default: uv where it names one.",
)
@click.option("--no-conda", is_flag=True, help="The same as --env-manager local; MLflow's older word.")
@click.option(
    "--storage-dir",
    metavar="FOLDER",
    envvar="MLFLOW_TMP_DIR",
    help="Where parameters of the type path are fetched to; default: a temporary folder.",
)
@click.option("--run-id", metavar="ID", shell_complete=completion.run_ids, help="Take up this run, make none.")
@click.option("--run-name", metavar="NAME", help="The run's name; default: an invented one.")
@click.option("--build-image", is_flag=True, help="Build an image of the project; for projects with docker_env.")
@click.option("--trust", is_flag=True, help="Run a project that is not your own without asking.")
def run_project(uri: str, **options: Any) -> None:
    """Run a project: a folder, a git repository, a zip file.

    #SUBDIRECTORY may follow the URI. What it prints is shown as it comes; Ctrl-C ends it with all that it started.
    """
    from mltrack.projects.request import RunRequest  # what runs projects, which other commands do without
    from mltrack.projects.running import read_config, submit, wait_for

    manager = options.pop("env_manager")
    if options.pop("no_conda"):
        if manager not in (None, "local"):
            raise click.UsageError(f"--no-conda means --env-manager local, and {manager} was said as well.")
        manager = "local"
    options["parameters"] = _by_name(options["parameters"], "-P")
    options["docker_args"] = _by_name(options["docker_args"], "-A", may_be_flags=True)
    if options["experiment_name"] and options["experiment_id"]:
        raise click.UsageError("Specify only one of --experiment-name and --experiment-id.")
    options["backend_config"] = read_config(options["backend_config"])
    request = RunRequest(uri, env_manager=manager, ask=_asked(), say=_say, output="inherited", **options)
    with _ended_by_signals():
        submitted = submit(request)
        wait_for(submitted)
    _say(f"run {submitted.run_id} succeeded")


def _by_name(given: Iterable[str], option: str, *, may_be_flags: bool = False) -> dict[str, Any]:
    """Give NAME=VALUE words by their names; a value may hold further signs."""
    found: dict[str, Any] = {}
    for word in given:
        name, sign, value = word.partition("=")
        if not name or not (sign or may_be_flags):
            raise click.UsageError(f"Invalid format for {option} parameter: {word!r}. Use {option} name=value.")
        if name in found:
            raise click.UsageError(f"Repeated parameter: {name!r}")
        found[name] = value if sign else True
    return found


def _asked() -> Any:
    """Give how the user is asked, where somebody sits at a terminal."""
    return (lambda text: click.confirm(text, err=True)) if sys.stdin and sys.stdin.isatty() else None


def _say(line: str) -> None:
    click.echo(f"mltrack: {visible(line)}", err=True)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End as by Ctrl-C when another process asks for it, or the terminal is closed."""
    before = {number: signal.signal(number, _interrupt) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
