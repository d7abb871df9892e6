"""A parameter against a metric: points, scales, correlation, trend, chosen runs, and what is left out."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from tests.widgets.charts_drawn import HOSTILE, marks, shape, svg_of, sweep, texts, written

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.charts import param_scatter
from mltrack_widgets.charts.scatter import Scatter, draw_scatter
from mltrack_widgets.panels.colours import Line


def points(x: list[Any], y: list[Any], colour: list[Any] | None = None, name: str = "C") -> Scatter:
    ids = [f"{at:032x}" for at in range(len(x))]
    return Scatter(ids, [f"run {at}" for at in range(len(x))], x, y, colour, (name, "accuracy", "solver"))


@pytest.mark.parametrize(
    ("x", "kind", "log"),
    [
        (["0.001", "1", "100"], "quantitative", True),
        ([1, 2, 3], "quantitative", False),
        (["1", "2", None], "quantitative", False),
        (["0", "10", "1000"], "quantitative", False),
        (["lbfgs", "saga", "lbfgs"], "nominal", False),
        (["3", "None", "5"], "nominal", False),
        ([True, False, True], "nominal", False),
    ],
)
def test_the_scale_follows_the_values(x: list[Any], kind: str, log: bool) -> None:
    found = draw_scatter(points(x, [0.1, 0.2, 0.3]))
    channel = found.spec["layer"][0]["encoding"]["x"]
    assert (channel["type"], channel["scale"].get("type") == "log") == (kind, log)
    svg = svg_of(found.with_data())
    assert len(marks(svg, "symbol")) == sum(value is not None for value in x)


def test_correlation_trend_and_what_is_left_out_are_said() -> None:
    found = draw_scatter(points(["1", "2", "3", None], [0.1, 0.2, 0.3, 0.4]))
    assert found.words == "Spearman ρ = 1.00 over 3 runs; 1 run without one of the two left out"
    assert found.columns["trend"] == {"x": [1.0, 3.0], "y": [pytest.approx(0.1), pytest.approx(0.3)]}
    svg = svg_of(found.with_data())
    assert len(marks(svg, "line")) == 1
    assert {"accuracy", "Spearman ρ = 1.00 over 3 runs", "C"} <= set(texts(svg))


def test_categories_and_two_runs_have_no_trend() -> None:
    categories = draw_scatter(points(["a", "b", "a"], [1, 2, 3]))
    assert (categories.columns["trend"]["x"], categories.words) == ([], "3 runs, 2 values of C")
    assert draw_scatter(points([1, 2], [1, 2])).columns["trend"]["x"] == []


def test_categories_stand_in_order() -> None:
    svg = svg_of(draw_scatter(points(["10", "b", "9", "None"], [1, 2, 3, 4])).with_data())
    found = [text for text in texts(svg) if text in ("10", "b", "9", "None")]
    assert found == ["9", "10", "None", "b"]


def test_rare_categories_share_a_place() -> None:
    found = draw_scatter(points([f"value {at}" for at in range(100)], list(range(100))))
    assert len(set(found.columns["points"]["x"])) == 20
    assert "others" in found.columns["points"]["x"]


def test_chosen_runs_have_their_colours() -> None:
    lines = {f"{1:032x}": Line("#123456", (1, 0))}
    found = draw_scatter(points([1, 2, 3], [1, 2, 3]), lines)
    assert (found.columns["chosen"]["i"], found.columns["chosen"]["stroke"]) == ([1], ["#123456"])
    fills = [each.get("fill") for each in marks(svg_of(found.with_data()), "symbol")]
    assert sorted(filter(None, fills)) == ["#123456", *["#8C8C8C"] * 3]
    assert draw_scatter(points([1, 2, 3], [1, 2, 3])).spec == found.spec


@pytest.mark.parametrize("colour", [["a", "b", "c"], ["0.001", "1", "1000"], [1, None, math.nan]])
def test_a_third_column_colours_points(colour: list[Any]) -> None:
    found = draw_scatter(points([1, 2, 3], [1, 2, 3], colour))
    written(found)
    svg = svg_of(found.with_data())
    assert "solver" in texts(svg)
    assert len(marks(svg, "symbol")) == 3
    assert len({each.get("fill") for each in marks(svg, "symbol")}) > 1


def test_a_brush_over_both_axes_is_offered() -> None:
    (param,) = draw_scatter(points([1, 2], [1, 2])).spec["params"]
    assert (param["name"], param["select"]) == ("brush", {"type": "interval"})


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([], [], "There are no runs to draw."),
        ([1, 2], [None, math.nan], "No run has both C and a finite accuracy."),
        ([None, None], [1, 2], "No run has both C and a finite accuracy."),
        ([math.nan, math.inf, 1.0], [1, 2, math.inf], "No run has both C and a finite accuracy."),
    ],
)
def test_what_cannot_be_drawn_is_said(x: list[Any], y: list[Any], words: str) -> None:
    found = draw_scatter(points(x, y))
    assert (found.is_empty, found.words) == (True, words)


@pytest.mark.parametrize("values", [[1, 1, 1], [0, 0, 0], [5e-324, 1e-320, 0], [1e300, -1e300, 1], [1, 1 + 2e-16, 1]])
def test_odd_ranges_are_drawn(values: list[float]) -> None:
    assert len(marks(svg_of(draw_scatter(points(values, values)).with_data()), "symbol")) == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text(text: str) -> None:
    hostile = draw_scatter(points([text, "b", "c"], [1, 2, 3], [text, "b", "c"], name=text))
    harmless = draw_scatter(points(["a", "b", "c"], [1, 2, 3], ["a", "b", "c"]))
    assert sorted(shape(svg_of(hostile.with_data()))) == sorted(shape(svg_of(harmless.with_data())))


def test_a_search_is_drawn_by_the_names_of_columns() -> None:
    chart = param_scatter(pd.DataFrame(sweep(30)), x="C", y="metrics.accuracy", color="solver")
    assert len(marks(svg_of(chart.to_dict()), "symbol")) == 30
    with pytest.raises(InvalidParameterError, match="no column 'gamma'"):
        param_scatter(sweep(3), x="gamma", y="accuracy")
