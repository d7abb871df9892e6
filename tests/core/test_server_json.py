from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from mltrack.exceptions import InvalidParameterError
from mltrack.server.json_body import read_object
from mltrack.server.table import ROUTES

if TYPE_CHECKING:
    from mltrack.server.message import Message

# What no reader of JSON should take: H60 and H61.
BODIES = {
    "deep": b'{"run_id":"x","odd":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "65-levels": b'{"odd":' + b"[" * 64 + b"]" * 64 + b"}",
    "long-integer": b'{"odd":' + b"1" * 5_000 + b"}",
    "surrogate": b'{"odd":"\\ud800"}',
    "bad-utf8": b'{"odd":"\xff"}',
    "mark": b"\xef\xbb\xbf{}",
    "twice": b'{"key":"a","key":"b"}',
    "twice-inside": b'{"metrics":[{"key":"a"},{"key":"a","key":"b"}]}',
    "twice-spaced": b'{"key" :"a","key" :"b"}',
    "twice-escaped": b'{"key":"a","k\\u0065y":"b"}',
    "twice-deep": b'{"a":{"b":{"c":1,"c":2}}}',
    "more": b"{} {}",
    "cut": b'{"a":',
    "list": b"[1]",
    "text": b'"x"',
    "null": b"null",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_no_sound_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameterError):
        read_object(body)


SOUND = (
    b"{}",
    b'{"a":"b:c\\"d\\":","e":[1,2,[3]],"f":{"g":[{"h":1},{"h":2}]}}',
    b'{"metrics":[{"key":"a","value":1},{"key":"b"}],"list":[]}',
    b'{"odd":' + b"[" * 63 + b"]" * 63 + b"}",
    '{"ü✓😀":"\\ud83d\\ude00 [{:"}'.encode(),
    b' \n{"a" : 1.5e300}\t ',
)


@pytest.mark.parametrize("body", SOUND, ids=range(len(SOUND)))
def test_sound_json_is_read_as_it_is(body: bytes) -> None:
    assert read_object(body) == json.loads(body)


def filled(item: bytes, count: int) -> bytes:
    return b'{"odd":[' + b",".join([item] * count) + b"]}"


# Of so few bytes a reader would make thirty times as many, or more.
BOMBS = {
    "objects": filled(b"{}", 300_000),
    "lists": filled(b"[]", 300_000),
    "numbers": filled(b"0", 2_000_001),
    "escaped": filled(b'{"\\\\":"\\\\\\""}', 300_000),
    "names": b"{" + b",".join(b'"k%d":0' % number for number in range(1_001)) + b"}",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_body_of_too_many_parts_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameterError, match=r"send less|no request has"):
        read_object(body)


def test_what_stands_in_a_text_is_no_part() -> None:
    text = '{"[' * 200_000
    assert read_object(json.dumps({"profile": text}).encode()) == {"profile": text}


LISTS = {
    f"{route.method} {route.path} {name}": (route.request, name)
    for route in ROUTES
    for name, field in route.request.model_fields.items()
    if "tuple[" in str(field.annotation)
}


@pytest.mark.parametrize(("request_type", "name"), LISTS.values(), ids=LISTS)
def test_of_many_wrong_items_the_first_is_told(request_type: type[Message], name: str) -> None:
    alias = request_type.model_fields[name].alias or name
    with pytest.raises(ValidationError) as caught:
        request_type.model_validate({alias: [[]] * 20})
    assert sum(each["loc"][0] == alias for each in caught.value.errors()) < 3  # it may be too short as well
