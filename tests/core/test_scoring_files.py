from __future__ import annotations

import io
import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.core.scoring_bodies import CSV, PARQUET, A, told
from tests.core.test_scoring import SCORERS

from mltrack.serving.messages import Request

OTHERS = {"floor": 2, "share": 0.5, "built": "2020-01-02T03:04:05", "plan": "aGk="}


def packed(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def ask(name: str, content_type: str, body: bytes) -> tuple[int, Any]:
    [answer] = SCORERS[name].answer([Request(content_type, body)])
    text = answer.body.decode()
    return answer.status, json.loads(text) if answer.content_type == "application/json" else text


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame([A]), told()),
        (pd.DataFrame([A])[["garden", "street", "rooms", "size"]], told()),
        (pd.DataFrame([{**A, "z": 1}]), told()),
        (pd.DataFrame([A, A], index=["a", "b"]), told() * 2),
        (pd.DataFrame([{**A, "noise": 0.5}]), told(noise=["float64", 0.5])),
        (pd.DataFrame([A]).astype({"rooms": "int32", "size": "float32"}), told()),
    ],
)
def test_parquet_is_read_by_the_signature(frame: pd.DataFrame, expected: list[Any]) -> None:
    assert ask("row", PARQUET, packed(frame)) == (200, {"predictions": expected})


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame([A]).drop(columns="rooms"), "rooms"),
        (pd.DataFrame([{**A, "rooms": 3.5}]), "rooms"),
        (pd.DataFrame([{**A, "size": "big"}]), "size"),
        (pd.DataFrame([A]).iloc[:0], "no rows"),
    ],
)
def test_parquet_that_does_not_fit_is_refused(frame: pd.DataFrame, says: str) -> None:
    status, told = ask("row", PARQUET, packed(frame))
    assert status == 400
    assert says in told["message"]


def test_parquet_for_arrays() -> None:
    frame = pd.DataFrame(np.arange(4.0).reshape(2, 2), columns=["p", "q"])
    assert ask("tensor", PARQUET, packed(frame))[1] == {
        "predictions": [["float64", [0.0, 1.0]], ["float64", [2.0, 3.0]]]
    }


def test_a_small_file_of_endless_rows_is_not_unpacked() -> None:
    buffer = io.BytesIO()
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(60_000_000, np.int8)), pa.array([1.0]))
    parquet.write_table(pa.table({"x": column}), buffer)
    assert len(buffer.getvalue()) < 1 << 20
    status, told = ask("numbers", PARQUET, buffer.getvalue())
    assert status == 400
    assert "60000000 values" in told["message"]


def test_without_pyarrow_parquet_is_a_type_that_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    status, text = ask("row", PARQUET, b"PAR1")
    assert status == 415
    assert "pyarrow" in text


@pytest.mark.parametrize("changes", [{}, {"share": ""}, {"plan": ""}])
def test_csv_of_the_other_types(changes: dict[str, Any]) -> None:
    line = ",".join(str(each) for each in {**OTHERS, **changes}.values())
    status, answer = ask("others", CSV, f"{','.join(OTHERS)}\n{line}\n".encode())
    assert status == 200
    assert answer["predictions"][0]["built"] == ["datetime64", "2020-01-02T03:04:05"]
    assert answer["predictions"][0]["share"][1] == (0.5 if "share" not in changes else None)
    assert answer["predictions"][0]["plan"][1] == ([104, 105] if "plan" not in changes else None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"floor": 2**31}, "'floor'"),
        ({"floor": "x"}, "'floor'"),
        ({"floor": 1e30}, "'floor'"),
        ({"share": "much"}, "row 0 has 'much'"),
        ({"built": "soon"}, "'built'"),
        ({"plan": "ä"}, "'plan'"),
    ],
)
def test_csv_values_that_do_not_fit_are_named(changes: dict[str, Any], says: str) -> None:
    line = ",".join(str(each) for each in {**OTHERS, **changes}.values())
    status, told = ask("others", CSV, f"{','.join(OTHERS)}\n{line}\n".encode())
    assert status == 400
    assert says in told["message"]
