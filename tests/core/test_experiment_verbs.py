"""The fluent verbs for experiments and whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.core.fluent import PARENT, raised

import mltrack
from mltrack.async_logging import RunOperations
from mltrack.entities import ViewType
from mltrack.exceptions import InvalidParameterError, NotFoundError


def test_experiments_from_begin_to_end() -> None:
    made = mltrack.create_experiment("e", tags={"team": "risk"})
    assert mltrack.get_experiment(made).tags == {"team": "risk"}
    assert mltrack.get_experiment_by_name("e") == mltrack.get_experiment(made)
    assert mltrack.get_experiment_by_name("no such") is None
    mltrack.delete_experiment(made)
    assert mltrack.get_experiment(made).lifecycle_stage == "deleted"
    mltrack.restore_experiment(made)
    assert mltrack.get_experiment(made).lifecycle_stage == "active"
    assert raised(lambda: mltrack.create_experiment("e")).error_code == "RESOURCE_ALREADY_EXISTS"


def test_tags_go_to_the_chosen_experiment() -> None:
    mltrack.set_experiment_tag("on", "Default")
    chosen = mltrack.set_experiment("chosen")
    mltrack.set_experiment_tags({"a": 1, "b": None})
    mltrack.set_experiment_tag("a", 2)
    mltrack.delete_experiment_tag("b")
    assert mltrack.get_experiment(chosen.experiment_id).tags == {"a": "2"}
    assert mltrack.get_experiment("0").tags == {"on": "Default"}
    with pytest.raises(InvalidParameterError):
        mltrack.set_experiment_tags({"c": 1, "": 2})
    assert mltrack.get_experiment(chosen.experiment_id).tags == {"a": "2"}


def test_when_the_chosen_experiment_is_deleted_runs_go_to_default() -> None:
    chosen = mltrack.set_experiment("chosen")
    mltrack.delete_experiment(chosen.experiment_id)
    with mltrack.start_run() as run:
        assert run.info.experiment_id == "0"


def test_all_experiments_are_found_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.experiments.PAGE", 2)
    names = {mltrack.get_experiment(mltrack.create_experiment(f"e{number}")).name for number in range(5)}
    assert {each.name for each in mltrack.search_experiments()} == names | {"Default"}
    found = mltrack.search_experiments(max_results=3, order_by=["name DESC"])
    assert [each.name for each in found] == ["e4", "e3", "e2"]
    mltrack.delete_experiment(mltrack.search_experiments(filter_string="name = 'e2'")[0].experiment_id)
    assert [each.name for each in mltrack.search_experiments(ViewType.DELETED_ONLY)] == ["e2"]
    assert [each.name for each in mltrack.search_experiments(order_by=["name"], max_results=2)] == ["Default", "e0"]


@pytest.mark.parametrize("size", [0, -1, "x", 1.5, True])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(InvalidParameterError, match="max_results"):
        mltrack.search_experiments(max_results=size)


def test_more_than_a_page_may_be_asked_for() -> None:
    assert len(mltrack.search_experiments(max_results=100_000)) == 1


def test_runs_are_deleted_and_restored() -> None:
    with mltrack.start_run() as run:
        pass
    mltrack.delete_run(run.info.run_id)
    assert mltrack.search_runs(output_format="list") == []
    mltrack.restore_run(run.info.run_id)
    assert mltrack.search_runs(output_format="list")[0].info.run_id == run.info.run_id
    with pytest.raises(NotFoundError):
        mltrack.delete_run("f" * 32)


def test_the_parent_of_a_run() -> None:
    with mltrack.start_run() as parent, mltrack.start_run(nested=True) as child:
        pass
    found = mltrack.get_parent_run(child.info.run_id)
    assert found is not None
    assert found.info.run_id == parent.info.run_id == mltrack.get_run(child.info.run_id).data.tags[PARENT]
    assert mltrack.get_parent_run(parent.info.run_id) is None


def test_where_artifacts_are() -> None:
    with mltrack.start_run() as run:
        assert mltrack.get_artifact_uri() == run.info.artifact_uri
        mltrack.log_text("x", "plots/a.txt")
        assert Path(mltrack.get_artifact_uri("plots/a.txt")).read_text() == "x"
        assert mltrack.get_artifact_uri("plots/") == f"{run.info.artifact_uri}/plots"
        for path in ("../x", "/etc/passwd", "a//b"):
            with pytest.raises(InvalidParameterError):
                mltrack.get_artifact_uri(path)


def test_a_tag_is_taken_off() -> None:
    with mltrack.start_run() as run:
        mltrack.set_tags({"a": 1, "b": 2})
        mltrack.delete_tag("a")
        tags = mltrack.get_run(run.info.run_id).data.tags
        assert "a" not in tags
        assert tags["b"] == "2"
        with pytest.raises(NotFoundError):
            mltrack.delete_tag("a")


def test_a_run_is_named_by_its_tag() -> None:
    with mltrack.start_run(tags={"mlflow.runName": "by tag"}) as run:
        assert run.info.run_name == "by tag"
    with mltrack.start_run(run_name="by argument", tags={"mlflow.runName": "by tag"}) as run:
        assert run.info.run_name == "by argument"
        assert mltrack.get_run(run.info.run_id).data.tags["mlflow.runName"] == "by argument"


def test_what_is_asked_for_later_is_done_at_once() -> None:
    with mltrack.start_run() as run:
        operations = [
            mltrack.log_metric("m", 1, synchronous=False),
            mltrack.log_metrics({"n": "2.5"}, synchronous=False),  # type: ignore[dict-item] # as MLflow takes it
            mltrack.log_param("p", 1, synchronous=False),
            mltrack.log_params({"q": 1}, synchronous=False),
            mltrack.set_tag("t", 1, synchronous=False),
            mltrack.set_tags({"u": 1}, synchronous=False),
        ]
        data = mltrack.get_run(run.info.run_id).data
        assert (data.metrics, data.params) == ({"m": 1.0, "n": 2.5}, {"p": "1", "q": "1"})
        assert {"t", "u"} <= set(data.tags)
        for operation in operations:
            assert isinstance(operation, RunOperations)
            operation.wait()
        mltrack.flush_async_logging()
        assert mltrack.log_metric("m", 1, 1, True) is None
        assert mltrack.log_param("p", 1, synchronous=True) == 1


def test_stores_that_were_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not mltrack.is_tracking_uri_set()
    monkeypatch.setenv("MLTRACK_TRACKING_URI", str(tmp_path / "a.db"))
    assert mltrack.is_tracking_uri_set()
    monkeypatch.delenv("MLTRACK_TRACKING_URI")
    mltrack.set_tracking_uri(tmp_path / "b.db")
    assert mltrack.is_tracking_uri_set()
    assert mltrack.get_registry_uri() == mltrack.get_tracking_uri()
    mltrack.set_registry_uri(tmp_path / "c.db")
    assert mltrack.get_registry_uri().endswith("c.db")
    assert mltrack.get_tracking_uri().endswith("b.db")
    mltrack.set_registry_uri("")
    assert mltrack.get_registry_uri() == mltrack.get_tracking_uri()
