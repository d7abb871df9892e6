"""Random filters for tests of the search: each as text, and as a test in plain Python that knows nothing of SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from tests.core.run_rows import NUMBER_ATTRIBUTES, NUMERALS, STATUSES, TEXT_ATTRIBUTES, keys, plain_numbers, texts

from mltrack.store.filter_tree import Entity, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.core.run_rows import Row

    Holds = Callable[[Row], bool]
    Filter = tuple[str, Holds]

WORDS = ("alpha", "beta", "gamma", "delta_e", "delta", "alph*", "beta.gamma", "gamma.beta", "later_word", "äö", "x*")


def like(text: str, pattern: str) -> bool:
    pieces = {"%": ".*", "_": "."}
    return re.fullmatch("".join(pieces.get(c, re.escape(c)) for c in pattern), text, re.DOTALL) is not None


def ilike(text: str, pattern: str) -> bool:
    if not pattern.isascii():
        return like(text.casefold(), pattern.casefold())
    return like("".join(c.lower() if c.isascii() else c for c in text), pattern.lower())


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "LIKE": like,
    "NOT LIKE": lambda a, b: not like(a, b),
    "ILIKE": ilike,
    "NOT ILIKE": lambda a, b: not ilike(a, b),
    "IN": lambda a, b: a in b,
    "NOT IN": lambda a, b: a not in b,
    "BETWEEN": lambda a, b: b[0] <= a <= b[1],
    "NOT BETWEEN": lambda a, b: not b[0] <= a <= b[1],
}
NUMERAL = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t\n\v\f\r]*")


def numeral(text: str) -> float | None:
    """Read a text as a number, or give None."""
    match = NUMERAL.fullmatch(text)
    return None if match is None else float(match[1])


def quoted(text: str) -> str:
    quote = '"' if "'" in text else "'"
    return quote + text.replace(quote, "") + quote


def unquoted(text: str) -> str:
    return quoted(text)[1:-1]


def written(key: Key) -> str:
    return key.name if key.entity is Entity.ATTRIBUTE else f"{key.entity.value}.`{key.name}`"


def number_text(number: float) -> str:
    return repr(number).replace("inf", "1e999")


def comparing(key: Key, comparator: str, value: object) -> Holds:
    return lambda row: any(TESTS[comparator](each, value) for each in row.values(key))


def comparing_numerals(key: Key, comparator: str, value: object) -> Holds:
    def holds(row: Row) -> bool:
        found = [numeral(each) for each in row.values(key)]
        return any(each is not None and TESTS[comparator](each, value) for each in found)

    return holds


@st.composite
def number_clauses(draw: st.DrawFn, key: Key) -> Filter:
    compared = comparing_numerals if key.entity is Entity.PARAM else comparing
    comparator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "BETWEEN", "NOT BETWEEN"]))
    first, second = draw(plain_numbers), draw(plain_numbers)
    if comparator.endswith("BETWEEN"):
        text = f"{written(key)} {comparator} {number_text(first)} AND {number_text(second)}"
        return text, compared(key, comparator, (first, second))
    return f"{written(key)} {comparator} {number_text(first)}", compared(key, comparator, first)


@st.composite
def text_clauses(draw: st.DrawFn, key: Key) -> Filter:
    choices = texts | st.sampled_from([*STATUSES, *NUMERALS, "%files%0_/%", "fin%"])
    comparator = draw(st.sampled_from(["=", "!=", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "IN", "NOT IN"]))
    if comparator.endswith("IN"):
        ids = st.sampled_from([f"{first}{second}" for first in range(5) for second in range(3)])
        values = [unquoted(each) for each in draw(st.lists(choices | ids, min_size=1, max_size=5))]
        return f"{written(key)} {comparator} ({', '.join(map(quoted, values))})", comparing(key, comparator, values)
    text = unquoted(draw(choices))
    return f"{written(key)} {comparator} {quoted(text)}", comparing(key, comparator, text)


@st.composite
def null_clauses(draw: st.DrawFn) -> Filter:
    key = Key(draw(st.sampled_from([Entity.PARAM, Entity.TAG])), draw(keys))
    wanted = draw(st.booleans())
    return f"{written(key)} IS {'NOT ' * wanted}NULL", lambda row: bool(row.values(key)) is wanted


def has_word(source: str, word: str) -> bool:
    """Say whether the parts of a word follow one another in a source; the last may be a beginning."""
    parts, found = re.findall(r"\w+", word.lower()), re.findall(r"\w+", source.lower())
    begins = [(found[place : place + len(parts)]) for place in range(len(found) - len(parts) + 1)]
    if word.endswith("*"):
        return any(each[:-1] == parts[:-1] and each[-1].startswith(parts[-1]) for each in begins)
    return parts in begins


@st.composite
def code_clauses(draw: st.DrawFn) -> Filter:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
    wanted = draw(st.booleans())

    def holds(row: Row) -> bool:
        if row.code is None:
            return False
        return all(any(has_word(source, word) for source in row.code) for word in words) is wanted

    return f"code {'NOT ' * (not wanted)}MATCH '{' '.join(words)}'", holds


def key_of(entity: Entity, names: Any = keys) -> st.SearchStrategy[Key]:
    return st.builds(Key, st.just(entity), st.sampled_from(names) if isinstance(names, tuple) else names)


clauses: st.SearchStrategy[Filter] = st.one_of(
    key_of(Entity.METRIC).flatmap(number_clauses),
    key_of(Entity.PARAM).flatmap(number_clauses),
    key_of(Entity.ATTRIBUTE, NUMBER_ATTRIBUTES).flatmap(number_clauses),
    key_of(Entity.PARAM).flatmap(text_clauses),
    key_of(Entity.TAG).flatmap(text_clauses),
    key_of(Entity.ATTRIBUTE, TEXT_ATTRIBUTES).flatmap(text_clauses),
    key_of(Entity.DATASET, ("name", "digest", "context")).flatmap(text_clauses),
    null_clauses(),
    code_clauses(),
)


@st.composite
def _joined(draw: st.DrawFn, inner: st.SearchStrategy[Filter]) -> Filter:
    word = draw(st.sampled_from(["AND", "or", "Not"]))
    if word == "Not":
        text, holds = draw(inner)
        return f"Not ({text})", lambda row: not holds(row)
    parts = draw(st.lists(inner, min_size=2, max_size=3))
    chosen = all if word == "AND" else any
    text = f" {word} ".join(f"({text})" for text, _ in parts)
    return text, lambda row: chosen(holds(row) for _, holds in parts)


filters: st.SearchStrategy[Filter] = st.recursive(clauses, _joined, max_leaves=6)
