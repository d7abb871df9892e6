"""JSON as its standard has it; what Python's reader lets through besides is refused, saying what it is and where.

Source: RFC 8259 (https://www.rfc-editor.org/rfc/rfc8259), and I-JSON (RFC 7493) for duplicate names and surrogates.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from mltrack.exceptions import MltrackError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEPTH = 64
"""So many arrays and objects may stand in each other."""

_WHITE = re.compile(r"[ \t\n\r]*")
# It matches wherever a string begins, to the end of the text if it has no end: each character is looked at once.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?|(NaN|-?Infinity)', re.DOTALL)
_ONE_SORT = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_BLOCK = 64 * 1024  # bytes that are looked at together: each short string costs many times its bytes
_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_MAY_BE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BodyError(MltrackError):
    """What was sent cannot be read; the message says what is wrong with it and where."""

    code = "BAD_REQUEST"


def read_json(body: bytes) -> Any:
    """Read JSON in UTF-8.

    Raises
    ------
    BodyError
        It is not JSON, or not in UTF-8; it has NaN, infinite numbers, numbers that no double holds, the same name twice
        in an object, half of a surrogate pair, text after its end, a byte order mark, integers of more than 4,300
        digits, or more than ``DEPTH`` levels.
    """
    text = _decoded(body)
    begin = _WHITE.match(text).end()  # type: ignore[union-attr] # it matches nothing, too
    if begin == len(text):
        raise BodyError("The body is empty; send a JSON object.")
    _check_depth(body)
    value, end = _scan(text, begin, _careful if _may_be_large(body) else _quick)
    end = _WHITE.match(text, end).end()  # type: ignore[union-attr]
    if end != len(text):
        raise BodyError(f"The body is not JSON: there is more text after its end, at {_place(text, end)}.")
    if b"\\u" in body and _MAY_BE_SURROGATE.search(body):
        _check_surrogates(value)
    return value


def check_names_and_depth(body: bytes) -> None:
    """Check JSON that another reader has taken for what that does not mind: deep nesting, and the same name twice.

    Raises
    ------
    BodyError
        The body has that.
    """
    _check_depth(body)
    _scan(_decoded(body).strip(), 0, _unlimited)


def _scan(text: str, begin: int, decoder: json.JSONDecoder) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise BodyError(f"The body is not JSON: {reason}, at {_place(text, error.pos)}.") from None
    except RecursionError:
        raise _too_deep() from None
    except _ConstantError as error:
        where = next((_place(text, each.start()) for each in _TOKEN.finditer(text) if each[1]), "an unknown place")
        raise BodyError(f"The body is not JSON: {error} at {where}; JSON has no such number, send null.") from None
    except ValueError:  # Python's limit of the digits of an int
        raise BodyError("The body has an integer of more than 4,300 digits.") from None


def _decoded(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BodyError(f"The body is not UTF-8: {error.reason} at byte {error.start}.") from None
    if text.startswith("\ufeff"):
        raise BodyError("The body is not JSON: it begins with a byte order mark; send UTF-8 without one.")
    return text


def _may_be_large(body: bytes) -> bool:
    """Tell whether a number may be too large for a double: an exponent of three digits, or some 300 digits and two."""
    alike = body.translate(_ALIKE)
    return b"e000" in alike or b"e+000" in alike or b"0" * 200 in alike


def _check_depth(body: bytes) -> None:
    """Take away all but the brackets outside of strings, then the innermost pairs, level by level."""
    if body.count(b"[") + body.count(b"{") <= DEPTH:
        return
    brackets, before = outside_strings(body).translate(_ONE_SORT, _NOT_BRACKETS), -1
    for _ in range(DEPTH):
        if len(brackets) == before:
            return  # no pair is left, or nothing; what does not pair is not JSON, as the reader will say
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise _too_deep()


def outside_strings(body: bytes) -> bytes:
    """Give what of JSON stands outside of its strings, up to where it is no JSON."""
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    found, inside = [], 0
    for begin in range(0, len(plain), _BLOCK):
        parts = plain[begin : begin + _BLOCK].split(b'"')
        found.append(b"".join(parts[inside::2]))
        inside = (inside + len(parts) - 1) % 2
    return b"".join(found)


def _too_deep() -> BodyError:
    return BodyError(f"The body is nested deeper than {DEPTH} levels.")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = ascii(error.object[error.start])
        raise BodyError(f"The body has half of a surrogate pair, {found}, which is no character.") from None


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line} column {position - text.rfind(chr(10), 0, position)}"


class _ConstantError(Exception):
    """NaN, Infinity or -Infinity."""


def _refuse(constant: str) -> NoReturn:
    raise _ConstantError(constant)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = first_twice(name for name, _ in pairs)
        raise BodyError(f"The body has an object that names {_short(twice)} twice.")
    return found


def first_twice(names: Iterable[Any]) -> Any:
    """Give the first name that has come before; one must."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BodyError(f"The body has the number {_short(text)}, which is larger than a double can hold.")
    return number


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


_quick = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
_careful = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse, parse_float=_float)
_unlimited = json.JSONDecoder(object_pairs_hook=_object)
