"""``MltrackClient``: the same by explicit ids, with errors where the fluent API waits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

import mltrack
from mltrack import MltrackClient
from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MltrackError, NotFoundError, StoreBusyError
from mltrack.store.connection import open_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def client(tmp_path: Path) -> MltrackClient:
    return MltrackClient(str(tmp_path / "client.db"))


def test_a_run_from_begin_to_end(client: MltrackClient) -> None:
    experiment = client.create_experiment("e", artifact_location="files")
    run = client.create_run(experiment, start_time=5, tags={"t": 1}, run_name="named")
    run_id = run.info.run_id
    assert (run.info.status, run.info.start_time, run.info.run_name) == ("RUNNING", 5, "named")
    client.log_metric(run_id, "m", 1, timestamp=3, step=2)
    assert client.log_param(run_id, "p", [1]) == [1]
    client.set_tag(run_id, "u", None)
    client.log_batch(run_id, [Metric("m", 2.0, 4, 3)], [Param("q", "x")], [RunTag("v", "y")])
    client.set_terminated(run_id, "FAILED", end_time=9)
    found = client.get_run(run_id)
    assert (found.info.status, found.info.end_time) == ("FAILED", 9)
    assert (found.data.metrics, found.data.params) == ({"m": 2.0}, {"p": "[1]", "q": "x"})
    assert {key: found.data.tags[key] for key in "tuv"} == {"t": "1", "u": "None", "v": "y"}
    assert client.get_metric_history(run_id, "m") == [Metric("m", 1.0, 3, 2), Metric("m", 2.0, 4, 3)]
    assert client.get_experiment_by_name("e") == client.get_experiment(experiment)
    with pytest.raises(AlreadyExistsError):
        client.create_experiment("e")


def test_the_defaults(client: MltrackClient) -> None:
    run = client.create_run("0")
    assert run.info.run_name
    client.set_terminated(run.info.run_id)
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.end_time is not None
    assert found.info.end_time >= run.info.start_time


def test_a_clients_run_belongs_to_no_process(client: MltrackClient) -> None:
    run = client.create_run("0")
    assert MltrackClient(client.tracking_uri).get_run(run.info.run_id).info.status == "RUNNING"
    assert mltrack.active_run() is None


def test_without_a_uri_it_is_the_fluent_apis_store() -> None:
    with mltrack.start_run() as run:
        assert MltrackClient().get_run(run.info.run_id).info.run_name == run.info.run_name
    assert MltrackClient().tracking_uri == mltrack.get_tracking_uri()


REFUSED: dict[str, Callable[[MltrackClient, str], object]] = {
    "metric key": lambda client, run_id: client.log_metric(run_id, "", 1),
    "metric value": lambda client, run_id: client.log_metric(run_id, "m", "x"),  # type: ignore[arg-type]
    "step": lambda client, run_id: client.log_metric(run_id, "m", 1, step=2**63),
    "time": lambda client, run_id: client.log_metric(run_id, "m", 1, timestamp=-1),
    "history key": lambda client, run_id: client.get_metric_history(run_id, "../m"),
    "batch": lambda client, run_id: client.log_batch(run_id, [Metric("ok", 1.0, 1), Metric("a\0", 1.0, 1)]),
    "too many": lambda client, run_id: client.log_batch(run_id, params=[Param(f"p{n}", "") for n in range(101)]),
    "bad end": lambda client, run_id: client.set_terminated(run_id, "BOGUS"),
    "no end": lambda client, run_id: client.set_terminated(run_id, "RUNNING"),
    "end time": lambda client, run_id: client.set_terminated(run_id, end_time=2**63),
    "end time text": lambda client, run_id: client.set_terminated(run_id, end_time="now"),  # type: ignore[arg-type]
    "start time": lambda client, _: client.create_run("0", start_time=-1),
    "huge start time": lambda client, _: client.create_run("0", start_time=10**5000),
    "run name": lambda client, _: client.create_run("0", run_name="a\0"),
    "tag": lambda client, _: client.create_run("0", tags={"": "x"}),
    "experiment id": lambda client, _: client.create_run("x"),
    "experiment name": lambda client, _: client.create_experiment(""),
    "place": lambda client, _: client.create_experiment("p", artifact_location="http://x/y"),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_leaves_nothing(client: MltrackClient, call: Callable[[MltrackClient, str], object]) -> None:
    run = client.create_run("0")
    with pytest.raises(InvalidParameterError) as caught:
        call(client, run.info.run_id)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert len(str(caught.value)) < 500
    assert client.get_run(run.info.run_id) == run
    assert client._store.count_runs() == 1


UNKNOWN: dict[str, Callable[[MltrackClient], Any]] = {
    "run": lambda client: client.get_run("f" * 32),
    "metric": lambda client: client.log_metric("f" * 32, "m", 1),
    "end": lambda client: client.set_terminated("f" * 32),
    "experiment": lambda client: client.get_experiment("77"),
    "run in": lambda client: client.create_run("77"),
}


@pytest.mark.parametrize("call", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_not_there(client: MltrackClient, call: Callable[[MltrackClient], Any]) -> None:
    with pytest.raises(NotFoundError) as caught:
        call(client)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert isinstance(caught.value, MltrackError)
    assert client.get_experiment_by_name("no such") is None


def test_secrets_in_a_name_are_masked(client: MltrackClient) -> None:
    assert client.create_run("0", run_name="ghp_" + "a1B2c3D4e5" * 4).info.run_name == "[masked]"


def test_a_locked_store_is_an_error(client: MltrackClient, tmp_path: Path) -> None:
    run_id = client.create_run("0").info.run_id
    store: Any = client._store
    store._database.connection().execute("PRAGMA busy_timeout = 50")
    other = open_file(tmp_path / "client.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="locked by another process") as caught:
        client.log_metric(run_id, "m", 1)
    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    other.execute("ROLLBACK")
    other.close()
    client.log_metric(run_id, "m", 1)


def test_mlflows_users_find_their_names() -> None:
    for name in ("start_run", "log_metric", "search_runs", "MlflowException", "entities", "exceptions"):
        assert getattr(mltrack, name)
    assert mltrack.MlflowException is MltrackError
    assert "pandas" in sys.modules or not hasattr(mltrack, "pd")
