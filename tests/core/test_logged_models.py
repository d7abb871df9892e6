"""Logged models: made, finished, tagged, deleted; their files; metrics that say something of them."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.logged import FILES, log_model
from tests.core.stores import begin

import mltrack
from mltrack import MltrackClient, logged_models
from mltrack.active_model import get_active_model_id, remember
from mltrack.entities import LoggedModelOutput, LoggedModelStatus, Metric
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.sqlite import SqliteStore

MISSING = "m-" + "0" * 32


@pytest.fixture
def client(store: SqliteStore) -> MltrackClient:
    mltrack.set_tracking_uri(store.uri)
    return MltrackClient()


def points(client: MltrackClient, model_id: str) -> list[tuple[str, float, int, str]]:
    found = client.get_logged_model(model_id).metrics
    return sorted((each.key, each.value, each.step, each.dataset_name) for each in found)


# Models


def test_a_model_from_its_making_to_its_end(client: MltrackClient, store: SqliteStore) -> None:
    run_id = begin(store)
    made = client.create_logged_model("0", "clf", run_id, {"t": 1}, {"C": 0.5}, "tree")
    assert (made.name, made.status, made.source_run_id, made.model_type) == ("clf", "PENDING", run_id, "tree")
    assert (dict(made.tags), dict(made.params)) == ({"t": "1"}, {"C": "0.5"})
    assert made.artifact_location == f"{client.get_experiment('0').artifact_location}/models/{made.model_id}/artifacts"
    assert len(made.model_id) == 34
    client.set_logged_model_tags(made.model_id, {"t": "2", "u": "x"})
    client.delete_logged_model_tag(made.model_id, "u")
    client.log_model_params(made.model_id, {"D": "1", "C": "0.5"})
    done = client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    assert client.get_logged_model(made.model_id) == done
    assert (done.status, dict(done.tags), dict(done.params)) == ("READY", {"t": "2"}, {"C": "0.5", "D": "1"})
    assert done.last_updated_timestamp >= made.creation_timestamp
    assert [each.model_id for each in client.search_logged_models(["0"], "name = 'clf'")] == [made.model_id]
    client.delete_logged_model(made.model_id)
    assert client.search_logged_models(["0"]) == []


METHODS: dict[str, Callable[[MltrackClient, str], Any]] = {
    "get": lambda c, model: c.get_logged_model(model),
    "finalize": lambda c, model: c.finalize_logged_model(model, "READY"),
    "delete": lambda c, model: c.delete_logged_model(model),
    "set tags": lambda c, model: c.set_logged_model_tags(model, {"k": "v"}),
    "delete tag": lambda c, model: c.delete_logged_model_tag(model, "k"),
    "params": lambda c, model: c.log_model_params(model, {"k": "v"}),
    "list": lambda c, model: c.list_logged_model_artifacts(model),
    "log file": lambda c, model: c.log_model_artifact(model, __file__),
    "log files": lambda c, model: c.log_model_artifacts(model, str(Path(__file__).parent)),
}


@pytest.mark.parametrize("model_id", [MISSING, "", "../x", "m-../../x", "a/b", "m-" + "x" * 10**6, "M-1"])
@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_is_not_there(client: MltrackClient, method: str, model_id: str) -> None:
    with pytest.raises(NotFoundError, match="no logged model") as caught:
        METHODS[method](client, model_id)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("method", METHODS)
def test_a_deleted_model_is_not_there(client: MltrackClient, store: SqliteStore, method: str) -> None:
    model_id = log_model(store)
    client.delete_logged_model(model_id)
    with pytest.raises(NotFoundError, match="no logged model"):
        METHODS[method](client, model_id)


WRONG: dict[str, tuple[Callable[[MltrackClient, str], Any], str]] = {
    "a name": (lambda c, _: c.create_logged_model("0", "a/b"), "no name"),
    "an experiment": (lambda c, _: c.create_logged_model("77"), "no experiment"),
    "a run": (lambda c, _: c.create_logged_model("0", source_run_id="0" * 32), "no run"),
    "a status": (lambda c, model: c.finalize_logged_model(model, "BOGUS"), "READY and FAILED"),
    "a tag's key": (lambda c, model: c.set_logged_model_tags(model, {"a//b": "x"}), "a//b"),
    "a param again": (lambda c, model: c.log_model_params(model, {"new": "1", "C": "2"}), "'C' is '1'"),
    "a way out": (lambda c, model: c.log_model_artifact(model, __file__, "../x"), r"'\.\./x'"),
    "a hidden way out": (lambda c, model: c.list_logged_model_artifacts(model, "a/../.."), "part"),
}


@pytest.mark.parametrize(("work", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_nothing_is_written(
    client: MltrackClient, work: Callable[[MltrackClient, str], Any], message: str
) -> None:
    model_id = client.create_logged_model("0", "clf", params={"C": "1"}).model_id
    before = client.get_logged_model(model_id)
    with pytest.raises((InvalidParameterError, NotFoundError), match=message):
        work(client, model_id)
    assert client.get_logged_model(model_id) == before
    assert len(client.search_logged_models(["0"])) == 1


def test_no_model_goes_into_a_deleted_experiment(client: MltrackClient) -> None:
    experiment = client.create_experiment("e")
    client.delete_experiment(experiment)
    with pytest.raises(InvalidParameterError, match="deleted"):
        client.create_logged_model(experiment)


def test_files(client: MltrackClient, store: SqliteStore, tmp_path: Path) -> None:
    for path, content in FILES.items():
        place = tmp_path / "folder" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    model_id = client.create_logged_model("0").model_id
    client.log_model_artifacts(model_id, tmp_path / "folder")
    client.log_model_artifact(model_id, tmp_path / "folder" / "MLmodel", "copies")
    client.log_model_artifact(model_id, tmp_path / "folder" / "model", "copies")
    assert [each.path for each in client.list_logged_model_artifacts(model_id)] == ["MLmodel", "copies", "model"]
    assert [each.path for each in client.list_logged_model_artifacts(model_id, "model")] == ["model/weights.bin"]
    records = store.logged_model_records(model_id)
    assert sorted(records) == ["MLmodel", "copies/MLmodel", "copies/model/weights.bin", "model/weights.bin"]
    assert records["MLmodel"] == records["copies/MLmodel"]
    assert set(store.logged_model_records(model_id, safe_path("model"))) == {"model/weights.bin"}


# Metrics


def test_a_metric_of_a_model_is_the_runs_as_well(client: MltrackClient, store: SqliteStore) -> None:
    run_id, model_id = begin(store), log_model(store)
    client.log_metric(run_id, "acc", 0.5, 7, 1, model_id=model_id, dataset_name="wine", dataset_digest="d")
    client.log_metric(run_id, "loss", math.nan, 7, 1)
    batch = [Metric("acc", 0.75, 8, 2, model_id), Metric("f1", 1.0, 8, 2)]
    for _ in range(2):  # the same point twice is kept once
        client.log_batch(run_id, metrics=batch)
    assert points(client, model_id) == [("acc", 0.5, 1, "wine"), ("acc", 0.75, 2, "")]
    assert sorted(client.get_run(run_id).data.metrics) == ["acc", "f1", "loss"]
    assert client.get_metric_history(run_id, "acc") == [Metric("acc", 0.5, 7, 1), Metric("acc", 0.75, 8, 2)]
    wanted = [{"dataset_name": "wine"}]
    assert [m.model_id for m in client.search_logged_models(["0"], "metrics.acc = 0.5", wanted)] == [model_id]


def test_a_batch_with_a_model_that_is_not_there_is_refused_whole(client: MltrackClient, store: SqliteStore) -> None:
    run_id = begin(store)
    with pytest.raises(NotFoundError, match="no logged model"):
        client.log_batch(run_id, metrics=[Metric("a", 1.0, 1, 0), Metric("b", 1.0, 1, 0, MISSING)])
    assert client.get_run(run_id).data.metrics == {}


def test_the_fluent_verbs_name_the_model_and_the_data(client: MltrackClient, store: SqliteStore) -> None:
    model_id = log_model(store)
    with mltrack.start_run() as run:
        mltrack.log_metric("acc", 0.5, model_id=model_id, dataset=_data())
        mltrack.log_metrics({"acc": 0.75, "f1": 1.0}, step=3, model_id=model_id)
        mltrack.log_metric("other", 1.0)
    assert points(client, model_id) == [("acc", 0.5, 0, "dataset"), ("acc", 0.75, 3, ""), ("f1", 1.0, 3, "")]
    read = client.get_run(run.info.run_id).inputs
    assert [each.model_id for each in read.model_inputs] == [model_id]
    assert [each.dataset.name for each in read.dataset_inputs] == ["dataset"]


def _data() -> Any:
    import numpy as np  # slow to import, and needed here only

    return np.arange(3)


def test_metrics_belong_to_the_models_their_run_made_at_that_step(client: MltrackClient, store: SqliteStore) -> None:
    with mltrack.start_run() as run:
        mltrack.log_metric("before", 1.0)
        first, second, third = (log_model(store, run.info.run_id) for _ in range(3))
        for model_id, step in ((first, 0), (second, 0), (third, 1)):
            client.log_outputs(run.info.run_id, [LoggedModelOutput(model_id, step)])
            remember(model_id, run_id=run.info.run_id, step=step)
        mltrack.log_metric("acc", 0.5)
        mltrack.log_metrics({"acc": 0.75}, step=1)
        mltrack.log_metric("later", 1.0, step=2)
    assert points(client, first) == points(client, second) == [("acc", 0.5, 0, "")]
    assert points(client, third) == [("acc", 0.75, 1, "")]
    assert len(client.get_metric_history(run.info.run_id, "acc")) == 2
    assert client.get_run(run.info.run_id).inputs.model_inputs == ()


# The active model and the last one


def test_the_active_model(client: MltrackClient) -> None:
    assert get_active_model_id() is None
    first = logged_models.set_active_model(name="one")
    with logged_models.set_active_model(name="two") as second:
        assert get_active_model_id() == second.model_id
        logged_models.log_model_params({"p": "1"})
        with mltrack.start_run():
            mltrack.log_metric("acc", 0.5)
    assert get_active_model_id() == first.model_id == logged_models.set_active_model(name="one").model_id
    assert points(client, second.model_id) == [("acc", 0.5, 0, "")]
    assert dict(client.get_logged_model(second.model_id).params) == {"p": "1"}
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(get_active_model_id()))
    thread.start()
    thread.join()
    assert seen == [None]
    logged_models.clear_active_model()
    assert get_active_model_id() is None


def test_the_active_model_must_be_one(client: MltrackClient) -> None:
    made = client.create_logged_model("0", "one")
    for wrong, message in (
        ({}, "name or a model_id"),
        ({"model_id": made.model_id, "name": "two"}, "named 'one'"),
        ({"model_id": MISSING}, "no logged model"),
    ):
        with pytest.raises((InvalidParameterError, NotFoundError), match=message):
            logged_models.set_active_model(**wrong)
    with pytest.raises(InvalidParameterError, match="set_active_model"):
        logged_models.log_model_params({"p": "1"})


def test_the_fluent_verbs_take_the_active_run_and_experiment(client: MltrackClient) -> None:
    experiment = mltrack.set_experiment("lab").experiment_id
    alone = logged_models.initialize_logged_model("alone", tags={"t": 1})
    with mltrack.start_run() as run:
        made = logged_models.initialize_logged_model()
        external = logged_models.create_external_model("elsewhere", model_type="agent")
    assert (alone.experiment_id, alone.source_run_id, dict(alone.tags)) == (experiment, None, {"t": "1"})
    assert (made.source_run_id, made.status) == (run.info.run_id, "PENDING")
    assert (external.status, external.tags["mlflow.model.isExternal"]) == ("READY", "true")
    assert [each.path for each in client.list_logged_model_artifacts(external.model_id)] == ["MLmodel"]
    last = logged_models.last_logged_model()
    assert last is not None
    assert last.model_id == external.model_id
    assert logged_models.finalize_logged_model(made.model_id, "FAILED").status == "FAILED"
    logged_models.set_logged_model_tags(made.model_id, {"k": "v"})
    logged_models.delete_logged_model_tag(made.model_id, "k")
    assert dict(logged_models.get_logged_model(made.model_id).tags) == {}
    logged_models.delete_logged_model(made.model_id)
    with pytest.raises(NotFoundError):
        logged_models.get_logged_model(made.model_id)


def test_a_model_is_durable_once_it_is_made(store: SqliteStore) -> None:
    made = store.create_logged_model(NewLoggedModel("0"))
    assert made.name.count("-") == 2  # invented
    assert store.get_logged_model(made.model_id) == made
