"""What SQLite says in its own way in searches, and which dialect a connection speaks.

ILIKE with letters beyond ASCII needs the SQL function that ``CASEFOLD_FUNCTION`` names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from sqlite3 import Connection

    Bind = Callable[[object], str]

CASEFOLD_FUNCTION = "mltrack_casefold"
"""A function of one text or NULL, Python's ``str.casefold``, which the connection or the database has."""


class Dialect:
    """SQLite's way; another database's has the same methods."""

    def like(self, operand: str, pattern: str, bind: Bind) -> str:
        """Tell letters' cases apart, which SQLite's LIKE does not and its GLOB does."""
        translated = re.sub(r"[*?[]", r"[\g<0>]", without_runs(pattern))
        return f"{operand} GLOB {bind(translated.replace('%', '*').replace('_', '?'))}"

    def ilike(self, operand: str, pattern: str, bind: Bind) -> str:
        """Take letters' cases as one: SQLite's LIKE does so for ASCII, beyond it both sides are folded."""
        if pattern.isascii():
            return f"{operand} LIKE {bind(without_runs(pattern))}"
        return f"{CASEFOLD_FUNCTION}({operand}) LIKE {bind(without_runs(pattern).casefold())}"

    def among(self, operand: str, values: Sequence[object], bind: Bind) -> str:
        """Ask for one of several values."""
        names = [bind(value) for value in values]
        return f"{operand} = {names[0]}" if len(names) == 1 else f"{operand} IN ({', '.join(names)})"

    def order(self, operand: str, direction: str) -> str:
        """Write an order by a value."""
        return f"{operand} {direction}"

    def number_test(self, operand: str, test: str, values: Sequence[float], bind: Bind) -> str:
        """Compare a text as a number, where the whole of it reads as one; ``test`` has a ``{}`` for each value.

        A text that is compared with a NUMERIC expression counts as a number when the whole of it reads as one, and else
        comes after all numbers (https://www.sqlite.org/datatype3.html, 4.2). Both sides are read from text, by one
        reader.
        """
        literals = [repr(value).replace("inf", "9e999") for value in values]
        numbers = test.format(*[f"CAST({bind(literal)} AS NUMERIC)" for literal in literals])
        return f"({operand} {numbers} AND {operand} <= CAST('9e999' AS NUMERIC))"

    def word(self, word: str) -> object:
        """Give a word of a query as FTS5 takes it: a phrase in quotes, which has no syntax inside, or its start."""
        is_prefix = word.endswith("*")
        text = '"{}"'.format(word.rstrip("*").replace('"', '""'))
        return f"{text} *" if is_prefix else text

    def is_indexed(self, connection: Connection, number: int) -> bool:
        """Say whether the words of a blob are in the index."""
        return connection.execute("SELECT 1 FROM code_index WHERE rowid = ?", (number,)).fetchone() is not None

    def index(self, connection: Connection, number: int, text: str) -> None:
        """Put the words of a blob into the index."""
        connection.execute("INSERT INTO code_index (rowid, source) VALUES (?, ?)", (number, text))

    def forget(self, connection: Connection, number: int, text: str) -> None:
        """Take the words of a blob out of the index."""
        row = ("delete", number, text)
        connection.execute("INSERT INTO code_index (code_index, rowid, source) VALUES (?, ?, ?)", row)

    def first_rows(self, connection: Connection, query: str, rows: Sequence[Sequence[object]]) -> list[Any]:
        """Run one query for all of these values, and give the first row of each, or None."""
        return [connection.execute(query, values).fetchone() for values in rows]


SQLITE = Dialect()


def dialect_of(connection: Connection) -> Dialect:
    """Give the dialect of a connection: one of PostgreSQL's has it with it."""
    found: Dialect = getattr(connection, "dialect", SQLITE)
    return found


def without_runs(pattern: str) -> str:
    """Make one % of several: they match the same, and each costs time."""
    return re.sub("%+", "%", pattern)
