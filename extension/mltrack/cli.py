"""The command line: parse, call one function, print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

import mltrack
from mltrack import config, settings
from mltrack.exceptions import MltrackError

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Group(click.Group):
    """Commands whose errors are one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the core is printed as it is, without a traceback."""
        try:
            return super().invoke(ctx)
        except MltrackError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mltrack.__version__, prog_name="mltrack")
@click.option("--store", metavar="URI", envvar=config.TRACKING_URI.name, help="The store: sqlite:///PATH, or a path.")
def main(store: str | None) -> None:
    """Look at runs, check the store, and try mltrack out."""
    if store:
        settings.set_tracking_uri(store)


@main.command()
@click.argument("folder", type=click.Path(file_okay=False), default="mltrack-quickstart")
def quickstart(folder: str) -> None:
    """Run the quickstart notebook in a real kernel, into FOLDER, and show its runs."""
    from mltrack.quickstart import run_quickstart  # brings nbclient along

    run_quickstart(folder, say=click.echo)


@main.command()
@click.argument("filter_words", metavar="[FILTER]", nargs=-1)
@click.option("-e", "--experiment", metavar="E", help="The experiment's name; default: all.")
@click.option("-o", "--order", metavar="O", multiple=True, help="Such as 'metrics.accuracy DESC'; may be given again.")
@click.option("-n", "--limit", default=50, type=click.IntRange(min=1), show_default=True, help="At most so many rows.")
def runs(filter_words: Sequence[str], experiment: str | None, order: Sequence[str], limit: int) -> None:
    """Show runs as a table, such as `mltrack runs "metrics.accuracy > 0.9"`."""
    _need_store()
    table = mltrack.runs(" ".join(filter_words), experiment=experiment, order_by=list(order), max_results=limit)
    click.echo(table.text)


@main.command()
@click.argument("run", default="last")
def show(run: str) -> None:
    """Show a run's card. RUN is an id, its first digits, a name, or "last"."""
    _need_store()
    click.echo(mltrack.show(run).text)


@main.command()
def doctor() -> None:
    """Check the SQLite library, the store, open runs and the environment; exit 1 if one needs a hand."""
    from mltrack.doctor import examine  # reads the store, which other commands may not need

    findings = examine()
    for finding in findings:
        click.echo(f"{'ok  ' if finding.good else 'note' if finding.good is None else 'BAD '} {finding.text}")
    if any(finding.good is False for finding in findings):
        sys.exit(1)


def _need_store() -> None:
    """Looking must not make a store."""
    path = config.store_path(settings.get_tracking_uri())
    if not path.exists():
        raise click.ClickException(
            f"There is no store at {path}. Go where one is, give --store, or make one: `mltrack quickstart`."
        )
