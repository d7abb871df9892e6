"""The data that a tracked cell reads: which names count, what is looked at and when, and what it costs."""

from __future__ import annotations

import gc
import json
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from tests.magics.kernels import running_kernel
from tests.quickness import assert_costs_at_most

from mltrack import data
from mltrack.data import convert
from mltrack.provenance.cell_names import plan_cell
from mltrack_magics import read_data
from mltrack_magics.read_data import ReadData, inputs_of, take_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.magics.kernels import Kernel

    from mltrack.entities import Run

X = pd.DataFrame({"a": range(20), "b": ["x"] * 20})
PATIENT = "read_data.START_SECONDS = read_data.WALL_SECONDS = 60"  # however slow the machine is


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_data, "START_SECONDS", 60)
    monkeypatch.setattr(read_data, "WALL_SECONDS", 60)


def look(source: str, **namespace: Any) -> ReadData:
    return take_read(plan_cell(source), namespace)


def names(source: str, **namespace: Any) -> list[str]:
    return list(look(source, **namespace).inputs)


VALUES: dict[str, Any] = {
    "frame": X,
    "small frame": X.head(1),
    "series": X["a"],
    "polars": pl.from_pandas(X),
    "polars series": pl.Series("y", range(20)),
    "array": np.arange(10),
    "texts": np.array(["x"] * 10),
    "sparse": scipy.sparse.csr_matrix(np.eye(5)),
    "sparse array": scipy.sparse.csc_array(np.eye(5)),
    "tensor": torch.arange(10),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_data_of_known_libraries_is_found(value: Any) -> None:
    found = look("print(value)", value=value).inputs["value"]
    made = data.as_dataset(value, name="value").to_entity()
    assert found.dataset == made
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "read")]


class Frame(pd.DataFrame):
    pass


OTHERS: dict[str, Any] = {
    "list": list(range(20)),
    "few": np.arange(9),
    "no dimension": np.array(1.5),
    "nothing": np.zeros((0, 20)),
    "empty frame": X.head(0),
    "short series": X["a"].head(9),
    "weights": torch.zeros(20, requires_grad=True),
    "elsewhere": torch.zeros(20, device="meta"),
    "half": torch.zeros(20, dtype=torch.bfloat16),
    "subclass": Frame(X),
    "lazy": pl.LazyFrame({"a": [1] * 20}),
    "matrix": np.matrix([range(20)]),
}


@pytest.mark.parametrize("value", OTHERS.values(), ids=OTHERS.keys())
def test_other_values_are_left_alone(value: Any) -> None:
    assert names("print(value)", value=value) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("model.fit(X, y)", ["X", "y"]),
        ("X['c'] = 1", ["X"]),
        ("X = X.dropna()", ["X"]),
        ("X = load()", []),
        ("X = load()\nX.head()", []),
        ("def f():\n    return X\nf()", ["X"]),
        ("[row for X in rows]", []),
        ("_X.head()", []),
        ("y.sum()\nX.sum()\ny.max()", ["y", "X"]),
        ("await f(X)", ["X"]),
        ("1 +", []),
    ],
)
def test_the_names_that_a_cell_reads(source: str, expected: list[str]) -> None:
    assert names(source, X=X, _X=X, y=np.arange(20)) == expected


@pytest.mark.parametrize(("load", "expected"), [(False, ["X"]), (True, [])])
def test_a_name_that_may_be_bound_before_it_is_read(load: bool, expected: list[str]) -> None:
    namespace: dict[str, Any] = {"X": X.copy(), "load": load, "pd": pd}
    source = "if load: X = pd.DataFrame({'other': [1]})\nX.head()"
    read = take_read(plan_cell(source), namespace)
    exec(source, namespace)
    assert [each.dataset.name for each in inputs_of(read, namespace)] == expected


def test_nothing_is_kept_alive() -> None:
    frame = X.copy()
    reference = weakref.ref(frame)
    read = look("if False: frame = 1\nprint(frame)", frame=frame)
    assert list(read.inputs) == ["frame"]
    del frame
    gc.collect()
    assert reference() is None


BIG: dict[str, Callable[[], Any]] = {
    "rows": lambda: pd.DataFrame(np.broadcast_to(np.float32(1), (10**9, 4)), columns=list("abcd"), copy=False),
    "columns": lambda: pd.DataFrame(np.zeros((100, 20_000))).add_prefix("c"),
    "both": lambda: pd.DataFrame(np.zeros((10_000, 784))).add_prefix("pixel"),
    "texts": lambda: pd.DataFrame({f"t{i}": [f"row {j}" for j in range(10_000)] for i in range(12)}),
    "array": lambda: np.broadcast_to(1.5, (10**9, 3)),
    "polars": lambda: pl.DataFrame({f"c{i}": np.zeros(100_000) for i in range(100)}),
    "tensor": lambda: torch.zeros(10**8),
}


@pytest.mark.parametrize("make", BIG.values(), ids=BIG.keys())
def test_large_data_takes_no_longer(make: Callable[[], Any]) -> None:
    value = make()
    assert "value" in look("print(value)", value=value).inputs
    # Little more at most; ten times as much where all rows or all columns are looked at.
    small = pd.DataFrame({f"t{i}": [f"row {j}" for j in range(10_000)] for i in range(12)})
    assert_costs_at_most(4, lambda: look("print(small)", small=small), lambda: look("print(value)", value=value))


class Clock:
    """Stands for ``time``: it goes on only where it is told to."""

    def __init__(self) -> None:
        self.worked = self.passed = 0.0

    def thread_time(self) -> float:
        return self.worked

    def perf_counter(self) -> float:
        return self.passed


@pytest.mark.parametrize("works", [True, False], ids=["work", "waiting"])
def test_what_there_is_no_time_for_is_named(monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    clock = Clock()

    def slow(value: Any) -> Any:
        clock.passed += 0.03
        clock.worked += 0.03 * works
        return value

    monkeypatch.setattr(read_data, "time", clock)
    monkeypatch.setattr(read_data, "START_SECONDS", 0.02)
    monkeypatch.setattr(read_data, "WALL_SECONDS", 0.05)
    monkeypatch.setattr(convert, "array_of_tensor", slow)
    arrays = {f"a{number}": np.arange(10 + number) for number in range(6)}
    read = look("f(" + ", ".join(arrays) + ")", **arrays)
    assert read.left_out
    assert [*read.inputs, *read.left_out] == list(arrays)
    assert 1 <= len(read.inputs) <= 2


# In a kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("data")) as started:
        started.run(
            f"from mltrack_magics import read_data\n{PATIENT}\n"
            "import numpy as np, pandas as pd\nX = pd.DataFrame({'a': range(20), 'b': ['x'] * 20})\ny = np.arange(20)"
        )
        yield started


def read_by(run: Run) -> dict[str, dict[str, str]]:
    return {each.dataset.name: {tag.key: tag.value for tag in each.tags} for each in run.inputs.dataset_inputs}


READ = {"mlflow.data.context": "read"}


def test_a_cell_logs_what_it_reads_as_it_found_it(kernel: Kernel) -> None:
    _, run = kernel.track("X['c'] = y\ntotal = int(X['c'].sum())")
    assert read_by(run) == {"X": READ, "y": READ}
    found = next(each.dataset for each in run.inputs.dataset_inputs if each.dataset.name == "X")
    assert found.digest == data.from_pandas(X).digest
    assert json.loads(found.profile or "") == {"num_rows": 20, "num_elements": 40}
    assert run.data.metrics == {"total": 190.0}
    _, again = kernel.track("X = X.drop(columns='c')\nX.shape")
    assert again.inputs.dataset_inputs[0].dataset.digest != found.digest


def test_a_cell_that_fails_has_read_it(kernel: Kernel) -> None:
    outcome, run = kernel.track("y / X['none']")
    assert (outcome.status, run.info.status) == ("error", "FAILED")
    assert read_by(run) == {"X": READ, "y": READ}


def test_what_the_user_logged_stays(kernel: Kernel) -> None:
    _, run = kernel.track(
        "import mltrack\nmltrack.log_input(mltrack.data.from_pandas(X, name='X'), context='training')"
    )
    assert read_by(run) == {"X": {"mlflow.data.context": "training"}}


def test_without_capture_nothing_is_looked_at(kernel: Kernel) -> None:
    _, run = kernel.track("X.shape", "--no-capture")
    assert read_by(run) == {}


def test_data_without_time_is_a_tag(kernel: Kernel) -> None:
    kernel.run("read_data.START_SECONDS = -1")
    try:
        _, run = kernel.track("X.shape, y.shape")
    finally:
        kernel.run(PATIENT)
    assert read_by(run) == {}
    assert run.data.tags[read_data.LEFT_OUT_TAG] == "X, y"


FAULT = """
from mltrack_magics import tracked_cell
_kept = tracked_cell.{name}
def _broken(*arguments): raise RuntimeError("broken on purpose")
tracked_cell.{name} = _broken
"""


@pytest.mark.parametrize("name", ["take_read", "inputs_of"])
def test_a_fault_loses_the_data_alone(kernel: Kernel, name: str) -> None:
    kernel.run(FAULT.format(name=name))
    try:
        outcome, run = kernel.track("rows = len(X) / 2\nC = 0.5\nrows")
    finally:
        kernel.run(f"tracked_cell.{name} = _kept")
    assert (outcome.status, outcome.value, run.info.status) == ("ok", "10.0", "FINISHED")
    assert outcome.stream("stderr").count("\n") == outcome.stream("stderr").count("broken on purpose") == 1
    assert (run.data.metrics, run.data.params) == ({"rows": 10.0}, {"C": "0.5"})
    assert read_by(run) == {}


def test_neither_pandas_nor_numpy_is_loaded_for_it(kernel: Kernel, tmp_path: Any) -> None:
    with running_kernel(tmp_path) as fresh:
        fresh.track("import math\nn = 3")
        fresh.track("n + 1")
        assert fresh.evaluate("'mltrack.data' in __import__('sys').modules") is False
