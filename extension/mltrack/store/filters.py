"""The search grammar: the text of a filter or of an order key, read into a syntax tree.

The language is MLflow's: clauses joined by AND, each ``key comparator value`` or ``key IS [NOT] NULL``; a key is
``entity.name``, or a bare attribute. What may be named is a table, ``filter_sql.RUNS``. Every refusal is an
``InvalidParameterError`` that says what was expected and shows the text with a caret under the place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.filter_sql import (
    LIST_COMPARATORS,
    NULL_COMPARATORS,
    RUNS,
    And,
    Comparison,
    CompiledSearch,
    Entity,
    Key,
    NullTest,
    OrderKey,
    ValueKind,
    write_search,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.filter_sql import Expression, Grammar

MAX_CHARACTERS = 16_384
MAX_CLAUSES = 100
MAX_ORDER_KEYS = 10
MAX_LIST_VALUES = 1_000
# SQLite matches `%text` in time that grows with the text's length times the stored value's, and stops at 50,000 bytes.
MAX_PATTERN_CHARACTERS = 1_000
_SHOWN_CHARACTERS = 100


def parse_filter(text: str | None, grammar: Grammar = RUNS) -> Expression | None:
    """Read a filter into its syntax tree; None when it is empty and every row passes.

    What is no filter of this grammar, or passes a limit, is an ``InvalidParameterError``.
    """
    if text is None:
        return None
    parser = _Parser(_checked(text, "filter"), grammar)
    return None if parser.current.kind is _Kind.END else parser.whole_filter()


def parse_order(order_by: Sequence[str] | None, grammar: Grammar = RUNS) -> tuple[OrderKey, ...]:
    """Read a list of ``key [ASC|DESC]``, the most important first; raises as ``parse_filter``."""
    if order_by is None:
        return ()
    if isinstance(order_by, str) or not isinstance(order_by, Sequence):
        problem = f"order_by is of type {type(order_by).__name__}; expected a list, as ['metrics.loss DESC']"
        raise InvalidParameterError(problem)
    if len(order_by) > MAX_ORDER_KEYS:
        raise InvalidParameterError(f"order_by has {len(order_by)} keys; expected at most {MAX_ORDER_KEYS}")
    return tuple(_Parser(_checked(text, "order key"), grammar).order_key() for text in order_by)


def compile_search(filter_string: str | None, order_by: Sequence[str] | None) -> CompiledSearch:
    """Turn a search for runs into SQL; raises as ``parse_filter``."""
    return write_search(parse_filter(filter_string), parse_order(order_by))


class _Kind(StrEnum):
    WORD = "word"
    NUMBER = "number"
    STRING = "string"  # '…', always a value
    QUOTED = "quoted"  # "…", a key or a value, by where it stands
    NAME = "name"  # `…`, always a key
    OPERATOR = "operator"
    MARK = "mark"
    UNREADABLE = "unreadable"  # the rest of a text that no token can start
    END = "end"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def unquoted(self) -> str:
        return self.text[1:-1]

    def is_word(self, *words: str) -> bool:
        return self.kind is _Kind.WORD and self.text.upper() in words

    def __str__(self) -> str:
        return "the end" if self.kind is _Kind.END else _shortened(self.text)


_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<number>(?>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.]))
    | (?P<word>[^\W\d][\w.]*)
    | (?P<string>'[^']*')
    | (?P<quoted>"[^"]*")
    | (?P<name>`[^`]*`)
    | (?P<operator>[<>=!]+)
    | (?P<mark>[(),;])
    """,
    re.VERBOSE,
)


def _tokens(text: str) -> list[_Token]:
    """Cut a text into tokens; the last one is UNREADABLE, or END, where the text ends but for white space."""
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return [*tokens, _Token(_Kind.UNREADABLE, text[position:], position)]
        if match.lastgroup != "space":
            tokens.append(_Token(_Kind(str(match.lastgroup)), match[0], position))
        position = match.end()
    return [*tokens, _Token(_Kind.END, "", len(text.rstrip()))]


def _unreadable(text: str) -> str:
    if text[0] in "'\"`":
        return f"The quote {text[0]} is not closed; expected another {text[0]} after the text"
    if number := re.match(r"[+-]?\.?[0-9][\w.]*", text):
        return f"{_shortened(number[0])} does not read as a number; expected one as 12, -0.5 or 1e-3"
    return (
        f"The character {text[0]!r} has no meaning here; expected a key, a comparator or a value "
        "(a key that holds such characters is quoted, as metrics.`val/loss`)"
    )


class _Parser:
    """A recursive-descent parser over one text; each method reads one rule of the grammar."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self._text = text
        self._grammar = grammar
        self._list = _tokens(text)
        self._index = 0
        self._clauses = 0

    @property
    def current(self) -> _Token:
        token = self._list[self._index]
        if token.kind is _Kind.UNREADABLE:  # only once it is reached, so that the first mistake is the one told
            raise self._refusal(token, _unreadable(token.text))
        return token

    def _take(self) -> _Token:
        token = self.current
        self._index = min(self._index + 1, len(self._list) - 1)
        return token

    def _refusal(self, token: _Token, problem: str) -> InvalidParameterError:
        return _refusal(self._text, token.start, problem)

    def whole_filter(self) -> Expression:
        """Read one expression and the end."""
        expression = self._conjunction()
        if self.current.kind is not _Kind.END:
            raise self._refusal(self.current, f"{_misplaced(self.current)}; expected AND or the end of the filter")
        return expression

    def order_key(self) -> OrderKey:
        """Read ``key [ASC|DESC]`` up to the end."""
        key = self._key()
        token = self._take()
        if token.is_word("ASC", "DESC"):
            direction, token = token.text.upper(), self._take()
        else:
            direction = "ASC"
        if token.kind is not _Kind.END:
            raise self._refusal(token, f"{_misplaced(token)}; expected ASC, DESC or the end after {_named(key)}")
        return OrderKey(key, descending=direction == "DESC")

    def _conjunction(self) -> Expression:
        operands = [self._clause()]
        while self.current.is_word("AND"):
            self._take()
            operands.append(self._clause())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _clause(self) -> Expression:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise self._refusal(self.current, f"The filter has too many clauses; expected at most {MAX_CLAUSES}")
        key = self._key()
        comparator = self._comparator(key)
        if comparator in NULL_COMPARATORS:
            return NullTest(key, negated=comparator == "IS NOT NULL")
        if comparator in LIST_COMPARATORS:
            return Comparison(key, comparator, self._texts(key))
        if self._grammar.kind(key) is ValueKind.NUMBER:
            return Comparison(key, comparator, self._number(key))
        return Comparison(key, comparator, self._pattern(key) if "LIKE" in comparator else self._string(key))

    def _key(self) -> Key:
        token = self._take()
        if token.kind in (_Kind.QUOTED, _Kind.NAME):
            return self._attribute(token, token.unquoted)
        if token.kind is not _Kind.WORD or token.is_word("AND", "OR", "NOT"):
            raise self._refusal(token, f"{_misplaced(token)}; expected a key, as metrics.accuracy or status")
        word, dot, name = token.text.partition(".")
        if not dot:
            return self._attribute(token, word)
        entity = self._grammar.entities.get(word)
        if entity is None:
            recorded = {word: known for word, known in self._grammar.entities.items() if known is not Entity.DATASET}
            raise self._refusal(token, _unknown("entity", word, recorded))
        if entity is Entity.DATASET:
            problem = "Datasets are not recorded by this version; expected metrics, params, tags or attributes"
            raise self._refusal(token, problem)
        name = self._name(token, name)
        return self._attribute(token, name) if entity is Entity.ATTRIBUTE else Key(entity, name)

    def _name(self, token: _Token, name: str) -> str:
        """Give what follows the entity's dot: the rest of the word, or the quoted text that touches it."""
        following = self.current
        if following.start == token.end and following.kind in (_Kind.QUOTED, _Kind.NAME, _Kind.STRING):
            if name or following.kind is _Kind.STRING:
                problem = f"{following} cannot be part of a key; expected all of the key in backticks, as metrics.`a b`"
                raise self._refusal(following, problem)
            name = self._take().unquoted
        if not name:
            raise self._refusal(token, f"{token} names no key; expected one after the dot, as metrics.accuracy")
        return name

    def _attribute(self, token: _Token, name: str) -> Key:
        attribute = self._grammar.attributes.get(name)
        if attribute is None:
            spellings = {spelling: known.name for spelling, known in self._grammar.attributes.items()}
            problem = _unknown("attribute", name, spellings)
            raise self._refusal(token, f"{problem} (a metric is written metrics.key, a parameter params.key)")
        return Key(Entity.ATTRIBUTE, attribute.name)

    def _comparator(self, key: Key) -> str:
        token = self._take()
        comparator = token.text.upper()
        if token.is_word("NOT") and self.current.is_word("IN", "LIKE", "ILIKE"):
            comparator = f"NOT {self._take().text.upper()}"
        elif token.is_word("IS"):
            comparator = f"IS {self._null()}"
        allowed = self._grammar.comparators(key)
        if comparator not in allowed:
            shown = comparator if token.is_word("NOT", "IS") else token
            raise self._refusal(token, f"{shown} cannot follow {_named(key)}; expected one of {', '.join(allowed)}")
        return comparator

    def _null(self) -> str:
        token = self._take()
        words = "NOT NULL" if token.is_word("NOT") else "NULL"
        if token.is_word("NOT"):
            token = self._take()
        if not token.is_word("NULL"):
            raise self._refusal(token, f"{_misplaced(token)}; expected IS NULL or IS NOT NULL")
        return words

    def _number(self, key: Key) -> float:
        token = self._take()
        if token.kind is not _Kind.NUMBER:
            raise self._refusal(
                token, f"{_misplaced(token)}; expected a number without quotes to compare {_named(key)} with"
            )
        # An int of up to 18 digits fits SQLite's 64 bits; a longer one is its float, as inf is 1e999's.
        return int(token.text) if re.fullmatch(r"[+-]?[0-9]{1,18}", token.text) else float(token.text)

    def _string(self, key: Key) -> str:
        token = self._take()
        if token.kind not in (_Kind.STRING, _Kind.QUOTED):
            raise self._refusal(token, f"{_misplaced(token)}; expected a text in quotes to compare {_named(key)} with")
        if self.current.kind is token.kind and self.current.start == token.end:
            problem = "A quote cannot be doubled inside a text; expected the other kind of quote around it"
            raise self._refusal(self.current, problem)
        return token.unquoted

    def _pattern(self, key: Key) -> str:
        token, pattern = self.current, self._string(key)
        if len(pattern) > MAX_PATTERN_CHARACTERS:
            problem = f"The pattern has {len(pattern)} characters; expected at most {MAX_PATTERN_CHARACTERS}"
            raise self._refusal(token, problem)
        return pattern

    def _texts(self, key: Key) -> tuple[str, ...]:
        """Read ``('a', 'b')``; a comma may follow the last, as where a Python tuple of one was formatted in."""
        opening = self._take()
        if opening.text != "(":
            raise self._refusal(opening, f"{_misplaced(opening)}; expected a list, as ('a', 'b')")
        values = [self._string(key)]
        while self.current.text == ",":
            comma = self._take()
            if self.current.text == ")":
                break
            if len(values) == MAX_LIST_VALUES:
                raise self._refusal(comma, f"The list is too long; expected at most {MAX_LIST_VALUES} values")
            values.append(self._string(key))
        closing = self._take()
        if closing.text != ")":
            raise self._refusal(closing, f"{_misplaced(closing)}; expected , or ) in the list")
        return tuple(values)


def _misplaced(token: _Token) -> str:
    """Say that a token cannot stand where it does, and why when the reason is the language's."""
    if token.is_word("OR", "NOT") or token.text == "(":
        return f"{token.text} is not part of this language, which joins clauses by AND"
    if token.text == ";":
        return "; would start another statement, and a filter is one"
    return f"Unexpected {token}" if token.kind is not _Kind.END else "The text ends too early"


def _unknown(noun: str, name: str, spellings: Mapping[str, str]) -> str:
    """Say which names there are and which come closest; ``spellings`` gives each spelling's usual one."""
    folded = {spelling.casefold(): usual for spelling, usual in spellings.items()}
    closest = dict.fromkeys(folded[word] for word in difflib.get_close_matches(name[:50].casefold(), folded))
    guess = f"; did you mean {' or '.join(closest)}?" if closest else ""
    return f"Unknown {noun} {_shortened(name)}; expected one of {', '.join(dict.fromkeys(spellings.values()))}{guess}"


def _named(key: Key) -> str:
    return _shortened(str(key))


def _checked(text: object, noun: str) -> str:
    """Refuse what is no text, is too long, or holds what no store can."""
    if not isinstance(text, str):
        raise InvalidParameterError(f"The {noun} is of type {type(text).__name__}; expected a text")
    if len(text) > MAX_CHARACTERS:
        problem = f"The {noun} has {len(text)} characters; expected at most {MAX_CHARACTERS}"
        raise _refusal(text, MAX_CHARACTERS, problem)
    if bad := re.search("[\0\ud800-\udfff]", text):
        raise _refusal(text, bad.start(), f"The {noun} holds the character {bad[0]!a}; expected readable text")
    return text


def _shortened(text: str) -> str:
    """Give a piece of the user's text for a message: one line of at most 40 readable characters."""
    return _readable(text if len(text) <= 40 else f"{text[:39]}…")


def _readable(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _refusal(text: str, position: int, problem: str) -> InvalidParameterError:
    """Show the line, or a window of it, with a caret under the position."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line, column = text[start : len(text) if end < 0 else end], position - start
    if len(line) > _SHOWN_CHARACTERS:
        first = min(max(column - _SHOWN_CHARACTERS // 2, 0), len(line) - _SHOWN_CHARACTERS)
        line, column = line[first : first + _SHOWN_CHARACTERS], column - first
    return InvalidParameterError(f"{problem}\n{_readable(line)}\n{' ' * column}^")
