"""Metrics of parts of the rows: which parts there are, how many rows each has, and what is said of small ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.evaluation.evaluate import evaluate
from mltrack.evaluation.examples import Asked, read_examples
from mltrack.evaluation.slices import FEW_VALUES, MOST_SLICES, read_slices
from mltrack.exceptions import InvalidParameterError

metrics = pytest.importorskip("sklearn.metrics")


def parts(values: Any, asked: Any = "column", **options: Any) -> dict[str, int]:
    return dict(counted(values, asked, **options))


def counted(values: Any, asked: Any = "column", **options: Any) -> list[tuple[str, int]]:
    """Each part's words and rows; numbers that are almost equal have the same words."""
    frame = pd.DataFrame({"column": values})
    (found,) = read_slices(asked, read_examples(frame, Asked()), **options)
    counts = np.bincount(found.places, minlength=len(found.parts))
    return list(zip(found.parts, counts.tolist(), strict=True))


SLICED: dict[str, tuple[Any, dict[str, int]]] = {
    "texts": (["m", "f", "m"], {"f": 1, "m": 2}),
    "few numbers": ([2, 1, 2, 2], {"1": 1, "2": 3}),
    "truth values": ([True, False, True], {"False": 1, "True": 2}),
    "missing texts": (["a", None, "a"], {"a": 2, "missing": 1}),
    "missing numbers": ([1.5, float("nan")], {"1.5": 1, "missing": 1}),
    "texts and numbers": (["a", 1, "a"], {"a": 2, "1": 1}),
    "many numbers": (list(range(100)), {"≤ 24.75": 25, "24.75 – 49.5": 25, "49.5 – 74.25": 25, "> 74.25": 25}),
    "mostly one number": ([0.0] * 90 + list(range(1, 14)), {"0": 90, "> 0": 13}),
    "categories": (pd.Categorical(["x", "y", "x"]), {"x": 2, "y": 1}),
    "one value": (["a"] * 3, {"a": 3}),
}


@pytest.mark.parametrize("kind", SLICED)
def test_the_parts_of_a_column(kind: str) -> None:
    values, expected = SLICED[kind]
    assert {name: count for name, count in parts(values).items() if count} == expected


def test_times_and_bins_of_another_number() -> None:
    assert list(parts(pd.date_range("2026-01-01", periods=40), bins=2).values()) == [20, 20]
    assert list(parts(list(range(40)), bins=5).values()) == [8] * 5


def test_the_rarest_of_many_values_share_a_part() -> None:
    found = parts([str(at) for at in range(100) for _ in range(at + 1)])
    assert len(found) == MOST_SLICES
    assert found["99"] == 100
    assert found[f"others ({101 - MOST_SLICES} values)"] == sum(range(1, 102 - MOST_SLICES))


@settings(max_examples=50)
@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=False), st.integers(-5, 5)), min_size=1, max_size=60))
def test_every_row_is_in_one_part(values: list[Any]) -> None:
    assert sum(rows for _, rows in counted(values)) == len(values)


def frame(rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(4)
    made = pd.DataFrame({"sex": random.choice(["f", "m"], rows), "age": random.normal(40, 9, rows)})
    return made.assign(guess=random.integers(0, 2, rows), answer=random.integers(0, 2, rows))


def sliced(slices: Any, data: pd.DataFrame, **options: Any) -> pd.DataFrame:
    result = evaluate(
        data=data, targets="answer", predictions="guess", model_type="classifier", slices=slices, **options
    )
    return result.tables["slices"]


def test_a_parts_metrics_are_those_of_its_rows_alone() -> None:
    data = frame()
    table = sliced(["sex", ("sex", "age")], data).set_index(["slice", "value"])
    for sex in ("f", "m"):
        rows = data[data["sex"] == sex]
        assert table.loc[("sex", sex), "count"] == len(rows)
        assert table.loc[("sex", sex), "f1_score"] == metrics.f1_score(rows["answer"], rows["guess"])
    assert len(table.loc["sex × age"]) == 8
    assert table.loc["sex × age"]["count"].sum() == len(data)


def test_small_parts_and_those_of_one_label_have_a_note() -> None:
    data = frame(100).assign(sex=["x"] * 5 + ["y"] * 95)
    random = np.random.default_rng(0)
    scores = np.column_stack([random.random(100), random.random(100)])
    table = sliced({"kind": data["sex"]}, data).set_index("value")
    assert table.loc["x", "note"] == "few rows (5): chance may make the difference"
    assert table.loc["y", "note"] == ""
    from sklearn.base import BaseEstimator, ClassifierMixin  # with what is looked for above

    class Told(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        classes_ = np.array([0, 1])

        def predict_proba(self, _: Any) -> Any:
            return scores / scores.sum(axis=1, keepdims=True)

        def predict(self, rows: Any) -> Any:
            return self.predict_proba(rows).argmax(axis=1)

    data.loc[data["sex"] == "x", "answer"] = 1
    made = evaluate(Told(), data, targets="answer", model_type="classifier", slices="sex").tables["slices"]
    (row,) = made[made["value"] == "x"].to_dict("records")
    assert "one label only" in row["note"]
    assert np.isnan(row["roc_auc"])


@pytest.mark.parametrize(
    ("slices", "words"),
    [("no", "no column 'no'"), ({"x": [1, 2]}, "'x' need a value for each of the 400 rows"), (["sex", "y"], "'y'")],
)
def test_what_cannot_be_sliced_is_said(slices: Any, words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        sliced(slices, frame())


def test_columns_that_the_model_does_not_get_can_be_sliced_by() -> None:
    data = frame().assign(x=1.0)
    result = evaluate(
        lambda rows: rows["x"].astype(int) if list(rows) == ["x"] else None,
        data,
        targets="answer",
        model_type="classifier",
        feature_names=["x"],
        slices=["sex", "age"],
    )
    assert len(result.tables["slices"]) == 2 + 4
    assert data["age"].nunique() > FEW_VALUES
