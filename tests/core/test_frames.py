"""Searches as data frames: MLflow's columns and dtypes, filters, order, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

import mltrack
from mltrack.exceptions import InvalidParameterError
from mltrack.frames import find_runs
from mltrack.settings import get_store

INFO_COLUMNS = ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]


@pytest.fixture
def ids() -> list[str]:
    """Three runs in an experiment: one empty, one failed, one still open; and one run elsewhere."""
    mltrack.set_experiment("other")
    with mltrack.start_run(run_name="elsewhere"):
        mltrack.log_metric("m", 9)
    mltrack.set_experiment("mine")
    with mltrack.start_run(run_name="empty") as first:
        pass
    second = mltrack.start_run(run_name="failed")
    mltrack.log_metrics({"m": 1, "nan": math.nan})
    mltrack.log_param("p", "a")
    mltrack.set_tag("t", "x")
    mltrack.end_run("FAILED")
    third = mltrack.start_run(run_name="open")
    mltrack.log_metrics({"m": 2.5, "inf": math.inf})
    mltrack.log_param("q", 1)
    return [first.info.run_id, second.info.run_id, third.info.run_id]


def names(found: Any) -> list[str]:
    return [run.data.tags["mlflow.runName"] for run in found]


def test_columns_and_types_are_mlflows(ids: list[str]) -> None:
    frame = mltrack.search_runs(order_by=["attributes.start_time", "attributes.run_name"])
    metrics, params = ["metrics.inf", "metrics.m", "metrics.nan"], ["params.p", "params.q"]
    assert list(frame.columns[:11]) == [*INFO_COLUMNS, *metrics, *params]
    assert all(column.startswith("tags.") for column in frame.columns[11:])
    assert "tags.mlflow.runName" in frame
    for column in ("start_time", "end_time"):
        assert isinstance(frame[column].dtype, pd.DatetimeTZDtype)
        assert str(frame[column].dtype.tz) == "UTC"
    assert {str(frame[column].dtype) for column in metrics} == {"float64"}
    assert all(pd.api.types.is_string_dtype(frame[column].dropna()) for column in params)
    assert frame["experiment_id"].tolist() == [mltrack.set_experiment("mine").experiment_id] * 3


def test_what_a_run_does_not_have_is_missing(ids: list[str]) -> None:
    frame = mltrack.search_runs().set_index("run_id")
    empty, failed, still_open = ids
    assert math.isnan(frame.loc[empty, "metrics.m"])
    assert math.isnan(frame.loc[failed, "metrics.nan"])
    assert frame.loc[still_open, "metrics.inf"] == math.inf
    assert frame["params.p"].isna().to_dict() == {empty: True, failed: False, still_open: True}
    assert frame.loc[failed, "params.p"] == "a"
    assert frame["end_time"].isna().to_dict() == {empty: False, failed: False, still_open: True}
    assert frame["status"].to_dict() == {empty: "FINISHED", failed: "FAILED", still_open: "RUNNING"}
    info = get_store().get_run(failed).info
    assert frame.loc[failed, "start_time"] == pd.Timestamp(info.start_time, unit="ms", tz="UTC")
    assert frame.loc[failed, "artifact_uri"] == info.artifact_uri


def test_no_runs_are_an_empty_frame_with_the_columns() -> None:
    frame = mltrack.search_runs()
    assert list(frame.columns) == INFO_COLUMNS
    assert len(frame) == 0
    assert isinstance(frame["start_time"].dtype, pd.DatetimeTZDtype)
    assert mltrack.search_runs(output_format="list") == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["open", "failed", "empty"]),
        ({"filter_string": "metrics.m > 1"}, ["open"]),
        ({"filter_string": "status = 'FAILED' AND params.p = 'a'"}, ["failed"]),
        ({"filter_string": "metrics.nan > 0"}, []),
        ({"order_by": ["metrics.m ASC"]}, ["failed", "open", "empty"]),
        ({"order_by": ["metrics.m DESC"]}, ["open", "failed", "empty"]),
        ({"order_by": ["attributes.run_name"]}, ["empty", "failed", "open"]),
        ({"max_results": 2, "order_by": ["attributes.run_name"]}, ["empty", "failed"]),
        ({"experiment_names": ["other"]}, ["elsewhere"]),
        ({"experiment_names": ["mine", "other"], "filter_string": "metrics.m > 2"}, ["elsewhere", "open"]),
        ({"experiment_names": ["no such"]}, []),
        ({"experiment_ids": ["1"]}, ["elsewhere"]),
        ({"experiment_ids": [1]}, ["elsewhere"]),
        ({"experiment_ids": ["77"]}, []),
        ({"experiment_ids": [], "experiment_names": ["other"]}, ["elsewhere"]),
        ({"experiment_ids": []}, ["open", "failed", "empty"]),
        ({"search_all_experiments": True, "filter_string": "metrics.m > 0"}, ["elsewhere", "failed", "open"]),
        ({"run_view_type": 1}, ["open", "failed", "empty"]),
        ({"run_view_type": 2}, []),
        ({"run_view_type": "ALL"}, ["open", "failed", "empty"]),
    ],
)
def test_searches(ids: list[str], arguments: dict[str, Any], expected: list[str]) -> None:
    found = mltrack.search_runs(output_format="list", **arguments)
    ordered = "order_by" in arguments
    assert (names(found) if ordered else sorted(names(found))) == (expected if ordered else sorted(expected))
    frame = mltrack.search_runs(**arguments)
    assert frame["run_id"].tolist() == [run.info.run_id for run in found]


def test_deleted_runs_are_found_when_asked_for(ids: list[str]) -> None:
    get_store()._database.write(  # type: ignore[attr-defined]
        lambda connection: connection.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name = 'empty'")
    )
    found = {view: sorted(names(mltrack.search_runs(run_view_type=view, output_format="list"))) for view in (1, 2, 3)}
    assert found == {1: ["failed", "open"], 2: ["empty"], 3: ["empty", "failed", "open"]}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"output_format": "polars"}, "output_format"),
        ({"experiment_ids": ["0"], "experiment_names": ["a"]}, "not both"),
        ({"max_results": 0}, "max_results"),
        ({"max_results": "5"}, "max_results"),
        ({"run_view_type": 4}, "view type is"),
        ({"run_view_type": "active"}, "view type is"),
        ({"filter_string": "metrics.m >"}, "metrics.m"),
        ({"filter_string": "nonsense.m = 1"}, "nonsense"),
        ({"order_by": ["metrics.m SIDEWAYS"]}, "SIDEWAYS"),
        ({"experiment_ids": ["x"]}, "no experiment id"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidParameterError, match=word):
        mltrack.search_runs(**arguments)


def test_runs_are_read_page_by_page(ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.frames.PAGE", 2)
    experiment = mltrack.set_experiment("mine").experiment_id
    assert sorted(names(find_runs([experiment]))) == ["empty", "failed", "open"]
    assert len(list(find_runs([experiment], max_results=1))) == 1
    assert len(mltrack.search_runs(max_results=3)) == 3
