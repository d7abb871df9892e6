"""What commands print: tables and lines for people, JSON for programs; texts from a store cannot move the cursor."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mltrack.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_MLFLOWS = {"latest"}  # what our entities have beyond MLflow's
_GAP = "  "
_LEAST = 4  # characters of a column that may be cut


def say(text: str) -> None:
    """Print a text as one line."""
    click.echo(printable(text))


def print_json(value: object) -> None:
    """Print entities, or lists and mappings of them, as JSON with MLflow's field names.

    Numbers that JSON does not have are the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, as in MLflow's REST
    API. Characters outside ASCII are written as escapes, which every terminal and reader takes.
    """
    click.echo(json.dumps(as_plain(value), indent=2))


def report(text: str, read: Callable[[], object], *, as_json: bool) -> None:
    """Print what a command did as one line; with ``as_json`` what is there now instead, read only then."""
    if as_json:
        print_json(read())
    else:
        say(text)


def as_plain(value: Any) -> Any:
    """Turn entities into what JSON knows: dataclasses into objects, sequences into lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _NOT_MLFLOWS]
        return {name: as_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): as_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Sequence[str] = ()) -> None:
    """Print rows of texts below their titles.

    In a terminal the table fits its width: long cells are cut with "…", but for the columns named in ``whole`` (ids,
    which are copied). Into a pipe or a file every cell is whole, with two or more spaces between columns.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        click.echo(_fitted(titles, cells, whole))
    else:
        click.echo(_aligned([list(titles), *cells]))


def local_time(milliseconds: int | None) -> str:
    """Write a time (ms since 1970) in this computer's time zone, to the second; "-" for none."""
    if milliseconds is None:
        return "-"
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):  # beyond the year 9999, or what the C library knows
        return f"{milliseconds} ms"


def count(amount: int, noun: str) -> str:
    """Write a number of things: ``1 run``, ``2 runs``."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def _fitted(titles: Sequence[str], rows: list[list[str]], whole: Sequence[str]) -> str:
    # Heavy, and needed in terminals only.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = zip(titles, zip(*rows, strict=True) if rows else [()] * len(titles), strict=True)
    widths = [max(map(len, (title, *column))) if title in whole else _LEAST for title, column in columns]
    least = sum(widths) + len(titles) * len(_GAP)
    console = Console(file=sys.stdout, highlight=False)
    console.width = max(console.width, least)  # where ids do not fit, lines run on
    table = Table(box=None, padding=(0, len(_GAP), 0, 0), pad_edge=False, header_style="bold")
    for title in titles:
        # Rich takes what is missing from the columns that may wrap; their cells are cut all the same.
        table.add_column(Text(title, no_wrap=True, overflow="ellipsis"), no_wrap=title in whole)
    for row in rows:  # as Text, since a plain str is read as rich's markup
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
