"""Parallel coordinates: lines and axes, where values lie on them, what the axes' parameters pick, and limits."""

from __future__ import annotations

import math
import re
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.widgets.charts_drawn import HOSTILE, marks, shape, svg_of, sweep, texts, vertices, written

from mltrack_widgets.charts import parallel_coordinates
from mltrack_widgets.charts.dimension import dimension
from mltrack_widgets.charts.parallel import AXIS_GAP, draw_parallel
from mltrack_widgets.panels.colours import Line

IDS = [f"{at:032x}" for at in range(3)]
ACCURACY = ("accuracy", [0.7, 0.8, 0.9])
PARAMS = {"C": ["0.001", "1", "1000"], "solver": ["lbfgs", "saga", "lbfgs"]}


def test_a_line_a_run_and_an_axis_a_parameter() -> None:
    found = draw_parallel(IDS, PARAMS, metric=ACCURACY)
    svg = svg_of(found.with_data())
    assert [vertices(path) for path in marks(svg, "line")] == [3, 3, 3]
    assert {"C", "solver", "accuracy", "lbfgs", "saga", "0.001", "1000", "0.7", "0.9"} <= set(texts(svg))
    assert found.spec["width"] == 2 * AXIS_GAP
    assert found.columns["runs"]["d0"] == [0, pytest.approx(0.5), 1]
    assert found.columns["runs"]["d1"] == [0, 1, 0]


def test_chosen_runs_lie_on_top_in_their_colours() -> None:
    found = draw_parallel(IDS, PARAMS, metric=ACCURACY, lines={IDS[1]: Line("#123456", (1, 0))})
    strokes = [path.get("stroke") for path in marks(svg_of(found.with_data()), "line")]
    assert (len(strokes), strokes[-1]) == (4, "#123456")


@pytest.mark.parametrize(
    ("ranges", "bright"),
    [({}, 3), ({"axis_0": [0.4, 1]}, 2), ({"axis_0": [0.4, 1], "axis_1": [0.9, 1]}, 1), ({"axis_2": [2, 3]}, 0)],
)
def test_a_range_on_each_axis_picks_runs(ranges: dict[str, list[float]], bright: int) -> None:
    spec = draw_parallel(IDS, PARAMS, metric=ACCURACY).with_data()
    assert [param["name"] for param in spec["params"]] == ["axis_0", "axis_1", "axis_2"]
    spec["params"] = [{**param, "value": ranges.get(param["name"])} for param in spec["params"]]
    lines = marks(svg_of(spec), "line")
    assert sum(path.get("stroke") != "#8C8C8C" for path in lines) == bright


def test_a_run_without_a_value_breaks_there_and_is_outside_a_range() -> None:
    found = draw_parallel(IDS, {"C": ["1", None, "3"], "depth": ["1", "2", "3"]}, metric=ACCURACY)
    assert found.columns["runs"]["d0"] == [0, None, 1]
    spec = found.with_data()
    spec["params"][0]["value"] = [0, 1]
    assert [path.get("stroke") for path in marks(svg_of(spec), "line")].count("#8C8C8C") == 1


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_values_lie_on_their_axis_and_are_read_back(values: list[float]) -> None:
    axis = dimension("x", values)
    low, high = min(values), max(values)
    for value, place in zip(values, axis.places, strict=True):
        assert place is not None
        assert 0 <= place <= 1
        if high > low:
            assert float(axis.value_at(place)) == pytest.approx(value, rel=1e-6, abs=(high - low) * 1e-6)
    assert all(0 <= place <= 1 for place in axis.ticks.values())


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 10], ["0", "5", "10"]),
        (["0.001", "1000"], ["0.001", "0.01", "1", "100", "1000"]),
        ([5, 5], ["5"]),
        (["b", "a", None], ["a", "b"]),
        (["10", "9", "None"], ["9", "10", "None"]),
        ([math.nan, 1, 3], ["1", "1.5", "2", "2.5", "3"]),
    ],
)
def test_ticks(values: list[Any], ticks: list[str]) -> None:
    assert list(dimension("x", values).ticks) == ticks


@pytest.mark.parametrize(
    "values", [list(range(1_000)), [f"category {at}" for at in range(1_000)], [10**at for at in range(300)]]
)
def test_ticks_do_not_overlap(values: list[Any]) -> None:
    places = sorted(dimension("x", values).ticks.values())
    assert 2 <= len(places) <= 10
    assert all(high - low >= 0.09 for low, high in pairwise(places))


def test_five_hundred_params_become_those_that_matter() -> None:
    frame: dict[str, list[Any]] = {f"params.p{at}": [str((at * run) % 7) for run in range(50)] for at in range(500)}
    frame |= {"params.telling": [str(run) for run in range(50)], "params.fixed": ["1"] * 50}
    frame["metrics.accuracy"] = [run / 50 for run in range(50)]
    heads = texts(svg_of(parallel_coordinates(frame, metric="accuracy").to_dict()))
    assert "telling" in heads
    assert "fixed" not in heads
    assert sum(bool(re.fullmatch(r"p\d+", text)) for text in heads) == 7


def test_many_runs_are_limited_and_said() -> None:
    ids = [str(at) for at in range(3_000)]
    found = draw_parallel(ids, {"C": list(range(3_000))}, metric=("loss", [*map(float, range(2_999)), math.nan]))
    assert len(found.columns["runs"]["i"]) == 1_000
    assert found.words == "the first 1000 of 2999 runs; 1 run without the metric left out"


@pytest.mark.parametrize(
    ("params", "metric", "words"),
    [
        (PARAMS, [None, None, None], "No run has a finite accuracy."),
        ({}, [1, 2, 3], "No parameter varies between the runs."),
    ],
)
def test_what_cannot_be_drawn_is_said(params: dict[str, list[Any]], metric: list[Any], words: str) -> None:
    found = draw_parallel(IDS, params, metric=("accuracy", metric))
    assert (found.is_empty, found.words) == (True, words)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text(text: str) -> None:
    hostile = draw_parallel(IDS, {text: [text, "b", "c"]}, metric=(text, [1, 2, 3]))
    written(hostile)
    harmless = draw_parallel(IDS, {"p": ["a", "b", "c"]}, metric=("m", [1, 2, 3]))
    assert sorted(shape(svg_of(hostile.with_data()))) == sorted(shape(svg_of(harmless.with_data())))


def test_a_search_is_drawn() -> None:
    chart = parallel_coordinates(sweep(30), metric="metrics.accuracy")
    assert len(marks(svg_of(chart.to_dict()), "line")) == 30


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([1e308, -1e308, 0.0], [1.0, 0.0, 0.5]),
        ([0.0, 5e-324], [0.0, 1.0]),
        ([sys.float_info.max, 1e-300], [1.0, 0.0]),
    ],
    ids=["too wide", "too narrow", "the largest"],
)
def test_numbers_at_the_limits_are_laid_out(values: list[float], places: list[float]) -> None:
    axis = dimension("x", values)
    assert axis.places == pytest.approx(places)
    assert [min(axis.ticks.values()), max(axis.ticks.values())] == [0, 1]
    assert all(map(math.isfinite, axis.ticks.values()))
