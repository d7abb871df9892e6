"""The panels of parallel coordinates and of importance over real stores."""

from __future__ import annotations

from typing import Any

import pytest
from tests.widgets.panel_runs import HOSTILE, add_run

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack_widgets.html import NOTHING
from mltrack_widgets.panels.importance import ImportancePanel, importance
from mltrack_widgets.panels.parallel import ParallelPanel, parallel
from mltrack_widgets.panels.run_set import run_set


def some_runs(count: int = 12) -> list[str]:
    return [
        add_run(
            f"run {number}",
            params={"C": number, "solver": "abc"[number % 3], "same": 1},
            metrics={"loss": float(number), "time": 1.0},
        )
        for number in range(count)
    ]


def drag(panel: ParallelPanel, serial: int, axis: str, ends: Any) -> None:
    ranges = {"place": ends} if ends else {}
    panel._told(None, {"kind": "brush", "name": axis, "serial": serial, "ranges": ranges}, None)


def test_an_axis_for_each_param_that_varies_and_the_metric() -> None:
    some_runs()
    panel = parallel("loss")
    assert panel._shown.drawn.columns["axes"]["name"] == ["C", "solver", "loss"]
    assert panel._shown.lines["axes"] == 3
    assert parallel("solver", "C", "loss")._shown.drawn.columns["axes"]["name"] == ["solver", "C", "loss"]


def test_dragging_on_axes_chooses_runs() -> None:
    ids = some_runs()
    panel = parallel("C", "solver", "loss")
    drag(panel, 1, "axis_0", [0.0, 5 / 11])
    assert set(panel.selection) == set(ids[:6])
    drag(panel, 2, "axis_1", [0.9, 1.0])
    assert set(panel.selection) == {ids[2], ids[5]}
    assert "2 runs selected: run 5, run 2" in panel._shown.words
    assert panel._shown.drawn.columns["chosen"]["i"] == [6, 9]
    drag(panel, 3, "axis_0", None)
    assert set(panel.selection) == set(ids[2::3])
    drag(panel, 4, "axis_1", None)
    assert panel.selection == ()


@pytest.mark.parametrize(
    ("axis", "ends"), [("axis_9", [0, 1]), ("axis_x", [0, 1]), ("brush", [0, 1]), ("axis_0", "all")]
)
def test_whatever_the_page_says(axis: str, ends: Any) -> None:
    some_runs()
    panel = parallel("loss")
    drag(panel, 1, axis, ends)
    assert panel.selection == ()


def test_other_params_give_up_what_was_dragged() -> None:
    some_runs()
    panel = parallel("C", "solver", "loss")
    drag(panel, 1, "axis_0", [0.0, 0.5])
    panel._told(None, {"kind": "control", "name": "params", "value": ["params.solver"], "serial": 2}, None)
    assert panel._axes == {}
    assert panel._shown.drawn.columns["axes"]["name"] == ["solver", "loss"]


@pytest.mark.parametrize("make", [ParallelPanel, ImportancePanel])
@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "No runs yet"),
        ([{"params": {"C": 1}}], "1 run without metrics"),
        ([{"params": {"C": 1}, "metrics": {"loss": float("nan")}}], "No run has"),
        ([{"params": {"C": 1}, "metrics": {"loss": 1.0}}], "No parameter varies"),
    ],
    ids=["empty store", "no metrics", "nan", "one run"],
)
def test_what_is_said(make: Any, runs: list[dict[str, Any]], words: str) -> None:
    for run in runs:
        add_run(**run)
    panel = make(run_set())
    assert panel._shown.words.startswith(words)
    assert panel._shown.drawn.is_empty


def test_unknown_names_and_none() -> None:
    some_runs(3)
    with pytest.raises(NotFoundError, match="Did you mean 'solver'"):
        parallel("solvr", "loss")
    with pytest.raises(NotFoundError, match="Did you mean 'loss'"):
        importance("los")
    with pytest.raises(InvalidParameterError, match="Name a metric"):
        parallel()


def test_hostile_names() -> None:
    for place, name in enumerate(HOSTILE):
        add_run(name, params={"datum.x": name, "__proto__": place}, metrics={"loss": float(place)})
    for panel in (parallel("datum.x", "__proto__", "loss"), importance("loss")):
        assert "<script" not in panel._body(NOTHING).html


def test_importance_says_from_how_many_runs() -> None:
    some_runs(12)
    panel = importance("loss")
    frame = panel.to_dataframe()
    assert frame["param"].iloc[0] == "C"
    assert frame["correlation"].iloc[0] == pytest.approx(1.0)
    assert panel._shown.words.startswith("From 12 runs.")
    assert panel._shown.rows[0] == ["param", "importance", "correlation", "runs"]


def test_importance_of_few_runs_is_cautious() -> None:
    some_runs(4)
    assert "little more than chance" in importance("loss")._shown.words
