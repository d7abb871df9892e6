"""What PostgreSQL says in its own way in searches: patterns, texts as numbers, long texts in indexes, words of code."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from mltrack.store.dialect import CASEFOLD_FUNCTION, Dialect, without_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from mltrack.store.dialect import Bind
    from mltrack.store.postgres.connection import PostgresConnection

INDEXED = 200
"""Characters of a long text that are in an index: PostgreSQL takes entries of up to some 2,700 bytes."""
LONG = ("p.value", "r.name")
"""What is indexed that way."""
NUMBER_FUNCTION = "mltrack_number"
"""A function of a text: the float that the whole of it reads as, or NULL."""
_EXACT = 2**53
_TOKEN = re.compile(r"[\w\u0300-\u0331]+")  # letters, digits and _, as FTS5's tokenizer has them
_LONGEST_TOKEN = 400  # a word of PostgreSQL's has at most 2,046 bytes
_MOST_WORDS = 900_000  # bytes; of PostgreSQL's 1 MB
_WHOLE = r"^\s*[+-]?[0-9]{1,18}\s*$"


class PostgresDialect(Dialect):
    """Writes what ``Dialect`` does, to the same meaning."""

    def like(self, operand: str, pattern: str, bind: Bind) -> str:
        """Tell letters' cases apart; no character escapes another."""
        return f"{operand} LIKE {bind(without_runs(pattern))} ESCAPE ''"

    def ilike(self, operand: str, pattern: str, bind: Bind) -> str:
        """Take letters' cases as one: as columns are sorted by bytes, ILIKE does so for ASCII alone."""
        if pattern.isascii():
            return f"{operand} ILIKE {bind(without_runs(pattern))} ESCAPE ''"
        return f"{CASEFOLD_FUNCTION}({operand}) LIKE {bind(without_runs(pattern).casefold())} ESCAPE ''"

    def among(self, operand: str, values: Sequence[object], bind: Bind) -> str:
        """Ask for one of several values, by the index where that has only the beginning of a text."""
        names = [bind(value) for value in values]
        test = f"{operand} = {names[0]}" if len(names) == 1 else f"{operand} IN ({', '.join(names)})"
        if operand not in LONG:
            return test
        starts = ", ".join(f"left({name}, {INDEXED})" for name in names)
        return f"({beginning(operand)} IN ({starts}) AND {test})"

    def order(self, operand: str, direction: str) -> str:
        """Write an order by a value."""
        if operand not in LONG:
            return f"{operand} {direction}"
        return f"{beginning(operand)} {direction}, {operand} {direction}"

    def number_test(self, operand: str, test: str, values: Sequence[float], bind: Bind) -> str:
        """Compare a text as a number, where the whole of it reads as one."""
        numbers = f"{NUMBER_FUNCTION}({operand}) " + test.format(*[bind(float(value)) for value in values])
        if all(abs(value) < _EXACT or math.isinf(value) for value in values):
            return f"coalesce({numbers}, FALSE)"
        exact = test.format(*[bind(Decimal(value)) for value in values])
        return (
            f"CASE WHEN {operand} ~ '{_WHOLE}' THEN CAST({operand} AS numeric) {exact}"
            f" ELSE coalesce({numbers}, FALSE) END"
        )

    def word(self, word: str) -> object:
        """Give a query for the words, and the text that they must be found as, next to each other."""
        is_prefix = word.endswith("*")
        found = tokens(word.rstrip("*"))
        if not found:
            return ["''", "\x01"]  # found nowhere
        query = " & ".join([*found[:-1], f"{found[-1]}:*" if is_prefix else found[-1]])
        return [query, f" {' '.join(found)}" + " " * (not is_prefix)]

    def is_indexed(self, connection: Connection, number: int) -> bool:
        """Say whether the words of a blob are in the index."""
        return connection.execute("SELECT 1 FROM code_index WHERE blob_id = ?", (number,)).fetchone() is not None

    def index(self, connection: Connection, number: int, text: str) -> None:
        """Put the words of a blob into the index."""
        found = tokens(text)
        connection.execute(
            "INSERT INTO code_index (blob_id, words, line) VALUES (?, array_to_tsvector(CAST(? AS text[])), ?)"
            " ON CONFLICT DO NOTHING",
            (number, _first(sorted(set(found))), f" {' '.join(found)} "),
        )

    def forget(self, connection: Connection, number: int, text: str) -> None:  # noqa: ARG002 - as SQLite's
        """Take the words of a blob out of the index."""
        connection.execute("DELETE FROM code_index WHERE blob_id = ?", (number,))

    def first_rows(self, connection: Connection, query: str, rows: Sequence[Sequence[object]]) -> list[Any]:
        """Run one query for all of these values without waiting for each, and give the first row of each, or None."""
        return cast("PostgresConnection", connection).first_rows(query, rows)


POSTGRES = PostgresDialect()


def beginning(operand: str) -> str:
    """Write the part of a long text that is in the index."""
    return f"left({operand}, {INDEXED})"


def tokens(text: str) -> list[str]:
    """Give the words of a source, in small letters."""
    return [found[:_LONGEST_TOKEN] for found in _TOKEN.findall(text.replace("\0", " ").casefold())]


def _first(words: list[str]) -> list[str]:
    size = 0
    for place, word in enumerate(words):
        size += len(word.encode()) + 1
        if size > _MOST_WORDS:
            return words[:place]
    return words
