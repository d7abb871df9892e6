"""``mltrack export``: a run as a project that others can run, and whether it gives the same metrics."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mltrack.cli import completion
from mltrack.cli.output import json_option, print_json
from mltrack.cli.stores import require_store

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("export")
@click.argument("run", shell_complete=completion.run_ids)
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--whole", is_flag=True, help="Every cell that ran, not only those the result depends on.")
@click.option(
    "--as", "form", type=click.Choice(("notebook", "script", "both")), default="both", show_default=True, help="Forms."
)
@click.option("--with-data", is_flag=True, help="Copy the files that were read, up to 20 MB each.")
@click.option("--verify", is_flag=True, help="Run it in a fresh environment, the script twice; compare the metrics.")
@click.option("--zip", is_flag=True, help="Write DIR.zip too.")
@click.option(
    "--tolerance",
    "tolerances",
    metavar="[NAME=]VALUE",
    multiple=True,
    help="How far a metric may be off, as a part of it; without a name, all of them.",
)
@click.option("--trust", is_flag=True, help="Verify it though somebody else recorded its notebook.")
@json_option
def export(run: str, directory: str, *, form: str, tolerances: Sequence[str], as_json: bool, **flags: bool) -> None:
    """Write RUN as a project, to a new folder DIR.

    RUN is an id, its first digits, a name, or "last". `mltrack run DIR`, `mlflow run DIR` and `python main.py` run it.
    With --verify the exit code is 1 if it does not give the run's metrics.
    """
    # Reads the store, which other commands may not need.
    from mltrack.exporting.export import export_run
    from mltrack.exporting.verification import read_tolerances

    require_store()
    done = export_run(
        run,
        directory,
        form=form,
        tolerances=read_tolerances(tolerances),
        **flags,
    )
    if as_json:
        print_json(done.as_json())
    else:
        click.echo(done.text)
    if done.verification is not None and not done.verification.verified:
        sys.exit(1)
