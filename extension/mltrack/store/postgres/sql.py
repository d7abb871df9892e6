"""SQL as SQLite takes it, said as PostgreSQL does: what is bound, lists in JSON, and what has another name.

Each text is translated once. ``REWRITTEN`` holds what is not one word for another: there PostgreSQL needs another
query to be as quick.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mltrack.store.postgres.rewritten import KEYED, REWRITTEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Values = Sequence[object] | Mapping[str, object]

_KEYED = tuple(
    (re.compile(re.escape(ours).replace(re.escape("{key}"), r"(:\w+)", 1).replace(re.escape("{key}"), r"\1")), theirs)
    for ours, theirs in KEYED.items()
)
_LONG = 8_192
_LIST = r"\(SELECT value FROM json_each\((\?|:\w+)\)\)"
_WORDS = (
    (re.compile(rf"\bNOT IN {_LIST}"), r"<> ALL(\1)"),
    (re.compile(rf"\bIN {_LIST}"), r"= ANY(\1)"),
    (re.compile(r"\bjson_each\((\?|:\w+)\) (\w+)"), r"unnest(CAST(\1 AS bigint[])) AS \2 (value)"),
    (re.compile(r"\bCROSS JOIN (\w+ \w+)\s+ON\b"), r"JOIN \1 ON"),
    (re.compile(r"\bhex\(([\w.]+)\)"), r"upper(encode(\1, 'hex'))"),
    (re.compile(r"\bf\.rowid\b"), "f.blob_id"),
    (re.compile(r"(?<=[\s(])\+(?=[a-z]\w*\.)"), ""),  # which keeps SQLite from an index
)
_LISTS = re.compile(r"(?:json_each\(|ANY\(|ALL\(|CAST\()(\?|:\w+)(?:\)| AS bigint\[\])")
_PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|::|:[A-Za-z_]\w*|\?|%")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement for psycopg, and which of its values are lists in JSON: by name, or by place.

    ``of_one`` is the statement for a single experiment, whose runs an index has in their order.
    """

    text: str
    of_one: str
    lists: frozenset[str] | frozenset[int]

    def bound(self, values: Values) -> tuple[str, Values]:
        """Give the text and the values as it takes them."""
        if not self.lists:
            return self.text, values
        if not isinstance(values, dict):
            return self.text, [_listed(value) if place in self.lists else value for place, value in enumerate(values)]
        found = {name: _listed(value) if name in self.lists else value for name, value in values.items()}
        experiments = found.get("experiments")
        if isinstance(experiments, str) and "experiments" in self.lists and "," not in experiments != "{}":
            return self.of_one, {**found, "experiments": int(experiments[1:-1])}
        return self.text, found


def translated(query: str) -> Statement:
    """Translate a statement of SQLite's; those of usual lengths are remembered."""
    return _remembered(query) if len(query) <= _LONG else _translate(query)


@lru_cache(maxsize=1024)
def _remembered(query: str) -> Statement:
    return _translate(query)


def _translate(query: str) -> Statement:
    for ours, theirs in REWRITTEN.items():
        if ours in query:
            query = query.replace(ours, theirs)
    for pattern, theirs in _KEYED:
        query = pattern.sub(lambda match, text=theirs: text.replace("{key}", match[1]), query)  # type: ignore[misc]
    for pattern, replacement in _WORDS:
        query = pattern.sub(replacement, query)
    lists = _lists(query)
    text = _PIECES.sub(_piece, query)
    return Statement(text, text.replace("= ANY(%(experiments)s)", "= %(experiments)s"), lists)


def _lists(query: str) -> frozenset[str] | frozenset[int]:
    """Find which values are lists: those within ``ANY(…)``, ``ALL(…)`` and ``unnest(…)``."""
    named = frozenset(match[1][1:] for match in _LISTS.finditer(query) if match[1] != "?")
    if named:
        return named
    starts = {match.start(1) for match in _LISTS.finditer(query)}
    places = [match.start() for match in _PIECES.finditer(query) if match[0] == "?"]
    return frozenset(number for number, start in enumerate(places) if start in starts)


def _piece(match: re.Match[str]) -> str:
    found = match[0]
    if found == "?":
        return "%s"
    if found[0] == ":" and found != "::":
        return f"%({found[1:]})s"
    return found.replace("%", "%%")


def _listed(value: object) -> object:
    """Give a JSON list of numbers as PostgreSQL's text of an array, one of texts as a list."""
    text = str(value)
    if '"' in text:
        return json.loads(text)
    return f"{{{text[1:-1]}}}"
