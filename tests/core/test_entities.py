"""The values that mltrack gives: MLflow's names, dictionaries of them, and enumerations that take MLflow's numbers."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

import mltrack
from mltrack.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    ViewType,
)
from mltrack.exceptions import HTTP_STATUS, InvalidParameterError, MlflowException, MltrackError, NotFoundError

INFO = RunInfo("r" * 32, "0", "name", "me", "FINISHED", 1, 2, "/x/artifacts")


def test_entities_are_dictionaries_of_their_fields() -> None:
    assert dict(INFO)["artifact_uri"] == "/x/artifacts"
    assert list(dict(INFO)) == sorted(dict(INFO))
    point = {"key": "m", "step": 3, "timestamp": 2, "value": 1.0}
    assert dict(Metric("m", 1.0, 2, 3)) == {**point, "model_id": None, "dataset_name": None, "dataset_digest": None}
    assert dict(Experiment("0", "Default", "/x"))["lifecycle_stage"] == "active"


def test_a_run_as_dictionaries_is_json() -> None:
    dataset = DatasetInput(Dataset("d", "1", "local", "{}"), (InputTag("k", "v"),))
    run = Run(
        INFO,
        RunData({"m": 1.0}, {"p": "1"}, {"t": "x"}, (Metric("m", 1.0, 1),)),
        RunInputs((dataset,), (LoggedModelInput("m-1"),)),
        RunOutputs((LoggedModelOutput("m-2", 4),)),
    )
    found = run.to_dictionary()
    assert json.loads(json.dumps(found)) == found
    assert found["info"]["run_id"] == "r" * 32
    assert (
        found["data"] == run.data.to_dictionary() == {"metrics": {"m": 1.0}, "params": {"p": "1"}, "tags": {"t": "x"}}
    )
    assert found["inputs"]["dataset_inputs"] == [{"dataset": dataset.dataset.to_dictionary(), "tags": {"k": "v"}}]
    assert found["inputs"]["model_inputs"] == [{"model_id": "m-1"}]
    assert found["outputs"] == {"model_outputs": [{"model_id": "m-2", "step": 4}]}


def test_an_active_run_is_a_run() -> None:
    with mltrack.start_run() as run:
        assert run.to_dictionary()["info"]["status"] == "RUNNING"
        assert json.dumps(run.to_dictionary())


@pytest.mark.parametrize("given", [1, "ACTIVE_ONLY", "active_only", ViewType.ACTIVE_ONLY])
def test_views_by_name_and_number(given: Any) -> None:
    assert ViewType.read(given) is ViewType.ACTIVE_ONLY


@pytest.mark.parametrize("given", [0, 4, "", "BOGUS", None, 1.5, [], True])
def test_what_is_no_view(given: Any) -> None:
    with pytest.raises(InvalidParameterError, match="view type"):
        ViewType.read(given)


def test_the_stages_of_views() -> None:
    assert [view.stages for view in ViewType] == [("active",), ("deleted",), ("active", "deleted")]


def test_statuses_by_name_and_number() -> None:
    assert [RunStatus.to_string(number) for number in range(1, 6)] == [status.value for status in RunStatus]
    assert RunStatus.from_string("KILLED") is RunStatus.KILLED
    assert [RunStatus.is_terminated(status) for status in RunStatus] == [False, False, True, True, True]
    assert RunStatus.to_string(RunStatus.FAILED) == "FAILED"
    for bad in (0, 6, "BOGUS", None):
        with pytest.raises(ValueError, match="is not a valid RunStatus"):
            RunStatus(bad)  # type: ignore[arg-type]


def test_a_page_is_a_list_with_a_token() -> None:
    page = PagedList((1, 2), "t")
    assert (page, page.token, page.to_list(), PagedList([]).token) == ([1, 2], "t", [1, 2], None)


# Errors


def test_an_error_says_what_a_server_would() -> None:
    error = MlflowException.invalid_parameter_value("no")
    assert (error.error_code, error.get_http_status_code(), str(error)) == ("INVALID_PARAMETER_VALUE", 400, "no")
    assert json.loads(error.serialize_as_json()) == {"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}
    assert MlflowException("x", error_code="PERMISSION_DENIED").get_http_status_code() == 403
    assert MlflowException("x").error_code == "INTERNAL_ERROR"
    assert MlflowException(ValueError("x")).message == "x"
    assert (NotFoundError("x").get_http_status_code(), MltrackError("x").get_http_status_code()) == (404, 500)
    assert set(HTTP_STATUS.values()) == {400, 401, 403, 404, 409, 429, 501, 503, 504}


# Names

IMPORTED = (
    "mltrack:MlflowClient",
    "mltrack:MlflowException",
    "mltrack.client:MlflowClient",
    "mltrack.client:MltrackClient",
    "mltrack.tracking:MlflowClient",
    "mltrack.tracking:MltrackClient",
    "mltrack.exceptions:MlflowException",
    "mltrack.tensorflow:autolog",
    *(
        f"mltrack.entities:{name}"
        for name in (
            *("Dataset", "DatasetInput", "Experiment", "ExperimentTag", "FileInfo", "InputTag", "LifecycleStage"),
            *("LoggedModelInput", "LoggedModelOutput", "Metric", "Param", "Run", "RunData", "RunInfo", "RunInputs"),
            *("RunOutputs", "RunStatus", "RunTag", "ViewType"),
        )
    ),
)


@pytest.mark.parametrize("name", IMPORTED)
def test_names_that_mlflows_users_import(name: str) -> None:
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    if attribute == "MlflowClient":
        assert found is mltrack.MltrackClient


FLUENT = (
    *("active_run", "create_experiment", "delete_experiment", "delete_experiment_tag", "delete_run", "delete_tag"),
    *("end_run", "flush_async_logging", "get_artifact_uri", "get_experiment", "get_experiment_by_name"),
    *("get_parent_run", "get_registry_uri", "get_run", "get_tracking_uri", "is_tracking_uri_set", "last_active_run"),
    *("log_artifact", "log_artifacts", "log_dict", "log_figure", "log_image", "log_metric", "log_metrics"),
    *("log_param", "log_params", "log_table", "log_text", "restore_experiment", "restore_run", "search_experiments"),
    *("search_runs", "set_experiment", "set_experiment_tag", "set_experiment_tags", "set_registry_uri", "set_tag"),
    *("set_tags", "set_tracking_uri", "start_run"),
)


@pytest.mark.parametrize("name", FLUENT)
def test_the_fluent_api_is_there_by_mlflows_names(name: str) -> None:
    assert callable(getattr(mltrack, name))
    assert name in mltrack.__all__
    assert name in dir(mltrack)


def test_names_that_are_not_there() -> None:
    for module in (mltrack, import_module("mltrack.tracking")):
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = module.no_such_name
