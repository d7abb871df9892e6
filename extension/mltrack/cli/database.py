"""``mltrack db``: check the store's file, copy it, and give its unused room back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mltrack import settings
from mltrack.cli.output import count, json_option, print_json, say
from mltrack.cli.stores import store_path
from mltrack.sizes import human_size


@click.group()
def db() -> None:
    """Check the store's file, copy it, give unused room back."""


@db.command()
@json_option
def check(*, as_json: bool) -> None:
    """Check every page and reference of the file; exit 1 if bad.

    A BAD line says what is wrong. The rows of each table are counted.
    """
    path = store_path()
    from mltrack.store.integrity import check_store  # loads the driver

    report = check_store(path)
    if as_json:
        print_json(
            {"path": report.path, "good": report.good, "schema_version": report.schema_version}
            | {"integrity": report.integrity, "foreign_keys": report.foreign_keys, "counts": report.counts}
        )
    else:
        say(f"store {report.path}, schema {report.schema_version}")
        for problem in (*report.integrity, *report.foreign_keys):
            say(f"BAD  {problem}")
        say("rows: " + ", ".join(f"{table} {amount:,}" for table, amount in report.counts.items()))
        say("good: every page and every reference is as it should be" if report.good else _ADVICE)
    if not report.good:
        sys.exit(1)


_ADVICE = "The file is damaged. Keep a copy of it, and go back to a backup (`mltrack db backup` makes them)."


@db.command()
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def backup(target: Path, *, as_json: bool) -> None:
    """Copy the store, in use or not, to the new file TARGET.

    The copy is of one moment, and is checked before it gets its name; nothing is overwritten.
    """
    path = store_path()
    from mltrack.store.backup import back_up  # loads the driver

    made = back_up(path, target)
    if as_json:
        print_json(made)
    else:
        say(f"Copied {path} to {made.path}: {count(made.runs, 'run')}, {human_size(made.file_bytes)}.")
        click.echo("The artifacts are files of their own; copy their folder as well.", err=True)


@db.command()
@json_option
def vacuum(*, as_json: bool) -> None:
    """Give back the room that deleted rows left in the file.

    The file is written anew, which takes as much free room for a moment as it has.
    """
    path = store_path()
    from mltrack.store.compaction import compact  # loads the driver

    settings.get_store()  # one of an older schema is brought up to date first
    done = compact(path)
    if as_json:
        print_json(
            {"path": done.path, "bytes_before": done.bytes_before}
            | {"bytes_after": done.bytes_after, "bytes_returned": done.bytes_returned}
        )
    else:
        say(
            f"{done.path}: {human_size(done.bytes_before)} before, {human_size(done.bytes_after)} now; "
            f"{human_size(done.bytes_returned)} given back."
        )
