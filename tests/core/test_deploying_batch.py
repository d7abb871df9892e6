"""Predictions for whole files: every kind in and out, types by the signature, rows named, bounded memory."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.deployed_models import FRAME, save_estimator, save_function

from mltrack.deploying import batch_reading
from mltrack.deploying.batch import Batch, predict_file
from mltrack.deploying.batch_reading import cut_rows, split_rows
from mltrack.deploying.batch_writing import as_frame
from mltrack.deploying.file_kinds import KINDS, kind_of
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.pyfunc import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.pyfunc import PyFuncModel

EXPECTED = ["007/1", "abc/2"]


@pytest.fixture
def model(tmp_path: Path) -> PyFuncModel:
    return load_model(str(save_function(tmp_path / "model")))


def as_file(frame: pd.DataFrame, kind: str) -> bytes:
    if kind == "csv":
        return frame.to_csv(index=False).encode()
    if kind == "jsonl":
        return frame.to_json(orient="records", lines=True).encode()
    if kind == "json":
        return json.dumps({"dataframe_split": frame.to_dict("split")}).encode()
    target = io.BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


def predictions_of(content: bytes, kind: str) -> list[Any]:
    if kind == "json":
        found: list[Any] = json.loads(content)["predictions"]
        return found
    if kind == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    frame = pd.read_csv(io.BytesIO(content)) if kind == "csv" else pd.read_parquet(io.BytesIO(content))
    assert list(frame.columns) == ["prediction"]
    return frame["prediction"].tolist()


def predict(model: PyFuncModel, content: bytes, read: str = "csv", write: str = "json", whole: Any = None) -> list[Any]:
    target = io.BytesIO()
    rows = predict_file(model, io.BytesIO(content), target, batch=Batch("in", read, write, whole))
    found = predictions_of(target.getvalue(), write)
    assert rows == len(found)
    return found


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize("read", KINDS)
def test_every_kind_goes_in_and_comes_out(model: PyFuncModel, read: str, write: str, whole: bool) -> None:
    assert predict(model, as_file(FRAME, read), read, write, whole) == EXPECTED


@pytest.mark.parametrize("read", ["csv", "jsonl", "parquet"])
def test_blocks_give_what_the_whole_does(model: PyFuncModel, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"code": [f'0{n}\n"x",' for n in range(500)], "size": np.arange(500) / 7, "many": range(500)})
    content = as_file(frame, read)
    once = predict(model, content, read, whole=True)
    monkeypatch.setattr(batch_reading, "BLOCK", 100)
    monkeypatch.setattr("mltrack.deploying.batch.BLOCK", 100)
    monkeypatch.setattr(batch_reading, "PARQUET_ROWS", 7)
    assert predict(model, content, read, whole=False) == once
    assert once[10] == '010\n"x",/10'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("many,size,code\n1,1.5,007\n2,2.5,abc", EXPECTED),
        ("\ufeffcode,size,many\r\n007,1.5,1\r\nabc,2.5,2\r\n", EXPECTED),
        ("code,size,many,more\n007,1.5,1,x\n\nabc,2.5,2,y\n\n\n", EXPECTED),
        ('"code","size","many"\n"a\nb",1.5,1\n', ["a\nb/1"]),
        ("code,size,many\n1e5,1,1\nTrue,1,2\n", ["1e5/1", "True/2"]),
    ],
)
def test_columns_are_read_as_the_signature_says(model: PyFuncModel, text: str, expected: list[str]) -> None:
    assert predict(model, text.encode()) == expected


HEADER, GOOD = "code,size,many\n", "a,1,1\n"
RECORD = '{"code": "a", "size": 1.5, "many": 1}'
UNFIT = '{"code": "a", "size": "big", "many": 1}'


@pytest.mark.parametrize(
    ("content", "read", "message"),
    [
        (f"{HEADER}{GOOD}a,1,x\n", "csv", r"^in, row 2: The column 'many'.*it has 'x'"),
        (f"{HEADER}{GOOD}a,1,1.5\n{GOOD}", "csv", r"^in, row 2: The column 'many'"),
        (f"{HEADER}{GOOD * 2999}a,one,1\n", "csv", r"^in, row 3,000: The column 'size'.*'one'"),
        (f"{HEADER}{GOOD * 2999}a,-1,1\n", "csv", r"^in, row 3,000: the model raised ValueError: a size below 0"),
        ("code,size\na,1\nb,2\n", "csv", r"^in: Failed to enforce schema.*'many'"),
        (f"{RECORD}\n{UNFIT}\n", "jsonl", r"^in, row 2: .*'size'"),
        (f"{RECORD}\nnonsense\n", "jsonl", "^in, row 2: "),
        ('{"code": "a"}', "json", "^in, row 1: The body must be a JSON object"),
        ("no parquet", "parquet", "not Parquet"),
        (f'{HEADER}"{GOOD}{GOOD * 9}', "csv", "^in, row 1: "),
    ],
)
def test_what_does_not_fit_is_named(model: PyFuncModel, content: str, read: str, message: str) -> None:
    for whole in (True, False):
        with pytest.raises(InvalidParameterError, match=message):
            predict(model, content.encode(), read, whole=whole)


def test_a_parquet_column_of_another_type_is_named(model: PyFuncModel) -> None:
    with pytest.raises(InvalidParameterError, match=r"^in: .*many"):
        predict(model, as_file(FRAME.assign(many="x"), "parquet"), "parquet")


def test_an_open_quotation_mark_does_not_fill_the_memory(model: PyFuncModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.deploying.batch.BLOCK", 100)
    monkeypatch.setattr(batch_reading, "LONGEST_ROW", 1000)
    with pytest.raises(MltrackError, match="quotation mark"):
        predict(model, b'code,size,many\n"a,1,1\n' + b"a,1,1\n" * 10_000, whole=False)


def test_a_model_that_looks_at_rows_together_gets_all(tmp_path: Path) -> None:
    from mltrack import pyfunc

    pyfunc.save_model(
        tmp_path / "top", python_model=lambda data: [float(data["a"].max())], input_example=pd.DataFrame({"a": [1.0]})
    )
    model = load_model(str(tmp_path / "top"))
    content = b"a\n1\n2\n"
    target = io.BytesIO()
    predict_file(model, io.BytesIO(content), target, batch=Batch("in"))
    assert json.loads(target.getvalue()) == {"predictions": [2.0]}
    with pytest.raises(InvalidParameterError, match=r"1 predictions for 2 rows.*--whole"):
        predict(model, content, whole=False)


def test_an_estimator_predicts_what_it_does_itself(tmp_path: Path) -> None:
    model = load_model(str(save_estimator(tmp_path / "iris")))
    data = model.input_example
    content = data.to_csv(index=False).encode()
    assert predict(model, content) == model.predict(data).tolist()


@pytest.mark.parametrize(
    ("predictions", "columns"),
    [
        (np.zeros((2, 3)), ["prediction_0", "prediction_1", "prediction_2"]),
        (np.zeros(2), ["prediction"]),
        (pd.Series([1, 2]), ["prediction"]),
        (pd.Series([1, 2], name="label"), ["label"]),
        (pd.DataFrame({"a": [1, 2], 5: [3, 4]}, index=[7, 8]), ["a", "5"]),
        ([{"a": 1}, {"a": 2}], ["a"]),
        (["x", None], ["prediction"]),
    ],
)
def test_predictions_become_a_table(predictions: Any, columns: list[str]) -> None:
    frame = as_frame(predictions)
    assert list(frame.columns) == columns
    assert list(frame.index) == [0, 1]


@pytest.mark.parametrize("predictions", [np.zeros((2, 2, 2)), 5, "text"])
def test_what_is_no_table_is_refused(predictions: Any) -> None:
    with pytest.raises(InvalidParameterError, match="no table"):
        as_frame(predictions)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12), st.integers(0, 200))
def test_rows_are_cut_and_split_where_the_csv_module_does(rows: list[tuple[str, str]], where: int) -> None:
    target = io.StringIO()
    csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    text = target.getvalue().encode()
    found = [row for row in split_rows(text, quoted=True) if row]
    assert [next(csv.reader([row.decode()], strict=True)) for row in found if b"\n" not in row] == [
        [*row] for row in rows if "\n" not in "".join(row)
    ]
    assert len(found) == len(rows)
    whole, rest = cut_rows(text[:where], quoted=True)
    assert whole + rest == text[:where]
    assert whole == b"".join(
        row + b"\n" for row in found[: len([row for row in split_rows(whole, quoted=True) if row])]
    )


@pytest.mark.parametrize(
    ("path", "kind"), [("a.CSV", "csv"), ("a.ndjson", "jsonl"), ("a.parquet", "parquet"), ("a", "json")]
)
def test_kinds_are_told_by_names(path: str, kind: str) -> None:
    assert kind_of(path) == kind


MEASURE = """
import sys
from mltrack.cli import main
main(sys.argv[1:], standalone_mode=False)
lines = open("/proc/self/status").read().splitlines()  # what getrusage says begins with the parent's
print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024)
"""


def megabytes(*words: str) -> int:
    done = subprocess.run([sys.executable, "-c", MEASURE, *words], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the most memory of a process is read from /proc")
@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_a_million_rows_need_little_memory(tmp_path: Path, kind: str) -> None:
    folder = str(save_estimator(tmp_path / "iris"))
    names = list(load_model(folder).input_example.columns)
    numbers = np.random.default_rng(0).normal(3, 1, (1_000_000, 4)).round(6)
    frame = pd.DataFrame(numbers, columns=names)
    sizes = {}
    for rows in (1_000, 1_000_000):
        (tmp_path / f"{rows}.{kind}").write_bytes(as_file(frame.head(rows), kind))
        out = tmp_path / f"{rows}.csv.out.csv"
        sizes[rows] = megabytes("models", "predict", "-m", folder, "-i", f"{rows}.{kind}", "-o", str(out))
        assert sum(1 for _ in out.open()) == rows + 1
    assert sizes[1_000_000] - sizes[1_000] < 90, sizes
