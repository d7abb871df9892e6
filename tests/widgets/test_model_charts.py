"""Charts of a training's tables: which is drawn for which columns, what is in it, and what is shown where none is."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import mltrack
from mltrack_widgets.charts.model import draw, tables_chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOSTILE = "<script>alert(1)</script> datum['x'] \u202e"
TABLES: dict[str, tuple[Mapping[str, Sequence[Any]], list[str]]] = {
    "confusion": ({"true": [0, 0, 1, 1], "predicted": [0, 1, 0, 1], "count": [5, 1, 0, 7]}, ["rect", "text"]),
    "one class": ({"true": ["a"], "predicted": ["a"], "count": [3]}, ["rect", "text"]),
    "many classes": ({"true": [0] * 441, "predicted": [0] * 441, "count": [1] * 441}, ["rect"]),
    "roc": ({"fpr": [0, 0.5, 1], "tpr": [0, 0.9, 1], "threshold": [None, 0.5, 0.1]}, ["line", "line"]),
    "roc of classes": ({"class": ["a", "b"], "fpr": [0, 0], "tpr": [0, 1]}, ["line", "line"]),
    "precision and recall": ({"recall": [0, 1], "precision": [1, 0.5], "threshold": [None, 0.1]}, ["line"]),
    "calibration": ({"mean_predicted": [0.1, 0.9], "fraction_positive": [0, 1], "count": [3, 4]}, ["line", "line"]),
    "residuals": ({"predicted": [1.5, 2.5], "residual": [0.25, None]}, ["circle", "rule"]),
    "importances": ({"feature": ["a", "b"], "importance": [0.1, -0.9]}, ["bar"]),
    "importances with none": ({"feature": ["a", "b"], "weight": [None, 2]}, ["bar"]),
    "hostile names": ({"feature": [HOSTILE], "gain": [1.0]}, ["bar"]),
    "another table": ({"a": [1], "b": [2]}, []),
    "no rows": ({"fpr": [], "tpr": []}, []),
    "no columns": ({}, []),
}


def marks(specification: dict[str, Any]) -> list[str]:
    parts = specification.get("layer", [specification])
    return [part["mark"]["type"] if isinstance(part["mark"], dict) else part["mark"] for part in parts]


@pytest.mark.parametrize("name", TABLES)
def test_the_chart_of_a_table(name: str) -> None:
    columns, expected = TABLES[name]
    chart = draw("a title", columns)
    assert (marks(chart.to_dict()) if chart is not None else []) == expected


def test_bars_are_the_largest_first_and_at_most_twenty() -> None:
    chart = draw("importance", {"feature": [f"f{n}" for n in range(50)], "gain": [n - 25.0 for n in range(50)]})
    assert chart is not None
    (values,) = chart.to_dict()["datasets"].values()
    assert [abs(row["value"]) for row in values] == sorted((abs(row["value"]) for row in values), reverse=True)
    assert len(values) == 20


def test_charts_stand_in_rows_of_two() -> None:
    drawn = tables_chart({name: TABLES[name][0] for name in ("roc", "confusion", "another table", "importances")})
    assert (drawn.spec["columns"], len(drawn.spec["concat"])) == (2, 3)
    assert len(drawn.chart.to_dict()["concat"]) == 3


def test_a_runs_tables_are_drawn_and_its_other_files_left_alone() -> None:
    with mltrack.start_run(run_name="trained\x1b[31m") as run:
        mltrack.log_dict({"columns": ["fpr", "tpr"], "data": [[0, 0], [1, 1]]}, "training_roc_curve.json")
        mltrack.log_dict({"columns": ["fpr", "tpr"], "data": [[0]]}, "ragged.json")
        mltrack.log_dict({"some": "thing"}, "config.json")
        mltrack.log_text("[" * 5000, "deep.json")
        mltrack.log_text("no json", "bad.json")
    shown = mltrack.charts(run.info.run_id)
    assert list(shown.charts) == ["training roc curve"]
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "application/vnd.vegalite.v5+json"}
    assert "\x1b" not in bundle["text/plain"]
    json.dumps(bundle)
    assert set(shown._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}


def test_a_run_without_tables_says_what_would_leave_some() -> None:
    with mltrack.start_run(run_name="bare"):
        pass
    shown = mltrack.charts()
    assert "bare has no tables to draw" in repr(shown)
    assert set(shown._repr_mimebundle_()) == {"text/plain"}


def test_altair_waits_for_the_first_chart() -> None:
    code = (
        "import sys, mltrack\nwith mltrack.start_run(): pass\n"
        "mltrack.charts(); assert 'altair' not in sys.modules\n"
        "from mltrack_widgets.charts.model import draw; draw('', {'fpr': [0], 'tpr': [1]})\n"
        "assert 'altair' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
