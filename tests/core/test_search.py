"""Pages of searches for experiments and models: what is found, in which order, and how pages go on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.model_rows import add_experiment, add_logged_model, add_model, add_model_metric, add_version
from tests.core.stores import begin

import mltrack
from mltrack.client import MltrackClient
from mltrack.entities import RunTag, ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mltrack.store.sqlite import SqliteStore


@pytest.fixture
def client(store: SqliteStore) -> MltrackClient:
    return MltrackClient(store.uri)


@pytest.fixture
def experiments(store: SqliteStore) -> SqliteStore:
    add_experiment(store, "Fraud", time=3, tags={"team": "risk", "stage": "x"})
    add_experiment(store, "churn", time=5, tags={"team": "sales"})
    add_experiment(store, "fraud 2", time=3)
    add_experiment(store, "gone", time=9, stage="deleted")
    add_experiment(store, "Default 2", time=1)
    return store


EXPERIMENTS: list[tuple[str | None, tuple[str, ...], list[str]]] = [
    ("name != 'Default'", (), ["churn", "Fraud", "fraud 2", "Default 2"]),
    ("name LIKE 'fraud%'", (), ["fraud 2"]),
    ("name ILIKE 'fraud%'", (), ["Fraud", "fraud 2"]),
    ("attribute.name IN ('churn', 'gone')", (), ["churn"]),
    ("experiment_id IN ('2', '3') AND experiment_id != '2'", (), ["fraud 2"]),
    ("creation_time >= 3 AND creation_time < 1000", (), ["churn", "Fraud", "fraud 2"]),
    ("last_update_time BETWEEN 95 AND 97", ("last_update_time",), ["churn", "fraud 2", "Fraud"]),
    ("tags.team != 'risk'", (), ["churn"]),
    ("tag.`team` IS NOT NULL", (), ["churn", "Fraud"]),
    ("tags.stage IS NULL AND NOT name LIKE 'D%'", (), ["churn", "fraud 2"]),
    ("tags.team = 'risk' OR name = 'Default 2'", ("name",), ["Default 2", "Fraud"]),
    ("name != 'Default'", ("creation_time",), ["Default 2", "fraud 2", "Fraud", "churn"]),
    ("name != 'Default'", ("experiment_id DESC",), ["Default 2", "fraud 2", "churn", "Fraud"]),
]


@pytest.mark.parametrize(("filter_string", "order", "names"), EXPERIMENTS)
def test_experiments(experiments: SqliteStore, filter_string: str, order: tuple[str, ...], names: list[str]) -> None:
    found = experiments.search_experiments(Search((), filter_string, order))
    assert [each.name for each in found.rows] == names
    assert found.token is None


def test_deleted_experiments_are_found_when_asked_for(experiments: SqliteStore) -> None:
    deleted = experiments.search_experiments(Search(view_type=ViewType.DELETED_ONLY)).rows
    assert [(each.name, each.lifecycle_stage) for each in deleted] == [("gone", "deleted")]
    assert len(experiments.search_experiments(Search(view_type=ViewType.ALL)).rows) == 6
    assert experiments.search_experiments(Search((), "name = 'Fraud'")).rows[0].tags == {"team": "risk", "stage": "x"}


@pytest.fixture
def registry(store: SqliteStore) -> SqliteStore:
    add_model(store, "fraud", time=5, tags={"team": "risk"})
    add_model(store, "churn", time=5)
    add_model(store, "Ask", time=9, tags={"mlflow.prompt.is_prompt": "true"})
    add_version(store, "fraud", 1, stage="Production", source="runs:/r1/model", run_id="r1", alias="champion")
    add_version(store, "fraud", 2, stage="Staging", source="/files/m", run_id="r2", tags={"ok": "yes"})
    add_version(store, "fraud", 10, stage="Staging", time=2, tags={"ok": "no"})
    add_version(store, "churn", 1, time=2)
    return store


MODELS: list[tuple[str | None, list[str] | None, list[str]]] = [
    (None, None, ["Ask", "churn", "fraud"]),
    ("", ["name DESC"], ["fraud", "churn", "Ask"]),
    (None, ["timestamp DESC"], ["Ask", "churn", "fraud"]),
    (None, ["last_updated_timestamp"], ["churn", "fraud", "Ask"]),
    ("name ILIKE 'a%' OR tags.team = 'risk'", None, ["Ask", "fraud"]),
    ("name IN ('churn', 'fraud') AND name LIKE '%u%'", None, ["churn", "fraud"]),
    ("tags.team != 'risk'", None, []),
    ("tag.`mlflow.prompt.is_prompt` != 'true'", None, ["churn", "fraud"]),
    ("name LIKE 'f%' AND tag.`mlflow.prompt.is_prompt` != 'true'", None, ["fraud"]),
    ("tags.`mlflow.prompt.is_prompt` = 'false'", None, ["churn", "fraud"]),
    ("tags.`mlflow.prompt.is_prompt` = 'true'", None, ["Ask"]),
    ("tags.`mlflow.prompt.is_prompt` IS NULL", None, ["churn", "fraud"]),
]


@pytest.mark.parametrize(("filter_string", "order", "names"), MODELS)
@pytest.mark.usefixtures("registry")
def test_registered_models(
    client: MltrackClient, filter_string: str | None, order: list[str] | None, names: list[str]
) -> None:
    assert [model.name for model in client.search_registered_models(filter_string, order_by=order)] == names


@pytest.mark.usefixtures("registry")
def test_a_registered_model_comes_with_its_newest_versions(client: MltrackClient) -> None:
    (model,) = client.search_registered_models("name = 'fraud'")
    assert (model.tags, model.aliases, model.description) == ({"team": "risk"}, {"champion": "1"}, "about fraud")
    assert {each.current_stage: each.version for each in model.latest_versions} == {"Production": "1", "Staging": "10"}


VERSIONS: list[tuple[str | None, list[str] | None, list[str]]] = [
    (None, None, ["churn/1", "fraud/10", "fraud/2", "fraud/1"]),
    ("name = 'fraud'", ["version_number"], ["fraud/1", "fraud/2", "fraud/10"]),
    ("version_number >= 2 AND version_number < 10", None, ["fraud/2"]),
    ("version_number BETWEEN 2 AND 10", ["creation_timestamp DESC"], ["fraud/10", "fraud/2"]),
    ("run_id IN ('r1', 'r2')", ["name", "version_number DESC"], ["fraud/2", "fraud/1"]),
    ("source_path LIKE 'runs:/%'", None, ["fraud/1"]),
    ("tags.ok != 'yes'", None, ["fraud/10"]),
    ("NOT tags.ok = 'yes' AND name = 'fraud'", ["last_updated_timestamp"], ["fraud/1", "fraud/10"]),
]


@pytest.mark.parametrize(("filter_string", "order", "names"), VERSIONS)
@pytest.mark.usefixtures("registry")
def test_model_versions(
    client: MltrackClient, filter_string: str | None, order: list[str] | None, names: list[str]
) -> None:
    found = client.search_model_versions(filter_string, order_by=order)
    assert [f"{each.name}/{each.version}" for each in found] == names


@pytest.mark.usefixtures("registry")
def test_a_version_comes_with_all_that_is_known_of_it(client: MltrackClient) -> None:
    (version,) = client.search_model_versions("version_number = 1 AND name = 'fraud'")
    assert (version.source, version.run_id, version.current_stage) == ("runs:/r1/model", "r1", "Production")
    assert (version.aliases, version.status, version.tags) == (("champion",), "READY", {})


@pytest.fixture
def logged(store: SqliteStore) -> SqliteStore:
    run_id = begin(store)
    add_logged_model(store, "m-a", name="first", time=1, run_id=run_id, params={"C": "0.5"}, tags={"t": "x"})
    add_logged_model(store, "m-b", name="second", time=2, status="PENDING", model_type="tree", params={"C": "2"})
    add_logged_model(store, "m-c", name="third", time=2)
    add_logged_model(store, "m-d", name="gone", time=2, stage="deleted")
    points = [
        *[("m-a", 0.9, 1, "train", "d1"), ("m-a", 0.5, 2, "test", "d2")],
        *[("m-b", 0.7, 1, "test", "d2"), ("m-b", 0.1, 0, "test", "d3"), ("m-c", math.nan, 1, "", "")],
    ]
    for model_id, value, time, name, digest in points:
        add_model_metric(store, model_id, "acc", value, at=(run_id, time, name, digest))
    return store


def order(name: str, *, ascending: bool = True, dataset: Sequence[str] = ()) -> dict[str, Any]:
    keys = ("dataset_name", "dataset_digest")[: len(dataset)]
    return {"field_name": name, "ascending": ascending, **dict(zip(keys, dataset, strict=True))}


TEST = [{"dataset_name": "test"}]
LOGGED: list[tuple[str | None, Any, Any, str]] = [
    (None, None, None, "bca"),
    ("metrics.acc > 0.8", None, None, "a"),
    ("metrics.acc > 0.8", TEST, None, ""),
    ("metrics.acc >= 0.5", TEST, None, "ba"),
    ("metrics.acc < 0.5", [{"dataset_name": "test", "dataset_digest": "d2"}], None, ""),
    ("params.C > 0.2", TEST, None, "ba"),
    (None, [{"dataset_name": "train"}, {"dataset_name": "nowhere"}], None, "a"),
    ("params.C > 1 OR tags.t = 'x'", None, None, "ba"),
    ("status = 'READY' AND name != 'third'", None, None, "a"),
    ("model_type = 'tree' OR model_id = 'm-c'", None, [order("model_id")], "bc"),
    ("source_run_id != 'x'", None, None, "a"),
    ("NOT source_run_id = 'x'", None, None, "bca"),
    ("creation_time = 2 AND last_updated_time <= 2", None, None, "bc"),
    (None, None, [order("metrics.acc")], "abc"),
    (None, None, [order("metrics.acc", ascending=False)], "bac"),
    (None, None, [order("metrics.acc", ascending=False, dataset=("train",))], "abc"),
    (None, None, [order("metrics.acc", dataset=("test", "d3"))], "bca"),
    (None, None, [order("creation_timestamp"), order("name", ascending=False)], "acb"),
]


@pytest.mark.parametrize(("filter_string", "datasets", "order_by", "letters"), LOGGED)
@pytest.mark.usefixtures("logged")
def test_logged_models(
    client: MltrackClient, filter_string: str | None, datasets: Any, order_by: Any, letters: str
) -> None:
    found = client.search_logged_models(["0"], filter_string, datasets, order_by=order_by)
    assert "".join(model.model_id[-1] for model in found) == letters


@pytest.mark.usefixtures("logged")
def test_a_logged_model_comes_with_all_that_was_logged_to_it(client: MltrackClient, tmp_path: Path) -> None:
    (model,) = client.search_logged_models(["0"], "name = 'first'")
    assert (model.experiment_id, model.status, model.params, model.tags) == ("0", "READY", {"C": "0.5"}, {"t": "x"})
    assert model.artifact_location == str(tmp_path / "mlartifacts/0/models/m-a/artifacts")
    assert [(each.value, each.dataset_name, each.run_id) for each in model.metrics] == [
        (0.9, "train", model.source_run_id),
        (0.5, "test", model.source_run_id),
    ]
    assert client.search_logged_models([]) == []
    assert client.search_logged_models(["7"]) == []


WRONG: list[Mapping[str, Any]] = [
    {"order_by": [{"field_name": 5}]},
    {"order_by": [{"ascending": True}]},
    {"order_by": [{"field_name": "name", "ascending": "yes"}]},
    {"order_by": [{"field_name": "params.C"}]},
    {"order_by": "name"},
    {"datasets": [{"dataset_digest": "d"}]},
    {"datasets": [{"dataset_name": 5}]},
    {"max_results": 0},
    {"filter_string": "metrics.a > 'x'"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_is_no_search_for_logged_models_is_refused(client: MltrackClient, wrong: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        client.search_logged_models(["0"], **wrong)


SEARCHES: dict[str, tuple[Callable[..., Any], int]] = {
    "runs": (lambda client, **options: client.search_runs(["0"], **options), 50_000),
    "experiments": (lambda client, **options: client.search_experiments(**options), 50_000),
    "registered models": (lambda client, **options: client.search_registered_models(**options), 1_000),
    "model versions": (lambda client, **options: client.search_model_versions(**options), 200_000),
    "logged models": (lambda client, **options: client.search_logged_models(["0"], **options), 50_000),
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_pages_lose_and_double_nothing(store: SqliteStore, client: MltrackClient, kind: str) -> None:
    for number in range(7):
        begin(store, start_time=1)
        add_experiment(store, f"e{number}", time=1)
        add_model(store, f"m{number}")
        add_version(store, f"m{number}", 1)
        add_logged_model(store, f"m-{number}")
    ask, _ = SEARCHES[kind]
    whole = list(ask(client))
    assert len(whole) >= 7
    for size in (1, 3, 7):
        found: list[Any] = []
        page = ask(client, max_results=size)
        while page.token is not None:
            assert len(page) == size
            found += page
            page = ask(client, max_results=size, page_token=page.token)
        assert found + page == whole


@pytest.mark.parametrize("kind", SEARCHES)
def test_sizes_and_tokens_are_checked(store: SqliteStore, client: MltrackClient, kind: str) -> None:
    ask, most = SEARCHES[kind]
    begin(store)
    begin(store)
    ask(client, max_results=most)
    for size in (0, -1, most + 1, 2**63, "5", math.nan, True):
        with pytest.raises(InvalidParameterError, match="max_results"):
            ask(client, max_results=size)
    token = client.search_runs(["0"], "run_name = 'run'", max_results=1).token
    assert token is not None
    for foreign in (token, "x", "eyJvZmZzZXQiOiAxfQ==", token[:-4], "a" * 100_000):
        with pytest.raises(InvalidParameterError, match="no page token of this search"):
            ask(client, page_token=foreign)


def test_the_fluent_searches_give_all_pages(registry: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.model_searches.PAGE", 2)
    add_logged_model(registry, "m-1", time=2, tags={"t": "x"})
    add_logged_model(registry, "m-2", time=1)
    mltrack.set_tracking_uri(registry.uri)
    assert [model.name for model in mltrack.search_registered_models()] == ["Ask", "churn", "fraud"]
    assert [each.version for each in mltrack.search_model_versions(3, "name = 'fraud'")] == ["10", "2", "1"]
    assert len(mltrack.search_model_versions(3)) == 3
    frame = mltrack.search_logged_models(order_by=[{"field_name": "creation_time"}])
    assert list(frame["model_id"]) == ["m-2", "m-1"]
    (newest,) = mltrack.search_logged_models(["0"], max_results=1, output_format="list")
    assert newest.tags == {"t": "x"}
    with pytest.raises(InvalidParameterError):
        mltrack.search_logged_models(output_format="xml")


ALIKE = ("prod", "prod%20", "prod%2fx", "PROD", "prod ", "pr_d", "pröd", "pro\u0308d", "{prod}")


@pytest.mark.parametrize("name", ALIKE)
def test_names_that_look_alike_are_told_apart(store: SqliteStore, client: MltrackClient, name: str) -> None:
    for number, each in enumerate(ALIKE):
        add_experiment(store, each, time=number)
        add_model(store, each, tags={each: each})
        add_version(store, each, 1)
        store.log_batch(begin(store, each), tags=[RunTag("name", each)])
    assert [each.name for each in client.search_experiments(filter_string=f"name = '{name}'")] == [name]
    assert [each.name for each in client.search_registered_models(f"name = '{name}'")] == [name]
    assert [each.name for each in client.search_registered_models(f"tags.`{name}` IN ('{name}')")] == [name]
    assert [each.name for each in client.search_model_versions(f"name IN ('{name}')")] == [name]
    for filter_string in (f"run_name = '{name}'", f"tags.name = '{name}'"):
        assert [each.info.run_name for each in client.search_runs(["0"], filter_string)] == [name]
