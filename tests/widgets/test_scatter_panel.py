"""The scatter panel over real stores: what is drawn and said, and choosing runs by dragging."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.widgets.panel_runs import HOSTILE, add_run

from mltrack import MltrackClient
from mltrack.exceptions import NotFoundError
from mltrack_widgets.html import NOTHING
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.scatter import ScatterPanel, scatter
from mltrack_widgets.panels.selection import Selection


def some_runs() -> list[str]:
    """Ten runs of which loss grows with C, and two solvers."""
    return [
        add_run(
            f"run {number}",
            params={"C": 10**number, "solver": "ab"[number % 2]},
            metrics={"loss": float(number), "accuracy": 1.0},
        )
        for number in range(10)
    ]


def brush(panel: ScatterPanel, serial: int, **ranges: Any) -> None:
    panel._told(None, {"kind": "brush", "name": "brush", "serial": serial, "ranges": ranges}, None)


def test_a_point_a_run() -> None:
    some_runs()
    panel = scatter("C", "loss")
    points = panel._shown.drawn.columns["points"]
    assert sorted(zip(points["x"], points["y"], strict=True)) == [(10.0**n, float(n)) for n in range(10)]
    assert panel._shown.words == "Spearman ρ = 1.00 over 10 runs"
    assert panel._shown.drawn.spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_dragging_chooses_runs() -> None:
    ids = some_runs()
    shared = Selection()
    panel = ScatterPanel(run_set(), names=("C", "loss"), selection=shared)
    brush(panel, 1, x=[50, 5_000], y=[0, 100])
    assert set(shared.ids) == {ids[2], ids[3]}
    assert panel._shown.words.splitlines()[1] == "2 runs selected: run 3, run 2"
    assert panel._shown.drawn.columns["chosen"]["name"] == ["run 3", "run 2"]
    brush(panel, 2)
    assert shared.ids == ()
    assert panel._shown.drawn.columns["chosen"]["i"] == []


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ({"x": ["a"], "y": [0, 100]}, 5),
        ({"x": ["a", "b"], "y": [7.5, 3.5]}, 4),
        ({"x": ["c"], "y": [0, 100]}, 0),
        ({"x": "a", "y": [0, 100]}, 0),
        ({"x": ["a"], "y": [0]}, 0),
        ({"x": ["a"], "y": ["0", None]}, 0),
        ({"z": [0, 1]}, 0),
    ],
)
def test_dragging_over_categories(ranges: dict[str, Any], found: int) -> None:
    some_runs()
    panel = scatter("solver", "loss")
    brush(panel, 1, **ranges)
    assert len(panel.selection) == found


def test_what_is_chosen_elsewhere_is_coloured() -> None:
    ids = some_runs()
    panel = scatter("C", "loss", color="solver")
    spec = panel._shown.drawn.spec
    panel.selection = [ids[7]]
    assert panel._shown.drawn.columns["chosen"]["y"] == [7.0]
    assert panel._shown.drawn.spec == spec  # so that nothing is drawn anew
    assert panel._state()["added"]["chosen"]["of"] == "points"


def test_very_many_chosen_runs_have_one_colour() -> None:
    for number in range(40):
        add_run(f"run {number}", params={"C": number}, metrics={"loss": float(number)})
    panel = scatter("C", "loss")
    brush(panel, 1, x=[-1, 50], y=[-1, 50])
    assert len(panel.selection) == 40
    assert len(set(panel._shown.drawn.columns["chosen"]["stroke"])) == 1
    assert panel._shown.words.endswith(" and 34 more")


def test_without_names_the_telling_ones_are_drawn() -> None:
    some_runs()
    panel = ScatterPanel(run_set(), names=(None, "loss"))
    assert panel._settings == {"param": "params.C", "metric": "metrics.loss", "color": ""}
    panel._told(None, {"kind": "control", "name": "color", "value": "params.solver", "serial": 1}, None)
    assert panel._shown.drawn.columns["points"]["colour"][:2] == ["b", "a"]


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (("c", "loss"), "no param 'c'. Did you mean 'C'?"),
        (("C", "los"), "no metric 'los'. Did you mean 'loss'?"),
        (("zzz", "loss"), "They have"),
    ],
)
def test_unknown_names_tell_near_ones(names: tuple[str, str], hint: str) -> None:
    some_runs()
    with pytest.raises(NotFoundError) as caught:
        scatter(*names)
    assert hint in str(caught.value)


def test_a_metric_may_stand_where_a_param_does() -> None:
    some_runs()
    assert scatter("accuracy", "loss")._settings["param"] == "metrics.accuracy"
    assert scatter("metrics.accuracy", "metrics.loss")._settings["metric"] == "metrics.loss"


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "No runs yet: put %%track_run on a cell and run it."),
        ([{"params": {"C": 1}}], "1 run without metrics. Log one: mltrack.log_metric('loss', value)"),
        ([{"params": {"C": 1}, "metrics": {"loss": math.nan}}], "No run has both C and a finite loss."),
        ([{"params": {"C": 1}, "metrics": {"loss": 0.5}}], "no correlation: 1 run"),
    ],
    ids=["empty store", "no metrics", "nan", "one point"],
)
def test_what_is_said(runs: list[dict[str, Any]], words: str) -> None:
    for run in runs:
        add_run(**run)
    panel = ScatterPanel(run_set())
    assert panel._shown.words == words
    assert panel.text.startswith(words)


def test_a_deleted_run_is_gone_at_the_next_look() -> None:
    ids = some_runs()
    panel = scatter("C", "loss")
    MltrackClient().delete_run(ids[0])
    panel.refresh()
    assert len(panel._shown.drawn.columns["points"]["x"]) == 9


def test_the_table_that_stays_has_the_highest_twenty() -> None:
    for number in range(25):
        add_run(f"run {number}", params={"C": number}, metrics={"loss": float(number)})
    rows = scatter("C", "loss")._shown.rows
    assert list(rows[:2]) == [["run", "C", "loss"], ["run 24", "24", "24"]]
    assert len(rows) == 21


def test_hostile_names() -> None:
    for place, name in enumerate(HOSTILE):
        add_run(name, params={"datum.x/y": name, "__proto__": place}, metrics={"loss": float(place)})
    panel = scatter("datum.x/y", "loss", color="__proto__")
    html = panel._body(NOTHING).html
    assert "<script" not in html
    assert "\u202e" not in panel.text + html + str(panel._state()["data"])
    assert len(panel._shown.drawn.columns["points"]["x"]) == len(HOSTILE)
