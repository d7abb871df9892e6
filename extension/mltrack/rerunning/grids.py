"""The values of parameters as they are typed, and the combinations of several of each.

``C=0.01,0.1,1`` are three values, ``depth=3..8`` the whole numbers from 3 to 8, ``C=0..1..0.25`` numbers with a step.
Quotes and brackets hold a value together: ``name='a,b'`` and ``sizes=(64,32)`` are one each.
"""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_COMBINATIONS = 10_000
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[+-]?\.\d+(?:[eE][+-]?\d+)?")
_NAME = re.compile(r"[^\W\d]\w*")
_PAIRS = {"(": ")", "[": "]", "{": "}"}

Grid = dict[str, tuple[Any, ...]]
"""The values of each parameter, in the order in which they were given."""


def parse_grid(words: Iterable[str]) -> Grid:
    """Read words such as ``C=0.1,1`` with their quotes; a word that an open bracket needs belongs to the one before.

    Values are texts, but for those of ranges, which are numbers: what a text stands for depends on the literal whose
    place it takes.

    Raises
    ------
    InvalidParameterError
        When a word has no name, a name comes twice, or the values cannot be read.
    """
    found: Grid = {}
    for word in _joined(words):
        name, sign, text = word.partition("=")
        if not sign or not _NAME.fullmatch(name):
            raise InvalidParameterError(f"{word[:80]!r} is no value of a parameter; write it as C=0.1.")
        if name in found:
            raise InvalidParameterError(f"{name!r} is given twice; write its values as {name}=1,2.")
        found[name] = tuple(_values(name, text))
    return found


def as_grid(values: Mapping[str, Any]) -> Grid:
    """Take values from Python: a list, a range or an array are several values, anything else, a tuple too, is one."""
    return {name: tuple(_several(value)) for name, value in values.items()}


def combinations(grid: Grid) -> list[dict[str, Any]]:
    """Give each combination once, the last parameter changing fastest.

    Raises
    ------
    InvalidParameterError
        When there are more than 10,000, or a parameter has no values.
    """
    count = 1
    for name, values in grid.items():
        if not values:
            raise InvalidParameterError(f"There are no values for {name!r}; give one at least.")
        count *= len(values)
    if count > MOST_COMBINATIONS:
        raise InvalidParameterError(f"These are {count:,} combinations; at most {MOST_COMBINATIONS:,} go.")
    return [dict(zip(grid, each, strict=True)) for each in product(*grid.values())]


def _several(value: Any) -> Sequence[Any]:
    if isinstance(value, (list, range)):
        return value
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 0) == 1:
        return list(value.tolist())
    return [value]


def _joined(words: Iterable[str]) -> list[str]:
    found: list[str] = []
    for word in words:
        if found and _is_open(found[-1]):
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _is_open(text: str) -> bool:
    try:
        _pieces(text)
    except InvalidParameterError:
        return True
    return False


def _values(name: str, text: str) -> list[Any]:
    pieces = [piece.strip() for piece in _pieces(text)]
    if len(pieces) > 1 and "" in pieces:
        raise InvalidParameterError(f"There is a comma too many in {name}={text}.")
    found: list[Any] = []
    for piece in pieces:
        found += _range(piece) or [_unquoted(piece)]
    return list({repr(value): value for value in found}.values())


def _pieces(text: str) -> list[str]:
    """Split at the commas that stand in no quotes and no brackets."""
    pieces, closing, quote = [""], list[str](), ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _PAIRS:
            closing.append(_PAIRS[letter])
        elif closing and letter == closing[-1]:
            closing.pop()
        elif letter == "," and not closing:
            pieces.append("")
            continue
        pieces[-1] += letter
    if quote or closing:
        raise InvalidParameterError(f"A {quote or closing[-1]} is missing in {text[:80]}.")
    return pieces


def _unquoted(piece: str) -> str:
    if len(piece) > 1 and piece[0] in "'\"" and piece[-1] == piece[0]:
        try:
            value = ast.literal_eval(piece)
        except (SyntaxError, ValueError):
            value = piece[1:-1]
        return value if isinstance(value, str) else piece
    return piece


def _range(piece: str) -> list[int | float]:
    """Give the numbers of ``3..8`` or ``0..1..0.25``, or none for another text."""
    ends = piece.split("..")
    if len(ends) not in (2, 3) or not all(_NUMBER.fullmatch(end) for end in ends):
        return []
    first, last = Decimal(ends[0]), Decimal(ends[1])
    whole = all(re.fullmatch(r"[+-]?\d+", end) for end in ends)
    if len(ends) == 2 and not whole:
        raise InvalidParameterError(f"{piece} needs a step, as {piece}..0.1.")
    step = Decimal(ends[2]) if len(ends) == 3 else Decimal(1)
    if step == 0 or (last - first) / step < 0:
        raise InvalidParameterError(f"{piece} holds no number: the step leads away from its end.")
    count = int((last - first) / step) + 1
    if count > MOST_COMBINATIONS:
        raise InvalidParameterError(f"{piece} holds {count:,} numbers; at most {MOST_COMBINATIONS:,} go.")
    numbers = [first + step * number for number in range(count)]
    return [int(each) if whole else float(each) for each in numbers]
