"""Bodies of JSON, read as the standard has it.

pydantic's reader is fast, and takes what Python's does not mind either: the same name twice, and 200 levels. So what is
read is compared with the bytes, by counting; only what does not come out even is read again, with care. NaN and
infinities are taken as bare words, too: some of MLflow's clients send them so.

An empty list has two bytes there and sixty here, so that some megabytes could take up all memory: how many parts a body
has is counted before it is read.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from mltrack.exceptions import InvalidParameterError
from mltrack.serving.strict_json import BodyError, check_names_and_depth, outside_strings

MOST_PARTS, MOST_VALUES, MOST_NAMES = 250_000, 2_000_000, 1_000
"""Objects and lists of a body, values of all of them, and names of the body's own object."""


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; an empty body is an empty one.

    Raises
    ------
    InvalidParameterError
        When it is no object, no JSON or no UTF-8, names something twice, has half of a surrogate pair, an integer of
        more than 4,300 digits, more than 64 levels, or too many parts.
    """
    if not body:
        return {}
    if len(body) > MOST_PARTS:  # each part has a byte at least
        _check_count(body)
    try:
        found = from_json(body, cache_strings="keys")
    except ValueError as error:
        raise InvalidParameterError(f"The body is not JSON: {str(error)[:200]}.") from None
    if not isinstance(found, dict):
        raise InvalidParameterError("The body must be a JSON object.")
    if len(found) > MOST_NAMES:
        raise InvalidParameterError(
            f"The body names {len(found):,} parameters; no request has more than {MOST_NAMES:,}."
        )
    if not _is_even(found, body):
        try:
            check_names_and_depth(body)
        except BodyError as error:
            raise InvalidParameterError(error.message) from None
    return found


def _check_count(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") <= MOST_PARTS and body.count(b",") < MOST_VALUES:
        return
    outside = outside_strings(body)
    parts = outside.count(b"{") + outside.count(b"[")
    if parts > MOST_PARTS or outside.count(b",") >= MOST_VALUES:
        raise InvalidParameterError(
            f"The body has more than {MOST_PARTS:,} objects and lists, or {MOST_VALUES:,} values; send less at a time."
        )


def _is_even(found: dict[str, Any], body: bytes) -> bool:
    """Tell whether an object of plain values and lists of plain objects has as many names and lists as its bytes.

    Where nothing is escaped, a quote with a colon behind it ends a name, and nothing else.
    """
    if b"\\" in body:
        return False
    lists = [each for each in found.values() if type(each) is list]
    names = len(found)
    for items in lists:
        are_objects = set(map(type, items)) == {dict}
        names += sum(map(len, items if are_objects else [each for each in items if type(each) is dict]))
    return body.count(b'":') == names and body.count(b"[") == len(lists)
