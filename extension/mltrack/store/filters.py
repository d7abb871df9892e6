"""The search grammar: the text of a filter or of an order key, read into a syntax tree.

The language is MLflow's: clauses ``key comparator value`` or ``key IS [NOT] NULL`` joined by AND; a key is
``entity.name``, or a bare attribute; an AND may be left over at the end. Beyond it there are OR, NOT and parentheses
(NOT binds most, then AND, then OR), IN and NOT LIKE for every text, BETWEEN for every number, numbers against params,
and ``code MATCH 'words'``. What may be named is a table of ``grammars``. Every refusal is an
``InvalidParameterError`` that says what was expected and shows the text with a caret under the place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.filter_text import Token, TokenKind, checked, refusal, shortened, tokens_of, unreadable
from mltrack.store.filter_tree import (
    CODE_COMPARATORS,
    NULL_COMPARATORS,
    NUMBER_COMPARATORS,
    TEXT_COMPARATORS,
    And,
    CodeMatch,
    Comparison,
    Entity,
    Key,
    Not,
    NullTest,
    Or,
    OrderKey,
)
from mltrack.store.grammars import DATASET_KEYS, RUNS, ValueKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.filter_tree import Expression
    from mltrack.store.grammars import Grammar

MAX_CLAUSES = 100
MAX_DEPTH = 20
MAX_ORDER_KEYS = 10
MAX_LIST_VALUES = 1_000
# SQLite matches `%text` in time that grows with the text's length times the stored value's, and stops at 50,000 bytes.
MAX_PATTERN_CHARACTERS = 1_000


def parse_filter(text: str | None, grammar: Grammar = RUNS) -> Expression | None:
    """Read a filter into its syntax tree; None when it is empty and every row passes.

    What is no filter of this grammar, or passes a limit, is an ``InvalidParameterError``.
    """
    if text is None:
        return None
    parser = _Parser(checked(text, "filter"), grammar)
    return None if parser.current.kind is TokenKind.END else parser.whole_filter()


def parse_order(order_by: Sequence[str] | None, grammar: Grammar = RUNS) -> tuple[OrderKey, ...]:
    """Read a list of ``key [ASC|DESC]``, the most important first; raises as ``parse_filter``."""
    if order_by is None:
        return ()
    return tuple(parse_order_key(text, grammar) for text in checked_order(order_by))


def parse_order_key(text: str, grammar: Grammar) -> OrderKey:
    """Read one ``key [ASC|DESC]``; raises as ``parse_filter``."""
    return _Parser(checked(text, "order key"), grammar).order_key()


def parse_key(text: str, grammar: Grammar = RUNS) -> Key:
    """Read one key that rows can be sorted by, and nothing else, as ``params.C``; raises as ``parse_filter``."""
    return _Parser(checked(text, "key"), grammar).lone_key()


def checked_order(order_by: object) -> Sequence[str]:
    """Refuse what is no list of at most ten keys."""
    if isinstance(order_by, (str, bytes)) or not isinstance(order_by, Sequence):
        problem = f"order_by is of type {type(order_by).__name__}; expected a list, as ['metrics.loss DESC']"
        raise InvalidParameterError(problem)
    if len(order_by) > MAX_ORDER_KEYS:
        raise InvalidParameterError(f"order_by has {len(order_by)} keys; expected at most {MAX_ORDER_KEYS}")
    return order_by


class _Parser:
    """A recursive-descent parser over one text; each method reads one rule of the grammar."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self._text = text
        self._grammar = grammar
        self._list = tokens_of(text)
        self._index = 0
        self._clauses = 0
        self._is_order = False

    @property
    def current(self) -> Token:
        token = self._list[self._index]
        if token.kind is TokenKind.UNREADABLE:  # only once it is reached, so that the first mistake is the one told
            raise self._refusal(token, unreadable(token.text))
        return token

    def _take(self) -> Token:
        token = self.current
        self._index = min(self._index + 1, len(self._list) - 1)
        return token

    def _refusal(self, token: Token, problem: str) -> InvalidParameterError:
        return refusal(self._text, token.start, problem)

    def whole_filter(self) -> Expression:
        """Read one expression and the end."""
        expression = self._alternatives(0)
        if self.current.kind is not TokenKind.END:
            raise self._refusal(self.current, f"{_misplaced(self.current)}; expected AND, OR or the end of the filter")
        return expression

    def lone_key(self) -> Key:
        """Read a key up to the end."""
        key = self._sorting_key("has no one value of")
        if self.current.kind is not TokenKind.END:
            raise self._refusal(self.current, f"{_misplaced(self.current)}; expected the end after {_named(key)}")
        return key

    def order_key(self) -> OrderKey:
        """Read ``key [ASC|DESC]`` up to the end."""
        key = self._sorting_key("cannot be sorted by")
        token = self._take()
        if token.is_word("ASC", "DESC"):
            direction, token = token.text.upper(), self._take()
        else:
            direction = "ASC"
        if token.kind is not TokenKind.END:
            raise self._refusal(token, f"{_misplaced(token)}; expected ASC, DESC or the end after {_named(key)}")
        return OrderKey(key, descending=direction == "DESC")

    def _sorting_key(self, verdict: str) -> Key:
        """Read a key of which each row has one value at most."""
        self._is_order = True
        place = self.current
        key = self._key()
        if key.entity not in self._grammar.ordered:
            kinds = " or ".join(entity.value for entity in self._grammar.ordered)
            problem = f"A {self._grammar.noun} {verdict} {_named(key)}; expected one of its {kinds}"
            raise self._refusal(place, problem)
        return key

    def _alternatives(self, depth: int) -> Expression:
        operands = [self._conjunction(depth)]
        while self.current.is_word("OR"):
            self._take()
            operands.append(self._conjunction(depth))
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _conjunction(self, depth: int) -> Expression:
        operands = [self._negation(depth)]
        while self.current.is_word("AND"):
            self._take()
            if depth == 0 and self.current.kind is TokenKind.END:
                break  # MLflow takes an AND with nothing behind it, which code that puts filters together leaves
            operands.append(self._negation(depth))
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _negation(self, depth: int) -> Expression:
        is_negated = False
        while self.current.is_word("NOT"):
            self._take()
            is_negated = not is_negated
        operand = self._enclosed(depth) if self.current.text == "(" else self._clause()
        return Not(operand) if is_negated else operand

    def _enclosed(self, depth: int) -> Expression:
        opening = self._take()
        if depth == MAX_DEPTH:
            problem = f"The parentheses are nested too deep; expected at most {MAX_DEPTH} in one another"
            raise self._refusal(opening, problem)
        expression = self._alternatives(depth + 1)
        closing = self._take()
        if closing.text != ")":
            raise self._refusal(closing, f"{_misplaced(closing)}; expected AND, OR or )")
        return expression

    def _clause(self) -> Expression:
        self._count_clauses(1)
        key = self._key()
        comparator = self._comparator(key)
        if comparator in NULL_COMPARATORS:
            return NullTest(key, negated=comparator == "IS NOT NULL")
        if comparator in CODE_COMPARATORS:
            return CodeMatch(self._words(key), negated=comparator == "NOT MATCH")
        return Comparison(key, comparator, self._value(key, comparator))

    def _count_clauses(self, more: int) -> None:
        self._clauses += more
        if self._clauses > MAX_CLAUSES:
            raise self._refusal(self.current, f"The filter has too many clauses; expected at most {MAX_CLAUSES}")

    def _value(self, key: Key, comparator: str) -> str | float | tuple[str, ...] | tuple[float, float]:
        if comparator.endswith("BETWEEN"):
            return self._bounds(key)
        if comparator in ("IN", "NOT IN"):
            return self._texts(key)
        kind = self._grammar.kind(key)
        is_either = kind is ValueKind.EITHER and comparator in TEXT_COMPARATORS
        if kind is ValueKind.NUMBER or comparator not in TEXT_COMPARATORS:
            return self._number(key)
        if is_either and comparator in NUMBER_COMPARATORS and self.current.kind is TokenKind.NUMBER:
            return self._number(key)
        return self._pattern(key) if "LIKE" in comparator else self._string(key)

    def _key(self) -> Key:
        token = self._take()
        if token.kind in (TokenKind.QUOTED, TokenKind.NAME):
            return self._attribute(token, token.unquoted)
        if token.kind is not TokenKind.WORD or token.is_word("AND", "OR", "NOT"):
            raise self._refusal(token, f"{_misplaced(token)}; expected a key, as {self._example()}")
        word, dot, name = token.text.partition(".")
        entity = self._grammar.entities.get(word)
        if entity is Entity.CODE:
            if dot:
                raise self._refusal(token, "code has no keys; expected it alone, as code MATCH 'StandardScaler'")
            return Key(entity, "code")
        if not dot:
            return self._attribute(token, word)
        if entity is None:
            spellings = {word: known for word, known in self._grammar.entities.items() if known is not Entity.CODE}
            raise self._refusal(token, _unknown("entity", word, spellings))
        return self._key_of(entity, token, self._name(token, name))

    def _key_of(self, entity: Entity, token: Token, name: str) -> Key:
        if entity is Entity.ATTRIBUTE:
            return self._attribute(token, name)
        if entity is Entity.DATASET and name not in DATASET_KEYS:
            raise self._refusal(token, _unknown("property of a dataset", name, {each: each for each in DATASET_KEYS}))
        return Key(entity, name)

    def _name(self, token: Token, name: str) -> str:
        """Give what follows the entity's dot: the rest of the word, or the quoted text that touches it."""
        following = self.current
        quoted = (TokenKind.QUOTED, TokenKind.NAME, TokenKind.STRING)
        if following.start == token.end and following.kind in quoted:
            if name or following.kind is TokenKind.STRING:
                problem = f"{following} cannot be part of a key; expected all of the key in backticks, as tags.`a b`"
                raise self._refusal(following, problem)
            name = self._take().unquoted
        if not name:
            raise self._refusal(token, f"{token} names no key; expected one after the dot, as metrics.accuracy")
        return name

    def _attribute(self, token: Token, name: str) -> Key:
        grammar = self._grammar
        known = {
            spelling: each
            for spelling, each in grammar.attributes.items()
            if (each.orders if self._is_order else each.filters)
        }
        if name not in known:
            problem = _unknown("attribute", name, {spelling: each.name for spelling, each in known.items()})
            written = "a tag is written tags.key"
            if Entity.METRIC in grammar.entities.values():
                written = "a metric is written metrics.key, a parameter params.key"
            raise self._refusal(token, f"{problem} ({written})")
        return Key(Entity.ATTRIBUTE, known[name].name)

    def _example(self) -> str:
        return "metrics.accuracy or status" if "status" in self._grammar.attributes else "name or tags.team"

    def _comparator(self, key: Key) -> str:
        token = self._take()
        comparator = token.text.upper()
        if token.is_word("NOT") and self.current.is_word("IN", "LIKE", "ILIKE", "BETWEEN", "MATCH"):
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
        if token.kind is not TokenKind.NUMBER:
            raise self._refusal(
                token, f"{_misplaced(token)}; expected a number without quotes to compare {_named(key)} with"
            )
        # An int of up to 18 digits fits SQLite's 64 bits; a longer one is its float, as inf is 1e999's.
        return int(token.text) if re.fullmatch(r"[+-]?[0-9]{1,18}", token.text) else float(token.text)

    def _bounds(self, key: Key) -> tuple[float, float]:
        lower = self._number(key)
        joint = self._take()
        if not joint.is_word("AND"):
            raise self._refusal(joint, f"{_misplaced(joint)}; expected AND and the upper bound, as BETWEEN 0 AND 1")
        return lower, self._number(key)

    def _string(self, key: Key) -> str:
        token = self._take()
        if token.kind not in (TokenKind.STRING, TokenKind.QUOTED):
            kinds = "a text in quotes"
            if self._grammar.kind(key) is ValueKind.EITHER:
                kinds += " (for = and != also a number)"
            raise self._refusal(token, f"{_misplaced(token)}; expected {kinds} to compare {_named(key)} with")
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

    def _words(self, key: Key) -> tuple[str, ...]:
        """Read the words of a text search; each counts as a clause."""
        token = self.current
        words = tuple(self._string(key).split())
        for word in words or ("",):
            if not any(character.isalnum() or character == "_" for character in word):
                problem = (
                    f"There is nothing to look for in {shortened(repr(word))}; expected words, as 'StandardScaler'"
                )
                raise self._refusal(token, problem)
        self._count_clauses(len(words) - 1)
        return words

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


def _misplaced(token: Token) -> str:
    """Say that a token cannot stand where it does, and why when the reason is the language's."""
    if token.text == ";":
        return "; would start another statement, and a filter is one"
    return f"Unexpected {token}" if token.kind is not TokenKind.END else "The text ends too early"


def _unknown(noun: str, name: str, spellings: Mapping[str, str]) -> str:
    """Say which names there are and which come closest; ``spellings`` gives each spelling's usual one."""
    folded = {spelling.casefold(): usual for spelling, usual in spellings.items()}
    closest = dict.fromkeys(folded[word] for word in difflib.get_close_matches(name[:50].casefold(), folded))
    guess = f"; did you mean {' or '.join(closest)}?" if closest else ""
    return f"Unknown {noun} {shortened(name)}; expected one of {', '.join(dict.fromkeys(spellings.values()))}{guess}"


def _named(key: Key) -> str:
    return shortened(str(key))
