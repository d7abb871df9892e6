"""Small bodies that stand for much: they are refused before they become it."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.core.scoring_bodies import CSV, JSON, PARQUET
from tests.core.test_scoring import SCORERS
from tests.quickness import assert_quick

from mltrack.serving import files, tables
from mltrack.serving.messages import Request
from mltrack.serving.parts import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 1500


def packed(columns: dict[str, Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, **{"compression": "zstd", "store_schema": False, **options})
    return buffer.getvalue()


def repeated(text: str, times: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, np.int32)), pa.array([text]))


def diagonal(field: str) -> bytes:
    """Records that each have a name of their own, so that a frame of them is the square of their number."""
    return json.dumps({field: [{f"c{number}": 1} for number in range(MANY)]}).encode()


def lists(field: str, value: object) -> bytes:
    return json.dumps({field: value}).encode()


def records_of_the_first_alone() -> bytes:
    first = {"size": 1.0, "rooms": 1, "street": "x", "garden": True, "noise": 1.0}
    return json.dumps({"dataframe_records": [first, *([{}] * 250_000)]}).encode()


LONG, SHORT = "x" * 100_000, ["a"] * 1000
BOMBS: dict[str, tuple[str, str, Callable[[], bytes], str]] = {
    "records, each of its own name": ("unsigned", JSON, lambda: diagonal("dataframe_records"), "1500 columns"),
    "instances, each of its own name": ("unsigned", JSON, lambda: diagonal("instances"), "1500 columns"),
    "one long text among short ones": ("unsigned", JSON, lambda: lists("inputs", [LONG, *SHORT]), "100000 characters"),
    "a long text where numbers go": ("tensor", JSON, lambda: lists("inputs", [[LONG, *SHORT]]), "100000 characters"),
    "scalars for long columns": (
        *("row", JSON),
        lambda: lists("inputs", {"size": [1.0] * 250_000, "rooms": 1, "street": "x", "garden": True, "noise": 1.0}),
        "send one for each",
    ),
    "records without values": ("row", JSON, records_of_the_first_alone, "send one for each"),
    "CSV of many names": ("unsigned", CSV, lambda: b"," * 100_000 + b"\n", "100001 columns"),
    "CSV whose row is longer": ("unsigned", CSV, lambda: b'x,"y\n\n"\n' + b"," * 100_000, "more values"),
    "CSV whose later row is longer": ("unsigned", CSV, lambda: b"x,y\n1,2\n" + b"," * 100_000, "not CSV"),
    "Parquet of repeated texts": (
        *("unsigned", PARQUET),
        lambda: packed({"x": repeated("y" * 100_000, 1000)}),
        "16,777,216 bytes",
    ),
    "Parquet of repeated texts in lists": (
        *("unsigned", PARQUET),
        lambda: packed({"x": pa.ListArray.from_arrays(pa.array([0, 1000]), repeated("y" * 100_000, 1000))}),
        "16,777,216 bytes",
    ),
    "Parquet of plain texts": (
        *("unsigned", PARQUET),
        lambda: packed({"x": ["y" * 1_000_000] * 20}, use_dictionary=False),
        "when it is unpacked",
    ),
    "Parquet of a long list": (
        *("unsigned", PARQUET),
        lambda: packed({"x": pa.ListArray.from_arrays(pa.array([0, 2_500_000]), pa.array(np.zeros(2_500_000)))}),
        "2500000 values",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_grow_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 16 * 1024 * 1024)
    monkeypatch.setattr(files, "MOST_CELLS", 1_000_000)
    monkeypatch.setattr(tables, "_SPARSE_CELLS", 1_000_000)
    model, content_type, make, says = BOMBS[name]
    body = make()
    assert len(body) < 16 * 1024 * 1024
    [answer] = assert_quick(lambda: SCORERS[model].answer([Request(content_type, body)]), 15)
    assert (answer.status, says in answer.body.decode()) == (400, True), answer.body[:300]


def test_texts_that_are_written_once_and_read_often_are_counted() -> None:
    body = packed(
        {
            "plain": ["ab", None, "ab"],
            "lists": [["a", "bb"], [], ["a"]],
            "fields": [{"k": "v"}, {"k": "vv"}, None],
            "pairs": pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string())),
            "bytes": [b"\xff", b"", b"1234"],
            "number": [1.0, 2.0, 3.0],
        }
    )
    table = parquet.ParquetFile(
        io.BytesIO(body),
        read_dictionary=[each.path for each in parquet.ParquetFile(io.BytesIO(body)).schema],
    ).read()
    assert files._bytes_of(table) == 4 + 4 + 3 + 2 + 5


def test_texts_of_very_different_lengths_are_not_joined() -> None:
    """Each would get the room of the longest."""
    near, also, far = (key_of(np.array(["a" * length]), None) for length in (9, 10, 100_000))
    assert near == also != far


def test_a_name_that_comes_twice_is_found_at_once() -> None:
    names = [f"c{number}" for number in range(100_000)]
    split = {"columns": [*names, "z", "z"], "data": [[0] * (len(names) + 2)]}
    twice = ", ".join(f'"{name}": 1' for name in [*names, "z", "z"])
    for body in (json.dumps({"dataframe_split": split}).encode(), f'{{"inputs": {{{twice}}}}}'.encode()):
        # Some 0.1 s; to look for each name among all those before it takes minutes.
        [answer] = assert_quick(partial(SCORERS["row"].answer, [Request(JSON, body)]), 10)
        assert (answer.status, b"'z' twice" in answer.body) == (400, True)
