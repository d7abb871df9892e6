"""The run that a process was given by its environment."""

from __future__ import annotations

import os

import pytest

import mltrack
from mltrack import given_run
from mltrack.exceptions import NotFoundError

OURS, MLFLOWS, PARENT = "MLTRACK_RUN_ID", "MLFLOW_RUN_ID", "MLTRACK_PARENT_RUN_ID"
OTHER = "0" * 32


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> str:
    """A run of this store; the variables are as before afterwards."""
    for name in (OURS, MLFLOWS, PARENT):
        monkeypatch.setenv(name, "")
    with mltrack.start_run(run_name="given") as run:
        pass
    return run.info.run_id


@pytest.mark.parametrize("names", [(OURS,), (MLFLOWS,), (OURS, MLFLOWS)], ids="+".join)
def test_it_is_taken_up_once(given: str, names: tuple[str, ...]) -> None:
    os.environ.update(dict.fromkeys(names, given))
    with mltrack.start_run(run_name="again", tags={"a": "b"}) as run:
        assert run.info.run_id == given
        assert mltrack.get_run(given).info.status == "RUNNING"
    found = mltrack.get_run(given)
    assert (found.info.run_name, found.info.status, found.data.tags["a"]) == ("again", "FINISHED", "b")
    assert (os.environ.get(OURS), os.environ.get(MLFLOWS), os.environ[PARENT]) == (None, None, given)
    with mltrack.start_run() as second:
        assert second.info.run_id != given
    assert "mlflow.parentRunId" not in second.data.tags
    assert given_run.belongs_to() == given


def test_what_is_logged_without_a_run_is_its(given: str) -> None:
    os.environ[OURS] = given
    mltrack.log_metric("a", 1)
    assert mltrack.active_run().info.run_id == given  # type: ignore[union-attr]
    mltrack.end_run("FAILED")
    assert mltrack.get_run(given).data.metrics == {"a": 1.0}
    assert mltrack.get_run(given).info.status == "FAILED"


def test_ids_that_are_said_come_first(given: str) -> None:
    os.environ[OURS] = given
    with mltrack.start_run(parent_run_id=given) as child:
        assert child.info.run_id != given
    with mltrack.start_run(run_id=child.info.run_id) as again:
        assert again.info.run_id == child.info.run_id
    with mltrack.start_run() as run:
        assert run.info.run_id == given


def test_one_of_another_server_s_is_left_alone(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's variables alone may be meant for MLflow itself."""
    monkeypatch.setenv(MLFLOWS, OTHER)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    assert given_run.belongs_to() is None
    with mltrack.start_run() as run:
        assert run.info.run_id != OTHER
    assert run.info.experiment_id == "0"
    assert os.environ[MLFLOWS] == OTHER


def test_one_of_ours_must_be_there(given: str) -> None:
    os.environ[OURS] = OTHER
    with pytest.raises(NotFoundError, match=OTHER):
        mltrack.start_run()


@pytest.mark.parametrize("name", ["MLTRACK_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID"])
def test_the_experiment_is_given_by_its_id(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    made = mltrack.create_experiment("made")
    monkeypatch.setenv("MLTRACK_EXPERIMENT_NAME", "named")
    monkeypatch.setenv(name, made)
    with mltrack.start_run() as run:
        assert run.info.experiment_id == made
