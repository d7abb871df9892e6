"""Which parameters explain a metric: the forest, the correlation, what is left out, and the words beside them."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from typing import Any

import pytest
from tests.widgets.charts_drawn import HOSTILE, marks, shape, svg_of, sweep, texts, written

from mltrack_widgets.charts import importance_chart, importances
from mltrack_widgets.charts.forest import forest_importances
from mltrack_widgets.charts.importance import draw_importances, explain, most_telling

GENERATOR = random.Random(4)
NOISE = [GENERATOR.random() for _ in range(60)]
RISING = [float(at) for at in range(60)]
PARAMS: dict[str, list[Any]] = {"noise": NOISE, "rising": [str(value) for value in RISING], "fixed": ["1"] * 60}


def test_what_explains_the_metric_comes_first() -> None:
    found = explain(PARAMS, ("loss", [-value for value in RISING]))
    assert [row.param for row in found.rows] == ["rising", "noise"]
    assert found.rows[0].importance > 0.6
    assert sum(row.importance for row in found.rows) == pytest.approx(1)
    assert found.rows[0].correlation == pytest.approx(-1)
    assert (found.n, found.rows[0].n, found.words) == (60, 60, "From 60 runs.")
    assert found == explain(PARAMS, ("loss", [-value for value in RISING]))


@pytest.mark.parametrize("values", [3, 20])
def test_categories_explain_too(values: int) -> None:
    category = [f"value {at % values}" for at in range(60)]
    metric = [1.0 if at % values < values / 2 else 0.0 for at in range(60)]
    found = explain({"category": category, "noise": NOISE}, ("m", metric))
    assert found.rows[0].param == "category"
    assert found.rows[0].importance > 0.5
    assert math.isnan(found.rows[0].correlation)
    assert list(most_telling({"noise": NOISE, "category": category}, metric)) == ["category", "noise"]


def test_runs_without_the_metric_are_left_out() -> None:
    found = explain({"p": [1, 2, 3, 4, None]}, ("m", [1, 2, math.nan, None, 5]))
    assert (found.n, found.rows[0].n) == (3, 2)
    assert found.words.startswith("From 3 runs only: with fewer than 10 this is little more than chance.")


@pytest.mark.parametrize(
    ("params", "metric", "words"),
    [
        ({"p": [1, 2]}, [math.nan, None], "No run has the metric."),
        ({"p": [1, 1]}, [1, 2], "No parameter varies between 2 runs."),
        ({}, [1], "No parameter varies between 1 run."),
        ({"p": []}, [], "No run has the metric."),
    ],
)
def test_nothing_to_explain(params: dict[str, list[float]], metric: list[float], words: str) -> None:
    found = explain(params, ("m", metric))
    assert (found.rows, found.words) == ((), words)
    assert draw_importances(found).is_empty


@pytest.mark.parametrize("metric", [[1.0, 1.0, 1.0], [1e300, -1e300, 1e300], [1e-320, 0.0, 1.0]])
def test_odd_metrics_and_params(metric: list[float]) -> None:
    shares = forest_importances({"a": [1e300, -1e300, math.inf], "b": ["x", None, math.nan]}, metric)
    assert shares is None or sum(shares.values()) == pytest.approx(1)
    assert (shares is None) == (len(set(metric)) == 1)


def test_without_scikit_learn_there_is_the_correlation() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.ensemble'] = None\n"
        "from mltrack_widgets.charts.importance import *\n"
        "found = explain({'p': list(range(20))}, ('m', list(range(20))))\n"
        "assert found.rows[0].correlation == 1, found\n"
        "assert 'pip install scikit-learn' in found.words, found\n"
        "assert len(draw_importances(found).spec['concat']) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_five_hundred_params() -> None:
    params = {f"p{at}": [str((at * run) % 11) for run in range(40)] for at in range(500)} | {"telling": RISING[:40]}
    found = explain(params, ("m", RISING[:40]))
    assert len(found.rows) == 50
    assert found.rows[0].param == "telling"
    assert len(draw_importances(found).columns["params"]["param"]) == 20


def test_bars_and_the_sign_of_the_correlation() -> None:
    found = importances(sweep(30), metric="accuracy")
    assert [row.param for row in found.rows] == ["C", "solver"]
    svg = svg_of(importance_chart(found).to_dict())
    assert len(marks(svg, "rect")) == 4
    assert {"C", "solver", "importance", "correlation"} <= set(texts(svg))
    assert any(text.startswith("+") for text in texts(svg))
    assert list(found.to_dataframe().columns) == ["param", "importance", "correlation", "n"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_text(text: str) -> None:
    hostile = draw_importances(explain({text: RISING, "noise": NOISE}, ("m", RISING)))
    written(hostile)
    harmless = draw_importances(explain({"p": RISING, "noise": NOISE}, ("m", RISING)))
    assert shape(svg_of(hostile.with_data())) == shape(svg_of(harmless.with_data()))


def test_a_metric_that_is_the_same_in_all_runs_needs_no_explanation() -> None:
    table = explain({"a": [1, 2, 3]}, ("m", [0.5, 0.5, 0.5]))
    assert table.words == "The metric is the same in all 3 runs: there is nothing to explain."
