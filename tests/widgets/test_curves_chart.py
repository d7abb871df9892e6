"""Charts of curves: which marks are drawn, where lines break, what is read at the pointer, and hostile names."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from tests.quickness import count_calls
from tests.widgets.charts_drawn import HOSTILE, curve_rows, marks, shape, svg_of, texts, vertices, written

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.charts import CurveLook, metric_curves
from mltrack_widgets.charts.curve_frame import curves_of, names_of
from mltrack_widgets.charts.curves import draw_curves
from mltrack_widgets.charts.look import shown_runs
from mltrack_widgets.panels.colours import PALETTE, Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.charts.look import Drawn

NAN, INF = math.nan, math.inf


def drawn(series: Mapping[tuple[str, str], Sequence[float]], **look: Any) -> Drawn:
    frame = curve_rows(series)
    return draw_curves(curves_of(frame), shown_runs(names_of(frame)), look=CurveLook(**look))


@pytest.mark.parametrize(
    ("series", "lines", "bars", "dots"),
    [
        ({("a", "loss"): [3, 2, 1]}, [3], 0, 0),
        ({("a", "loss"): [3, 2, 1], ("b", "loss"): [4, 3]}, [3, 2], 0, 0),
        ({("a", "loss"): [3, NAN, 2, 1, INF, 1, 2]}, [5], 0, 1),
        ({("a", "loss"): [3, 2, 1], ("b", "loss"): [2]}, [3, 1], 0, 1),
        ({("a", "accuracy"): [0.9], ("b", "accuracy"): [0.8]}, [], 2, 0),
        ({("a", "accuracy"): [NAN, 0.9], ("b", "accuracy"): [NAN]}, [], 1, 0),
        ({(f"r{at}", "loss"): [at, at + 1] for at in range(30)}, [2] * 30, 0, 0),
        ({(f"r{at}", "accuracy"): [at] for at in range(30)}, [], 30, 0),
    ],
)
def test_lines_bars_and_dots(
    series: dict[tuple[str, str], list[float]], lines: list[int], bars: int, dots: int
) -> None:
    svg = svg_of(drawn(series, interactive=False).with_data())
    assert [vertices(path) for path in marks(svg, "line")] == lines
    assert (len(marks(svg, "rect")), len(marks(svg, "symbol"))) == (bars, dots)


def test_a_smooth_line_lies_over_its_faint_raw_one() -> None:
    found = drawn({("a", "loss"): [3, 1, 2, NAN, 5]}, smoothing=0.5, interactive=False)
    paths = marks(svg_of(found.with_data()), "line")
    assert [path.get("opacity") for path in paths] == ["0.25", "1"]
    assert found.columns["points_0"]["value"] == [3, 1, 2, None, 5]
    assert found.columns["trend_0"]["value"][:2] == [3, pytest.approx(5 / 3)]
    assert found.columns["trend_0"]["value"][3] is None


def test_each_metric_has_a_chart_of_the_same_size() -> None:
    found = drawn({("a", name): [1, 2] for name in ("loss", "accuracy", "lr", "f1")}, columns=2)
    assert [part["title"]["text"] for part in found.spec["concat"]] == ["loss", "accuracy", "lr", "f1"]
    assert {(part["width"], part["height"]) for part in found.spec["concat"]} == {(320, 200)}
    assert (found.spec["columns"], found.spec["spacing"]) == (2, 12)


@pytest.mark.parametrize(
    ("values", "log", "scale"),
    [
        ([1, 1_000], None, "log"),
        ([1, 50], None, None),
        ([1, 1_000], False, None),
        ([-1, 0, 50], True, "log"),
        ([-1, -2], True, None),
    ],
)
def test_the_scale_of_values(values: list[float], log: bool | None, scale: str | None) -> None:
    found = drawn({("a", "m"): values}, log=log, interactive=False)
    layer = found.spec["concat"][0]["layer"][0]
    assert layer["encoding"]["y"]["scale"].get("type") == scale
    shown = found.columns["points_0"]["value"]
    assert shown == [value if scale is None or value > 0 else None for value in values]
    svg_of(found.with_data())


@pytest.mark.parametrize(("x", "words"), [("step", "step"), ("time", "time"), ("relative", "time since the start (s)")])
def test_what_is_across(x: str, words: str) -> None:
    found = drawn({("a", "m"): [1, 2, 3]}, x=x)
    expected = {"step": [0, 1, 2], "time": [1_700_000_000_000 + 1_000 * at for at in range(3)], "relative": [0, 1, 2]}
    assert found.columns["points_0"]["x"] == expected[x]
    assert words in texts(svg_of(found.with_data()))


def test_a_long_run_is_measured_in_minutes() -> None:
    found = drawn({("a", "m"): list(range(600))}, x="relative")
    assert found.spec["concat"][0]["layer"][0]["encoding"]["x"]["title"] == "time since the start (min)"
    assert found.columns["points_0"]["x"][-1] == pytest.approx(599 / 60, rel=1e-5)


def test_the_values_of_all_runs_are_read_at_one_place() -> None:
    found = drawn({("a", "m"): [1, 2, 3, 4], ("b", "m"): [5, 6]})
    hover = found.columns["hover_0"]
    assert (hover["v0"], hover["v1"]) == (["1", "2", "3", "4"], ["5", "6", "", ""])
    assert (hover["from"], hover["to"]) == ([0, 0.5, 1.5, 2.5], [0.5, 1.5, 2.5, 3])
    many = drawn({("a", "m"): [float(at) for at in range(10_000)]}).columns["hover_0"]
    assert len(many["x"]) == 160
    assert many["v0"] == [str(x) for x in many["x"]]
    smooth = drawn({("a", "m"): [0, 1]}, smoothing=0.5).columns["hover_0"]
    assert smooth["v0"] == ["0 (0)", "0.6667 (1)"]


def test_long_lines_keep_their_extremes() -> None:
    values = [0.0] * 100_000
    values[54_321], values[7] = 9.0, -9.0
    found = drawn({("a", "m"): values}, interactive=False).columns["points_0"]
    assert len(found["x"]) <= 1_000
    assert (max(found["value"]), min(found["value"])) == (9, -9)
    picture = CurveLook().for_picture()
    assert (picture.points, picture.legend, picture.interactive) == (200, True, False)


def test_runs_have_the_colours_that_are_given() -> None:
    frame = curve_rows({("a", "m"): [1, 2], ("b", "m"): [2, 1]})
    lines = {"a": Line("#123456", (1, 0)), "b": Line("#654321", (6, 3))}
    paths = marks(svg_of(draw_curves(curves_of(frame), shown_runs(names_of(frame), lines)).with_data()), "line")
    assert [path.get("stroke") for path in paths] == ["#123456", "#654321"]
    assert [path.get("stroke-dasharray") for path in paths] == ["1,0", "6,3"]
    default = marks(svg_of(drawn({(name, "m"): [1, 2] for name in "abcdefghi"}).with_data()), "line")
    assert [path.get("stroke", "").upper() for path in default] == [*map(str.upper, PALETTE), PALETTE[0].upper()]


def test_a_legend_only_when_it_is_asked_for() -> None:
    series = {("first", "m"): [1.0, 2.0], ("second", "m"): [2.0, 1.0]}
    assert "first" not in texts(svg_of(drawn(series).with_data()))
    assert {"first", "second"} <= set(texts(svg_of(drawn(series, legend=True).with_data())))


def test_runs_of_one_name_are_told_apart() -> None:
    names = {"1" * 32: "baseline", "2" * 32: "baseline", "3" * 32: ""}
    assert [run.label for run in shown_runs(names).values()] == [
        "baseline (11111111)",
        "baseline (22222222)",
        "(no name)",
    ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0]])
def test_hostile_names_are_text(text: str, values: list[float]) -> None:
    hostile = drawn({(text, text): values, ("b", text): values}, legend=True)
    harmless = drawn({("a", "m"): values, ("b", "m"): values}, legend=True)
    svg = svg_of(hostile.with_data())
    assert shape(svg) == shape(svg_of(harmless.with_data()))
    shown = hostile.spec["concat"][0]["title"]["text"].strip()
    assert shown in texts(svg) or len(shown) == 44  # Vega cuts what is too wide


def test_the_specification_is_the_same_while_the_data_grows() -> None:
    first, later = (drawn({("a", "m"): [float(at) for at in range(length)]}) for length in (5, 50))
    assert first.spec == later.spec
    assert drawn({("a", "m"): [1, 2]}).spec["params"][-1]["name"] == "zoom_x"


def test_what_cannot_be_drawn_is_said() -> None:
    assert drawn({}).is_empty
    assert drawn({}).words == "There is no metric to draw."
    assert drawn({("a", "loss"): [NAN, INF]}).words == "No finite values: loss."
    partly = drawn({("a", "loss"): [NAN], ("a", "m"): [1, 2]})
    assert (partly.words, len(partly.spec["concat"])) == ("No finite values: loss.", 1)
    many = drawn({("a", f"m{at}"): [1, 2] for at in range(500)})
    assert (many.words, len(many.spec["concat"])) == ("The first 24 of 500 metrics.", 24)


@pytest.mark.parametrize(
    "values", [[5.0, 5.0], [0.0, 0.0], [1e300, -1e300], [5e-324, 1e-320], [1e-5, 2e-5], [1, 1 + 2e-16], [1e308, 1e308]]
)
def test_odd_ranges_are_drawn(values: list[float]) -> None:
    found = drawn({("a", "m"): values})
    written(found)
    svg = svg_of(found.with_data())
    assert len(marks(svg, "line")) == 1
    assert all(len(text) < 12 for text in texts(svg))


def test_a_data_frame_is_drawn_with_altair() -> None:
    frame = pd.DataFrame(curve_rows({("a", "m"): [1, 2, 3]})).drop(columns=["run_id", "timestamp"])
    chart = metric_curves(frame, smoothing=0.3)
    assert type(chart).__module__.startswith("altair")
    assert len(marks(svg_of(chart.to_dict()), "line")) == 2
    restyled = chart.properties(title="Mine").configure_axis(grid=False).to_dict()
    assert (restyled["title"], restyled["config"]["axis"]) == ("Mine", {"grid": False})


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"x": "epoch"}, "'step', 'time' or 'relative'"),
        ({"smoothing": 1}, "below 1"),
        ({"smoothing_kind": "mean"}, "mean"),
    ],
)
def test_choices_that_there_are_not(look: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        metric_curves(curve_rows({("a", "m"): [1]}), **look)


@pytest.mark.parametrize("frame", [{"run": ["a"], "value": [1]}, {"run": ["a"], "metric": ["m", "m"], "value": [1]}, 5])
def test_frames_without_what_is_needed(frame: Any) -> None:
    with pytest.raises(InvalidParameterError, match=r"no column 'metric'|of one length|got int"):
        metric_curves(frame)


def test_ten_thousand_rows_become_a_dictionary_quickly() -> None:
    series = {(f"r{at}", "m"): [float(step % 97) for step in range(1_000)] for at in range(10)}
    chart = metric_curves(curve_rows(series), interactive=False)
    chart.to_dict()
    document = chart.to_dict()
    assert sum(map(len, document["datasets"].values())) == 10_000
    assert json.dumps(document)
    assert count_calls(chart.to_dict) < 70_000  # a third of that; hundreds of thousands, when Altair copies every row


def test_neither_altair_nor_pandas_is_imported_with_the_charts() -> None:
    code = (
        "import sys; from mltrack_widgets import charts; from mltrack_widgets.charts.curves import *\n"
        "from mltrack_widgets.charts.curve_frame import *\n"
        "f = {'run': ['a', 'a'], 'metric': ['m', 'm'], 'step': [0, 1], 'value': [1, 2]}\n"
        "assert draw_curves(curves_of(f), shown_runs(names_of(f))).with_data()\n"
        "assert not {'altair', 'pandas', 'numpy', 'sklearn', 'vl_convert'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
