"""A table of runs as a picture: what is written where, how numbers look, and hostile texts."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from tests.widgets.charts_drawn import HOSTILE, shape, svg_of, sweep, texts, written

import mltrack
from mltrack_widgets.charts import run_table_chart
from mltrack_widgets.charts.table import draw_table


def cells(frame: dict[str, list[Any]]) -> list[str]:
    return texts(svg_of(draw_table(frame).with_data()))


def test_names_words_and_numbers() -> None:
    frame: dict[str, list[Any]] = {
        "tags.mlflow.runName": ["baseline"],
        "params.C": ["0.1"],
        "metrics.accuracy": [0.97368421],
    }
    assert sorted(cells(frame)) == sorted(["run", "baseline", "C", "0.1", "accuracy", "0.9737"])
    found = draw_table(frame)
    assert (found.columns["words"]["text"], found.words) == (["run", "baseline"], "1 run")
    assert found.columns["numbers"]["text"] == ["C", "0.1", "accuracy", "0.9737"]


def test_missing_values_are_empty() -> None:
    frame: dict[str, list[Any]] = {"run": ["a", "b"], "params.C": [None, "1"], "metrics.m": [math.nan, 1.0]}
    assert draw_table(frame).columns["numbers"]["text"] == ["C", "", "1", "m", "nan", "1"]


def test_what_a_search_gives_is_drawn() -> None:
    with mltrack.start_run(run_name="baseline"):
        mltrack.log_param("C", 0.5)
        mltrack.log_metric("loss", 0.25)
    found = texts(svg_of(run_table_chart(mltrack.search_runs()).to_dict()))
    assert {"baseline", "C", "0.5", "loss", "0.25", "FINISHED", "run", "start time"} <= set(found)
    assert not [text for text in found if "mlflow" in text or "file:" in text]


def test_large_tables_are_cut_and_said() -> None:
    frame = {"run": [f"r{at}" for at in range(300)]} | {f"params.p{at}": ["1"] * 300 for at in range(50)}
    found = draw_table(frame)
    assert found.words == "the first 100 of 300 runs, 12 of 51 columns"
    assert len(found.columns["rules"]["y"]) == 100


@pytest.mark.parametrize("frame", [{}, {"run": []}])
def test_no_runs(frame: dict[str, list[Any]]) -> None:
    assert draw_table(frame).words == "There are no runs to show."


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_text(text: str) -> None:
    found = draw_table({"run": [text], f"params.{text}": [text], f"metrics.{text}": [1.0]})
    written(found)
    harmless = draw_table({"run": ["a"], "params.p": ["a"], "metrics.m": [1.0]})
    assert shape(svg_of(found.with_data())) == shape(svg_of(harmless.with_data()))


def test_a_data_frame_is_drawn() -> None:
    assert "run 0" in texts(svg_of(run_table_chart(pd.DataFrame(sweep(3))).to_dict()))
