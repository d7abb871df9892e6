from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.scoring_bodies import CSV, JSON, PARQUET
from tests.core.scoring_models import SIGNATURES
from tests.core.test_scoring import SCORERS
from tests.quickness import assert_quick

from mltrack.serving.messages import Request
from mltrack.serving.strict_json import DEPTH, BodyError, read_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([2**63, -(2**31) - 1, 10**400])
)
NAMES = st.sampled_from(["size", "rooms", "x", "y", "image", "label", "text", "id", "vector", "0"]) | st.text(
    max_size=3
)
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(NAMES, each, max_size=4), max_leaves=12
)
ROWS = st.lists(st.lists(SCALARS | VALUES, max_size=4) | VALUES, max_size=4)
SPLITS = st.fixed_dictionaries(
    {}, optional={"columns": st.lists(NAMES, max_size=4) | VALUES, "data": ROWS | VALUES, "index": VALUES}
)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4) | VALUES, max_size=4)
FORMS = st.fixed_dictionaries({"dataframe_split": SPLITS | VALUES}) | st.fixed_dictionaries(
    {},
    optional={
        "dataframe_records": RECORDS,
        "instances": RECORDS | VALUES,
        "inputs": VALUES | RECORDS,
        "params": VALUES,
    },
)
MEDIA = st.sampled_from([JSON, f"{JSON}; format=pandas-records", f"{JSON}; format=pandas-split"])


def check(name: str, content_type: str, body: bytes) -> None:
    [answer] = SCORERS[name].answer([Request(content_type, body)])
    assert answer.status in (200, 400), (answer, body)
    assert b"under the id" not in answer.body, "the reader did not foresee it"
    json.loads(answer.body, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


@settings(max_examples=400, deadline=60_000)
@given(st.sampled_from([*SIGNATURES]), MEDIA, FORMS | VALUES | SPLITS)
def test_no_json_is_a_fault_of_the_server(name: str, content_type: str, value: Any) -> None:
    check(name, content_type, json.dumps(value).encode())


@settings(max_examples=80, deadline=60_000)
@given(st.sampled_from([*SIGNATURES]), st.sampled_from([JSON, CSV, PARQUET]), st.binary(max_size=200))
def test_no_bytes_are_a_fault_of_the_server(name: str, content_type: str, body: bytes) -> None:
    check(name, content_type, body)


@settings(max_examples=80, deadline=60_000)
@given(st.sampled_from([*SIGNATURES]), st.text(alphabet='size,rooms\n"1.5x -é\x00\r', max_size=60))
def test_no_csv_is_a_fault_of_the_server(name: str, text: str) -> None:
    check(name, CSV, f"size,rooms,street,garden\n{text}".encode())


def is_strict(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(is_strict(name) and is_strict(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(is_strict, value))
    return not isinstance(value, str) or not any("\ud800" <= letter <= "\udfff" for letter in value)


@given(VALUES, st.booleans())
def test_what_is_json_is_read_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    if is_strict(value):
        assert read_json(text) == json.loads(text)
    else:
        with pytest.raises(BodyError):
            read_json(text)


def nested(depth: int, inner: bytes = b"") -> bytes:
    return b'[{"a": ' * (depth // 2) + b"[" * (depth % 2) + inner + b"]" * (depth % 2) + b"}]" * (depth // 2)


@pytest.mark.parametrize("inner", [b"1", b'"]}]}[{"', b'"\\"[[[["'])
@pytest.mark.parametrize("depth", [DEPTH, DEPTH + 1, 500])
def test_the_depth_is_counted_outside_of_strings(depth: int, inner: bytes) -> None:
    body = b"[" + b"[[]], " * 40 + nested(depth - 1, inner) + b"]"
    if depth <= DEPTH:
        assert read_json(body)
    else:
        with pytest.raises(BodyError, match="64 levels"):
            read_json(body)


def test_brackets_in_strings_do_not_hide_the_depth() -> None:
    shut, opened = b'["]", ' * 80, b', "["]' * 80
    with pytest.raises(BodyError, match="64 levels"):
        read_json(shut + b"1" + opened)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": "NaN",\n "b": NaN}', "NaN at line 2 column 7"),
        (b'{"a\\"NaN": -Infinity}', "-Infinity at line 1 column 12"),
        (b"[1e400]", "'1e400'"),
        (b"[-1E+309]", "'-1E+309'"),
        (b"[" + b"9" * 309 + b".5]", "larger than a double"),
        (b"[" + b"9" * 250 + b"e60]", "larger than a double"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' twice"),
        (b'{"a": 1, "\\u0061": 2}', "'a' twice"),
        (b'["\\uDC00"]', r"'\udc00'"),
        (b'["\\ud83d\\ud83d"]', "surrogate"),
        (b"[1,]", "line 1 column 4"),
        (b'["a\nb"]', "control character"),
        (b"[01]", "delimiter"),
        (b"[1] // x", "more text"),
        (b"\x00", "line 1 column 1"),
        (b"\xc0\x80", "byte 0"),
        (b'["\xed\xa0\x80"]', "byte 2"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, says: str) -> None:
    with pytest.raises(BodyError) as caught:
        read_json(body)
    assert says in caught.value.message
    assert caught.value.get_http_status_code() == 400


@pytest.mark.parametrize(
    "body", [b'["\\ud83d\\ude00"]', b'["\\\\ud800"]', b"[1e308, 1e-400]", b"[" + b"9" * 300 + b"]"]
)
def test_what_only_looks_wrong_is_read(body: bytes) -> None:
    assert read_json(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 2_000_000,
        b"[" * 4_000_000,
        b"[" + b"[[]]," * 200_000 + b"[]]",
        (b"[" * 63 + b"]" * 63 + b",") * 30_000,
        b"[" + b"1" * 4_000_000 + b"]",
        b"[NaN" + b',"\\"' * 500_000,
        b'{"' + b"a" * 4_000_000,
        b"[" + b"9" * 4_299 + (b"," + b"9" * 4_299) * 200 + b"]",
    ],
    ids=["quotes", "openers", "pairs", "deep", "digits", "constants", "name", "integers"],
)
def test_hostile_bodies_are_refused_or_read_soon(body: bytes) -> None:
    def read() -> None:
        with suppress(BodyError):
            read_json(body)

    assert_quick(read, 20)  # a second at most, on a machine that does nothing else
