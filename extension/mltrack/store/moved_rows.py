"""The rows of an SQLite store on their way into another database: read by their keys, with places that hold there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.store.artifacts import is_remote
from mltrack.store.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from sqlite3 import Connection

    Row = tuple[Any, ...]

NUL = "\u2400"
"""What a NUL character in a text becomes, which PostgreSQL does not keep: the picture of one."""
_FLOATS, _BYTES, _WHOLE = "REAL", "BLOB", "INTEGER"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns with their kinds, and those of its key."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def list(self) -> str:
        """The columns as SQL has them."""
        return ", ".join(f'"{column}"' for column in self.columns)


def tables(connection: Connection) -> list[Table]:
    """Give the tables of a store that are to be moved."""
    found = []
    for name in TABLES:
        if name == "meta":  # each store has its own
            continue
        rows = connection.execute(f"PRAGMA table_info({name})").fetchall()
        keys = sorted((row[5], row[1]) for row in rows if row[5])
        columns, kinds = tuple(row[1] for row in rows), tuple(row[2] for row in rows)
        found.append(Table(name, columns, kinds, tuple(key for _, key in keys)))
    return found


class MovedRows:
    """Reads the rows of a store in a folder; ``root`` is where its artifacts go, None: they stay."""

    def __init__(self, connection: Connection, folder: Path, *, root: str | None = None) -> None:
        self._connection = connection
        self._folder = folder
        self._root = root
        self.replaced = 0
        """How many texts had NUL characters."""

    def count(self, table: Table) -> int:
        """Give how many rows of a table are to be moved."""
        return int(self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])

    def rows(self, table: Table, after: Row | None = None) -> Iterator[Row]:
        """Give the rows of a table by its key, from behind one on."""
        where = ""
        if after is not None:
            where = f" WHERE ({', '.join(table.keys)}) > ({', '.join('?' * len(table.keys))})"
        query = f"SELECT {table.list} FROM {table.name}{where} ORDER BY {', '.join(table.keys)}"
        change = self._change(table)
        readers = [_READERS.get(kind, self._text) for kind in table.kinds]
        for row in self._connection.execute(query, after or ()):
            read = tuple([None if value is None else reader(value) for reader, value in zip(readers, row, strict=True)])
            yield change(read)

    def _text(self, value: object) -> str:
        text = value if isinstance(value, str) else str(value)
        if "\0" in text:
            self.replaced += 1
            return text.replace("\0", NUL)
        return text

    def _change(self, table: Table) -> Callable[[Row], Row]:
        """Give what changes the places in a row."""
        if table.name == "experiments":
            place, number = table.columns.index("artifact_location"), table.columns.index("id")
            return lambda row: _with(row, place, self.experiment_place(row[place], row[number]))
        if "artifact_place" in table.columns:
            place = table.columns.index("artifact_place")
            return lambda row: row if row[place] is None else _with(row, place, self.own_place(row[place]))
        return lambda row: row

    def experiment_place(self, place: str, number: int) -> str:
        """Give where an experiment's artifacts lie from now on."""
        if is_remote(place) or self._root is None:
            return self.absolute(place)
        return f"{self._root}/{number}"

    def own_place(self, place: str) -> str | None:
        """Give where the artifacts of a run or model lie that are not below their experiment's; None: they are now."""
        return self.absolute(place) if is_remote(place) or self._root is None else None

    def absolute(self, place: str) -> str:
        """Give a place as it is named from anywhere."""
        return place if is_remote(place) else str(self._folder / place)


def _with(row: Row, place: int, value: object) -> Row:
    return (*row[:place], value, *row[place + 1 :])


def _whole(value: object) -> int:
    return int(value)  # type: ignore[call-overload, no-any-return]


def _bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]


_READERS: dict[str, Callable[[Any], Any]] = {_WHOLE: _whole, _FLOATS: float, _BYTES: _bytes}
