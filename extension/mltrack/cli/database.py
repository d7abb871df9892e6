"""``mltrack db``: check the store, copy it, give its unused room back, and move it to PostgreSQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mltrack import config, settings
from mltrack.cli.output import count, json_option, print_json, say
from mltrack.cli.stores import store_path
from mltrack.extra_libraries import need_libraries
from mltrack.plain_text import printable
from mltrack.sizes import human_size

if TYPE_CHECKING:
    from mltrack.store.integrity import CheckReport


@click.group()
def db() -> None:
    """Check the store, copy it, move it to PostgreSQL."""


@db.command()
@json_option
def check(*, as_json: bool) -> None:
    """Check every page and reference; exit 1 if bad.

    A BAD line says what is wrong. The rows of each table are counted. Of a PostgreSQL database the references are
    checked; its pages are for its own tools.
    """
    uri = settings.get_tracking_uri()
    report = _checked(uri)
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
        what = "every reference" if config.is_database(uri) else "every page and every reference"
        say(f"good: {what} is as it should be" if report.good else _ADVICE)
    if not report.good:
        sys.exit(1)


def _checked(uri: str) -> CheckReport:
    if config.is_database(uri):
        from mltrack.store.postgres.checking import check_database  # loads the driver

        return check_database(uri)
    from mltrack.store.integrity import check_store  # loads the driver

    return check_store(store_path())


_ADVICE = (
    "The store is damaged. Keep a copy of it, and go back to a backup (`mltrack db backup` makes them of a file, "
    "pg_dump of a PostgreSQL database)."
)


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


@db.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--artifacts", metavar="PLACE", help="Copy the artifacts there, too: s3://BUCKET/FOLDER, or a path.")
@json_option
def migrate(source: str, target: str, *, artifacts: str | None, as_json: bool) -> None:
    """Copy the store in the file FROM into the PostgreSQL database TO.

    TO is postgresql://USER@HOST/DATABASE, a database without a store; its password may be in PGPASSWORD or ~/.pgpass.
    All rows are compared afterwards. A copy that was ended is gone on with by the same command.
    """
    need_libraries("A store in PostgreSQL", ("psycopg",), extra="postgres")
    from mltrack.store.migrating import migrate_store  # loads both drivers

    done = migrate_store(config.store_path(source), target, artifacts=artifacts, say=_tell)
    if as_json:
        print_json(done)
        return
    say(f"Copied {done.source} to {done.target}: {count(sum(done.rows.values()), 'row')}, all compared.")
    say("rows: " + ", ".join(f"{table} {amount:,}" for table, amount in done.rows.items() if amount))
    if done.replaced:
        say(f"{count(done.replaced, 'text')} had NUL characters, which PostgreSQL does not keep; now \u2400 is there.")
    if done.files:
        sent, there = count(done.files.sent, "file"), f"{done.files.there:,} were there"
        say(f"artifacts: {sent} copied, {human_size(done.files.size)}; {there}")
        for problem in done.files.problems:
            say(f"note {problem}")


def _tell(text: str) -> None:
    click.echo(printable(text), err=True)
