"""``mltrack gc``: remove for good what was deleted."""

from __future__ import annotations

import re
import sys
from datetime import timedelta

import click

from mltrack.cli.output import count, json_option, print_json, say
from mltrack.cli.stores import choose, refuse_server, require_store, shown_store
from mltrack.plain_text import printable
from mltrack.sizes import human_size

_SPAN = re.compile(
    r"(?:(?P<days>\d+\.?\d*|\.\d+)d)?(?:(?P<hours>\d+\.?\d*|\.\d+)h)?"
    r"(?:(?P<minutes>\d+\.?\d*|\.\d+)m)?(?:(?P<seconds>\d+\.?\d*|\.\d+)s)?"
)


def _seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Read a length of time in MLflow's form: ``30d``, ``1d2h3m4s``, ``1.5h``."""
    if text is None:
        return None
    found = _SPAN.fullmatch(text)
    parts = {name: float(part) for name, part in found.groupdict().items() if part} if found else {}
    if not parts:
        raise click.BadParameter(
            f"{text!r} is no length of time; write 30d, 8h, 2d8h5m20s or 1.5h.", context, parameter
        )
    try:
        return timedelta(**parts).total_seconds()
    except OverflowError:
        raise click.BadParameter(f"{text!r} is longer than can be counted.", context, parameter) from None


def _ids(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str] | None:
    """Read ids with commas between them."""
    if text is None:
        return None
    found = [each.strip() for each in text.split(",")]
    if not all(found):
        raise click.BadParameter(f"{text!r} has an empty id in it; put one comma between two.", context, parameter)
    return found


@click.command()
@click.option("--older-than", callback=_seconds, metavar="SPAN", help="Only what was deleted before: 30d, 1d2h3m4s.")
@click.option("--run-ids", callback=_ids, metavar="ID,ID…", help="Only these runs; they must be deleted.")
@click.option("--experiment-ids", callback=_ids, metavar="ID,ID…", help="Only these experiments; they must be deleted.")
@click.option(
    "--backend-store-uri",
    "--tracking-uri",
    metavar="URI",
    callback=choose,
    expose_value=False,
    help="The store, as --store before the command.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask in a terminal.")
@json_option
def gc(
    older_than: float | None, run_ids: list[str] | None, *, experiment_ids: list[str] | None, yes: bool, as_json: bool
) -> None:
    """Remove for good what was deleted.

    These are runs, experiments and logged models that were deleted, what was logged to them, their artifacts, and the
    cells of notebooks that no other run refers to. What is active stays, whatever ids are given.
    """
    refuse_server("gc")
    require_store()
    from mltrack.garbage import collect_garbage  # reads the store, which other commands may not need

    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove for good what was deleted from {shown_store()}?", abort=True, err=True)
    report = collect_garbage(older_than=older_than, run_ids=run_ids, experiment_ids=experiment_ids)
    if as_json:
        print_json(report)
    else:
        nouns = {"run": report.runs, "experiment": report.experiments, "notebook piece": report.blobs}
        if report.models:
            nouns["logged model"] = report.models
        amounts = ", ".join(count(amount, noun) for noun, amount in nouns.items())
        say(f"Removed {amounts}; {human_size(report.bytes)} given back.")
        for problem in report.problems:
            click.echo(printable(problem), err=True)
    if report.problems:
        sys.exit(1)
