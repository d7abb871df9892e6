"""``mltrack rerun`` and ``mltrack restore``: a run's cells again, and its notebook as a file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mltrack.cli import completion
from mltrack.cli.output import json_option, print_json, print_table, report, say
from mltrack.cli.stores import require_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.rerunning.attempt import Attempt
    from mltrack.rerunning.handles import Handle

_LOOK_SECONDS = 0.2


@click.command()
@click.argument("run", shell_complete=completion.run_ids)
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="Processes at once.")
@click.option("--trust", is_flag=True, help="Run the cells though somebody else recorded them.")
@json_option
def rerun(run: str, values: Sequence[str], *, jobs: int, trust: bool, as_json: bool) -> None:
    """Run what a run depends on again, in a clean kernel.

    NAME=VALUE changes a parameter. Several values, as C=0.1,1 or depth=3..8, make a sweep: a run for each combination.
    A sweep that did not come to its end goes on when it is asked for again. The exit code is 1 if something failed.
    """
    # Heavy, and only those who rerun need it.
    from mltrack.rerunning.grids import parse_grid
    from mltrack.rerunning.rerun import rerun as begin

    require_store()
    grid = {name: list(each) for name, each in parse_grid(values).items()}
    handle: Any = begin(run, grid, jobs=jobs, trust=trust)
    _follow(handle)
    if as_json:
        print_json([each.run for each in handle.attempts if each.run is not None])
    else:
        _print(handle.attempts)
    if handle.status != "finished":
        sys.exit(1)


@click.command()
@click.argument("run", shell_complete=completion.run_ids)
@click.argument("path", type=click.Path(), required=False)
@json_option
def restore(run: str, path: str | None, *, as_json: bool) -> None:
    """Write the notebook as a run had executed it as a new file.

    PATH is the file, or a folder for it; by default it is written beside the notebook it was. No file is written over.
    """
    from mltrack.rerunning.restore import restore_notebook  # only those who restore one need it

    require_store()
    found, is_trusted = restore_notebook(run, path)
    report(f"Saved {found}", lambda: {"path": str(found), "trusted": is_trusted}, as_json=as_json)
    if not is_trusted:
        click.echo("It was not recorded by you, so Jupyter does not trust it.", err=True)


def _follow(handle: Handle) -> None:
    """Say on stderr what begins, until all is over; an interrupt stops it."""
    said: set[tuple[str, int]] = set()
    while not handle.wait(_LOOK_SECONDS):
        for each in handle.attempts:
            step = (each.run_id, each.cell)
            if each.status == "running" and each.cell and step not in said:
                said.add(step)
                click.echo(f"{time.strftime('%H:%M:%S')}  {_values(each)}cell {each.cell} of {each.cells}", err=True)


def _print(attempts: Sequence[Attempt]) -> None:
    rows = []
    for each in attempts:
        run = each.run
        metrics = run.data.metrics if run else {}
        found = " ".join(f"{name}={value:.4g}" for name, value in list(metrics.items())[:4])
        rows.append((each.status, _values(each).removesuffix(": "), found, each.run_id if run else "-"))
    print_table(("Status", "Values", "Metrics", "ID"), rows, whole=("Status", "ID"))
    for each in attempts:
        if each.error:
            say(f"{_values(each)}{each.error}")


def _values(attempt: Attempt) -> str:
    text = " ".join(f"{name}={value}" for name, value in attempt.values.items())
    return f"{text}: " if text else ""
