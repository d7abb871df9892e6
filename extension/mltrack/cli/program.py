"""``mltrack``: the program, its options, and the commands that are no group of their own."""

from __future__ import annotations

import sys

import click

import mltrack
from mltrack import config, settings
from mltrack.cli import completion
from mltrack.cli.groups import Program
from mltrack.cli.lazy_commands import LazyCommands
from mltrack.cli.output import json_option, print_json, say
from mltrack.cli.stores import require_store, usage_faults

_COMMANDS = {
    "run": "mltrack.cli.projects:run_project",
    "export": "mltrack.cli.exporting:export",
    "rerun": "mltrack.cli.rerunning:rerun",
    "restore": "mltrack.cli.rerunning:restore",
    "experiments": "mltrack.cli.experiments:experiments",
    "runs": "mltrack.cli.runs:runs",
    "artifacts": "mltrack.cli.artifacts:artifacts",
    "models": "mltrack.cli.models:models",
    "environments": "mltrack.cli.environments:environments",
    "pipeline": "mltrack.cli.pipelines:pipeline",
    "server": "mltrack.cli.server:server",
    "ui": "mltrack.cli.ui:ui",
    "gc": "mltrack.cli.garbage:gc",
    "sync": "mltrack.cli.sync:sync",
    "import": "mltrack.cli.imports:importing",
    "db": "mltrack.cli.database:db",
    "completion": "mltrack.cli.completion:completion",
}
"""Where the commands are that are not here; each is loaded when it is used, or all of them for the help."""


@click.group(cls=Program, commands=LazyCommands(_COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mltrack.__version__, prog_name="mltrack")
@click.option(
    "--store",
    metavar="URI",
    envvar=config.TRACKING_URI.name,
    help="The store: sqlite:///PATH, a path, http://SERVER, or postgresql://…",
)
def main(store: str | None) -> None:
    """Look at runs and experiments, change, import and export them, look after the store, and try mltrack out."""
    if store:
        with usage_faults():
            settings.set_tracking_uri(store)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False), default="mltrack-quickstart")
def quickstart(folder: str) -> None:
    """Run the quickstart notebook in a real kernel.

    The notebook and its store go into FOLDER; its runs are shown.
    """
    from mltrack.quickstart import run_quickstart  # brings nbclient along

    run_quickstart(folder, say=click.echo)


@main.command()
@click.argument("run", default="last", shell_complete=completion.run_ids)
@json_option
def show(run: str, *, as_json: bool) -> None:
    """Show a run's card. RUN is an id, its first digits, a name, or "last"."""
    require_store()
    if as_json:
        from mltrack.lookup import find_run  # reads the store, which other commands may not need

        print_json(find_run(run))
    else:
        click.echo(mltrack.show(run).text)


@main.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Check the SQLite library, the store and the environment.

    Open runs are named. The exit code is 1 if something needs a hand.
    """
    from mltrack.doctor import examine  # reads the store, which other commands may not need

    findings = examine()
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.good else 'note' if finding.good is None else 'BAD '} {finding.text}")
    if any(finding.good is False for finding in findings):
        sys.exit(1)
