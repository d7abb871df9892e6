"""Files of models read through model URIs: listed, downloaded, read, and refused when they have changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.logged import FILES, log_model
from tests.core.stores import begin

import mltrack
from mltrack import MltrackClient, artifacts
from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, MltrackError, NotFoundError
from mltrack.models.places import split_model_uri

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore

ID = "m-" + "0" * 32
URIS = {
    "models:/a/3": ("models:/a/3", ""),
    "models:/a/3/b/c": ("models:/a/3", "b/c"),
    "models:/a b%20/latest/MLmodel": ("models:/a b%20/latest", "MLmodel"),
    "models:/a@champion/b/c": ("models:/a@champion", "b/c"),
    "models:/a@champion": ("models:/a@champion", ""),
    f"models:/{ID}/b/c": (f"models:/{ID}", "b/c"),
    f"models:/{ID}": (f"models:/{ID}", ""),
}


@pytest.mark.parametrize(("uri", "parts"), URIS.items())
def test_the_path_in_a_model_stands_after_its_uri(uri: str, parts: tuple[str, str]) -> None:
    assert split_model_uri(uri) == parts


@pytest.fixture
def uris(store: SqliteStore) -> list[str]:
    """Give URIs of a logged model of a run, and of the files of a run as MLflow 2 laid them out."""
    mltrack.set_tracking_uri(store.uri)
    client = MltrackClient()
    run_id, old = begin(store, "r"), begin(store, "old")
    model_id = log_model(store, run_id)
    for path, content in FILES.items():
        client.log_text(old, content.decode(), f"below/model/{path}")
    mltrack.register_model(f"models:/{model_id}", "name")
    mltrack.register_model(f"runs:/{old}/below/model", "old")
    client.set_registered_model_alias("name", "best", "1")
    return [f"models:/{model_id}", "models:/name/1", "models:/name@best", "models:/old/1"]


def test_files_are_listed_and_brought_from_a_models_root(uris: list[str], tmp_path: Path) -> None:
    for number, uri in enumerate(uris):
        assert sorted(each.path for each in artifacts.list_artifacts(uri)) == ["MLmodel", "model"], uri
        assert [each.path for each in artifacts.list_artifacts(f"{uri}/model")] == ["model/weights.bin"]
        assert artifacts.load_text(f"{uri}/MLmodel") == FILES["MLmodel"].decode()
        for place in (artifacts.download_artifacts(uri), artifacts.download_artifacts(uri, dst_path=tmp_path / uri)):
            found = {each.relative_to(place).as_posix(): each.read_bytes() for each in Path(place).rglob("*.*")}
            assert found == {"model/weights.bin": FILES["model/weights.bin"]}
        one = artifacts.download_artifacts(f"{uri}/model/weights.bin", dst_path=tmp_path / str(number))
        assert Path(one).read_bytes() == FILES["model/weights.bin"]


def test_the_models_of_a_run_are_found_below_their_names(store: SqliteStore, tmp_path: Path) -> None:
    mltrack.set_tracking_uri(store.uri)
    run_id, client = begin(store, "r"), MltrackClient()
    log_model(store, run_id)
    client.log_text(run_id, "own", "own/a.txt")
    assert [each.path for each in client.list_artifacts(run_id)] == ["own"]
    for listed in (client.list_artifacts(run_id, "clf"), artifacts.list_artifacts(f"runs:/{run_id}/clf")):
        assert sorted(each.path for each in listed) == ["clf/MLmodel", "clf/model"]
    assert [each.path for each in client.list_artifacts(run_id, "clf/model")] == ["clf/model/weights.bin"]
    place = client.download_artifacts(run_id, "clf", tmp_path)
    assert Path(place) == tmp_path / "clf"
    assert (tmp_path / "clf" / "model" / "weights.bin").is_file()
    assert artifacts.load_text(f"runs:/{run_id}/clf/MLmodel") == FILES["MLmodel"].decode()
    client.log_text(run_id, "the run's", "clf/own.txt")  # files of its own go first
    assert artifacts.load_text(f"runs:/{run_id}/clf/own.txt") == "the run's"
    with pytest.raises(NotFoundError):
        client.download_artifacts(run_id, "clf/missing", tmp_path)


def test_a_version_that_changed_is_not_read(uris: list[str], store: SqliteStore, tmp_path: Path) -> None:
    version = MltrackClient().get_model_version("old", "1")
    MltrackClient().log_text(version.run_id, "flavors: {evil: {}}", "below/model/MLmodel")  # logged anew
    verbs: list[Any] = [
        artifacts.download_artifacts,
        lambda uri: artifacts.download_artifacts(f"{uri}/MLmodel", dst_path=tmp_path / "out"),
        lambda uri: artifacts.load_text(f"{uri}/model/weights.bin"),
        artifacts.list_artifacts,
        mltrack.models.get_model_info,
        mltrack.pyfunc.get_model_dependencies,
        mltrack.models.Model.load,
    ]
    for verb in verbs:
        with pytest.raises(ArtifactChangedError, match="registered"):
            verb("models:/old/1")
    (store.logged_model_folder(uris[0].removeprefix("models:/")).local_path() / "MLmodel").write_text("x")  # type: ignore[operator]
    for uri in uris[:3]:
        with pytest.raises(ArtifactChangedError):
            artifacts.load_text(f"{uri}/MLmodel")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "uri", ["models:/", "models:/none/1", "models:/name/1/../x", "models:/name/1//x", f"models:/{ID}", "models:/a/b/c"]
)
def test_what_names_no_file_of_a_model_is_refused(uris: list[str], uri: str) -> None:
    assert uris
    with pytest.raises(MltrackError):
        artifacts.load_text(uri)
    with pytest.raises(InvalidParameterError):
        artifacts.download_artifacts(uri, artifact_path="x")
