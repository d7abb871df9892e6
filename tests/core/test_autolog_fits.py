from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mltrack
from mltrack import MltrackClient
from mltrack.autologging import fits
from mltrack.autologging.fits import Child, Fit, begin_fit, key_of
from mltrack.autologging.switch import Options
from mltrack.keys import check_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fit() -> Any:
    fit = begin_fit("toy", Options())
    yield fit
    fit.end("FINISHED")


def run_of(fit: Fit) -> Any:
    return MltrackClient().get_run(fit.run_id)


@given(st.text(max_size=400))
def test_every_text_becomes_a_key(name: str) -> None:
    key = key_of(name)
    assert check_key(key, "metric") == key


@pytest.mark.parametrize(
    ("name", "key"),
    [("ndcg@10", "ndcg_at_10"), ("a/b c", "a/b c"), ("/x//y/", "x/y"), ("..", "_"), ("α(β)", "α_β_"), ("", "_")],
)
def test_keys_read_like_their_names(name: str, key: str) -> None:
    assert key_of(name) == key


def test_params_that_are_there_stay(fit: Fit) -> None:
    mltrack.log_param("C", 1)
    fit.log_params({"C": 2, "D": 3})
    assert run_of(fit).data.params == {"C": "1", "D": "3"}


def test_many_params_and_points_are_written_in_parts(fit: Fit) -> None:
    fit.log_params({f"p{number}": number for number in range(250)})
    fit.log_series("loss", range(2500))
    assert len(run_of(fit).data.params) == 250
    assert len(MltrackClient().get_metric_history(fit.run_id, "loss")) == 2500


def test_what_is_no_number_is_left_out(fit: Fit) -> None:
    fit.log_metrics({"a": 1, "b": [1, 2], "c": None, "d": np.float32(0.5), "e": "x"})
    assert run_of(fit).data.metrics == {"a": 1.0, "d": 0.5}


def test_tables_hold_numbers_texts_and_nothing_else(fit: Fit) -> None:
    fit.log_tables({"plain": {"x": [1, 2], "y": ["a", "b"]}, "odd": {"x": [np.float64(1), float("nan"), np.int8(3)]}})
    found = {
        name: json.loads(mltrack.artifacts.load_text(f"runs:/{fit.run_id}/{name}.json")) for name in ("plain", "odd")
    }
    assert found["plain"] == {"columns": ["x", "y"], "data": [[1, "a"], [2, "b"]]}
    assert found["odd"]["data"] == [[1.0], [None], [3]]


def test_files_go_to_the_store_of_the_run(fit: Fit, tmp_path: Path) -> None:
    place = mltrack.get_tracking_uri()
    mltrack.set_tracking_uri(tmp_path / "other.db")
    fit.log_text("notes.txt", "here")
    fit.log_metrics({"a": 1})
    mltrack.set_tracking_uri(place)
    assert mltrack.artifacts.load_text(f"runs:/{fit.run_id}/notes.txt") == "here"
    assert run_of(fit).data.metrics == {"a": 1.0}


@pytest.mark.parametrize(
    ("data", "targets", "shape"),
    [
        (np.zeros((10, 3)), np.zeros(10), [10, 3]),
        (np.zeros((10, 3)), [0] * 10, [10, 3]),
        (np.zeros(4), None, [4]),
        ([[1, 2]], None, None),
        (iter([1]), None, None),
        (None, None, None),
    ],
)
def test_arrays_are_inputs(fit: Fit, data: Any, targets: Any, shape: list[int] | None) -> None:
    fit.log_dataset(data, targets, context="eval")
    found = run_of(fit).inputs.dataset_inputs
    assert len(found) == (shape is not None)
    if shape is not None:
        assert json.loads(found[0].dataset.profile)["features_shape"] == shape
        assert [(tag.key, tag.value) for tag in found[0].tags] == [("mlflow.data.context", "eval")]


def test_data_is_not_read_that_can_be_read_once(fit: Fit) -> None:
    once = iter(range(3))
    fit.log_dataset(once)
    assert list(once) == [0, 1, 2]


def test_a_child_has_ended(fit: Fit) -> None:
    first, second = fit.log_children([Child({"C": 1}, {"score": 0.5}, {"kind": "x"}), Child()])
    child = MltrackClient().get_run(first)
    assert MltrackClient().get_run(second).info.run_name != child.info.run_name
    assert [
        run.info.run_id for run in mltrack.search_runs(filter_string="metrics.score = 0.5", output_format="list")
    ] == [first]
    assert child.info.status == "FINISHED"
    assert (child.data.params, child.data.metrics) == ({"C": "1"}, {"score": 0.5})
    assert child.data.tags["mlflow.parentRunId"] == fit.run_id
    assert child.data.tags["kind"] == "x"


def test_the_second_fit_of_a_run_has_keys_of_its_own() -> None:
    with mltrack.start_run() as run:
        for number in range(fits.MOST_FITS + 2):
            fit = begin_fit("toy", Options(extra_tags={"team@home": "a"}))
            assert fit.is_logged == (number < fits.MOST_FITS)
            fit.log(params={"n": number}, metrics={"m": number}, tags={"t": number})
            fit.end("FINISHED")
    data = MltrackClient().get_run(run.info.run_id).data
    assert (data.params["n"], data.params["n_2"], data.params["n_20"], data.tags["t_2"]) == ("0", "1", "19", "1")
    assert (data.tags["team_at_home"], data.tags["mltrack.autolog_2"]) == ("a", "toy")
    assert (len(data.params), len(data.metrics)) == (20, 20)


def test_a_long_key_keeps_its_number() -> None:
    with mltrack.start_run():
        begin_fit("toy", Options())
        fit = begin_fit("toy", Options())
        assert fit.key("k" * 300) == "k" * 248 + "_2"


def test_models_are_logged_unless_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def double(data: Any) -> Any:
        return data * 2

    with mltrack.start_run() as run:
        begin_fit("toy", Options(log_models=False)).log_model(double)
        fit = begin_fit("toy", Options())
        fit.log_model(double)
    found = mltrack.search_logged_models(output_format="list")
    assert [(each.name, each.source_run_id) for each in found] == [("model_2", run.info.run_id)]
    monkeypatch.setattr(fits, "MOST_FITS", 1)
    fit.log_model(double)
    assert len(mltrack.search_logged_models(output_format="list")) == 1
