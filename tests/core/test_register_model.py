"""``mltrack.register_model``: every way to name a model, and what is refused before anything is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.logged import FILES, log_model, write_files
from tests.core.stores import begin, delete_run

import mltrack
from mltrack import MltrackClient, registry
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.garbage import collect_garbage
from mltrack.models.sources import find_model
from mltrack.registry import register_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack.store.sqlite import SqliteStore


@pytest.fixture
def client(store: SqliteStore) -> MltrackClient:
    mltrack.set_tracking_uri(store.uri)
    return MltrackClient()


class Info:
    """What ``log_model`` gives, as far as it matters here."""

    def __init__(self, model_uri: str) -> None:
        self.model_uri = model_uri


def with_files(client: MltrackClient, run_id: str) -> str:
    for path, content in FILES.items():
        client.log_text(run_id, content.decode(), f"model/{path}")
    return run_id


def test_the_ways_to_name_a_model(client: MltrackClient, store: SqliteStore) -> None:
    run_id = begin(store)
    model_id = log_model(store, run_id)
    old = with_files(client, begin(store))
    root = client.get_run(old).info.artifact_uri
    first = register_model(f"models:/{model_id}", "m", tags={"n": 1})
    assert (first.name, first.version, dict(first.tags)) == ("m", "1", {"n": "1"})
    client.set_registered_model_alias("m", "champion", "1")
    client.transition_model_version_stage("m", "1", "Staging")
    cases: dict[Any, tuple[str, str, str | None]] = {
        Info(f"models:/{model_id}"): (f"models:/{model_id}", run_id, model_id),
        f"runs:/{run_id}/clf": (f"models:/{model_id}", run_id, model_id),
        client.get_logged_model(model_id).artifact_location: (f"models:/{model_id}", run_id, model_id),
        "models:/m/1": ("models:/m/1", run_id, model_id),
        "models:/m/staging": ("models:/m/1", run_id, model_id),
        "models:/m@champion": ("models:/m/1", run_id, model_id),
        f"runs:/{old}/model": (f"runs:/{old}/model", old, None),
        f"{root}/model": (f"runs:/{old}/model", old, None),
        f"file://{root}/model": (f"runs:/{old}/model", old, None),
        "s3://bucket/models/1": ("s3://bucket/models/1", "", None),
    }
    for number, (uri, expected) in enumerate(cases.items(), start=2):
        version = register_model(uri, "m")
        assert (version.version, version.source, version.run_id, version.model_id) == (str(number), *expected)
        assert version.digest == (None if "s3" in expected[0] else first.digest)
    noted = json.loads(client.get_logged_model(model_id).tags["mlflow.modelVersions"])
    assert [each["version"] for each in noted] == ["1", "2", "3", "4", "5", "6", "7"]


def test_the_newest_model_of_the_largest_step_is_taken(client: MltrackClient, store: SqliteStore) -> None:
    run_id = begin(store)
    models = [log_model(store, run_id) for _ in range(3)]
    assert register_model(f"runs:/{run_id}/clf", "m").model_id == models[-1]


REFUSED: dict[str, tuple[Callable[[str], str], type[Exception], str]] = {
    "no such model": (lambda _: f"models:/m-{'0' * 32}", NotFoundError, "no logged model"),
    "no such run": (lambda _: f"runs:/{'0' * 32}/model", NotFoundError, "no run"),
    "a run without it": (lambda run: f"runs:/{run}/none", NotFoundError, "none"),
    "files that are no model": (lambda run: f"runs:/{run}/plots", NotFoundError, "MLmodel"),
    "no such version": (lambda _: "models:/known/7", NotFoundError, "no version"),
    "no such name": (lambda _: "models:/none/1", NotFoundError, "no registered model"),
    "no such alias": (lambda _: "models:/known@x", InvalidParameterError, "no alias"),
    "an encoded name": (lambda _: "models:/know%6e/1", NotFoundError, "no registered model"),
    "a folder of this machine": (lambda _: "/etc", InvalidParameterError, "Log it first"),
    "a relative folder": (lambda _: "model", InvalidParameterError, "Log it first"),
    "a way up": (lambda run: f"runs:/{run}/../x", InvalidParameterError, "part"),
    "nothing": (lambda _: "", InvalidParameterError, "''"),
    "a web page": (lambda _: "https://example.org/model", InvalidParameterError, "example"),
}


@pytest.mark.parametrize(("uri", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_registered_leaves_no_model(
    client: MltrackClient, store: SqliteStore, uri: Callable[[str], str], error: type[Exception], message: str
) -> None:
    run_id = begin(store)
    client.log_text(run_id, "x", "plots/roc.txt")
    client.create_registered_model("known")
    with pytest.raises(error, match=message):
        register_model(uri(run_id), "new")
    assert [each.name for each in client.search_registered_models()] == ["known"]


@pytest.mark.parametrize("name", ["", "a/b", "a:b", ".."])
def test_a_bad_name_is_refused_first(client: MltrackClient, store: SqliteStore, name: str) -> None:
    with pytest.raises(InvalidParameterError, match="name"):
        register_model(f"models:/{log_model(store)}", name)


def test_a_tag_that_says_something_else_is_written_anew(client: MltrackClient, store: SqliteStore) -> None:
    model_id = log_model(store)
    for told in ("no json", "7", '{"a": 1}', "[" * 100_000):
        client.set_logged_model_tags(model_id, {"mlflow.modelVersions": told})
        version = register_model(f"models:/{model_id}", "m").version
        noted = json.loads(client.get_logged_model(model_id).tags["mlflow.modelVersions"])
        assert noted == [{"name": "m", "version": version}]


def test_a_models_files_may_lie_in_an_object_store(
    client: MltrackClient, store: SqliteStore, make_place: Callable[[str], str], tmp_path: Path
) -> None:
    place = make_place("memory")
    experiment = client.create_experiment("far", artifact_location=place)
    model_id = client.create_logged_model(experiment, "clf").model_id
    write_files(store, model_id, FILES)
    register_model(f"models:/{model_id}", "m")
    assert client.get_model_version_download_uri("m", "1") == f"{place}/models/{model_id}/artifacts"
    fetched = find_model("models:/m/1").fetch(tmp_path / "here")
    assert (fetched / "model/weights.bin").read_bytes() == FILES["model/weights.bin"]
    assert register_model(f"{place}/models/{model_id}/artifacts", "m").model_id == model_id


def test_a_deleted_run_does_not_take_its_models_along(client: MltrackClient, store: SqliteStore) -> None:
    run_id = begin(store)
    version = register_model(f"models:/{log_model(store, run_id)}", "m")
    delete_run(store, run_id)
    collect_garbage()
    assert client.get_model_version("m", "1").provenance == version.provenance
    assert find_model("models:/m/1").fetch().is_dir()


def test_the_fluent_tag(client: MltrackClient, store: SqliteStore) -> None:
    register_model(f"models:/{log_model(store)}", "m")
    registry.set_model_version_tag("m", "1", "k", 7)
    assert dict(client.get_model_version("m", "1").tags) == {"k": "7"}
