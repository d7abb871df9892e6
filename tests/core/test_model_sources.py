"""What a model version may be made of, what it keeps of it, and how hostile sources are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.logged import FILES, log_model, write_files
from tests.core.notebooks import saved
from tests.core.stores import FINISHED, begin

import mltrack
from mltrack import MltrackClient
from mltrack.entities import Dataset, DatasetInput, InputTag
from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, NotFoundError
from mltrack.models.manifest import digest_of
from mltrack.models.sources import find_model
from mltrack.registry import register_model
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.model_sources import read_source
from mltrack.store.pages import Search
from mltrack.store.protocol import GarbageSelection
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from mltrack.entities import ModelVersion


@pytest.fixture
def client(store: SqliteStore) -> MltrackClient:
    mltrack.set_tracking_uri(store.uri)
    found = MltrackClient()
    found.create_registered_model("m")
    return found


def with_files(client: MltrackClient, run_id: str, folder: str = "model") -> str:
    """Log the files of a model as a run's artifacts, as MLflow 2 did."""
    for path, content in FILES.items():
        client.log_text(run_id, content.decode(), f"{folder}/{path}")
    return run_id


# What is taken


def test_every_kind_of_source_keeps_the_digest_and_finds_the_files(client: MltrackClient, store: SqliteStore) -> None:
    run_id = with_files(client, begin(store, "train"))
    other = begin(store, "made a logged model")
    model_id = log_model(store, other)
    root, place = client.get_run(run_id).info.artifact_uri, client.get_logged_model(model_id).artifact_location
    cases = {
        f"runs:/{run_id}/model": (run_id, None, f"{root}/model"),
        f"models:/{model_id}": (other, model_id, place),
        f"runs:/{other}/clf": (other, model_id, place),
        f"{root}/model": (run_id, None, f"{root}/model"),
        f"file://{root}/model": (run_id, None, f"{root}/model"),
        place: (other, model_id, place),
    }
    digest = digest_of(store.logged_model_records(model_id))
    for number, (source, (run, model, where)) in enumerate(cases.items(), start=1):
        ids = (run, None) if source.startswith(("/", "file")) and model is None else (None, model)
        version = client.create_model_version("m", source, ids[0], model_id=ids[1])
        assert (version.version, version.source, version.run_id, version.model_id) == (str(number), source, run, model)
        assert version.digest == digest, source
        assert client.get_model_version_download_uri("m", version.version) == where
        assert find_model(f"models:/m/{number}").fetch() == Path(where)


def test_a_copy_keeps_what_its_source_had_when_that_is_gone(client: MltrackClient, store: SqliteStore) -> None:
    run_id = with_files(client, begin(store, "train"))
    first = client.create_model_version("m", f"runs:/{run_id}/model", tags={"t": "1"}, description="words")
    copied = client.copy_model_version("models:/m/latest", "live")
    again = client.copy_model_version("models:/live/1", "live")
    assert (copied.source, again.source) == ("models:/m/1", "models:/live/1")
    client.delete_registered_model("m")
    client.delete_model_version("live", "1")
    kept = client.get_model_version("live", "2")
    assert (kept.run_id, kept.digest, kept.provenance) == (run_id, first.digest, first.provenance)
    assert (kept.description, dict(kept.tags)) == ("words", {"t": "1"})
    assert find_model("models:/live/2").fetch() == Path(client.get_run(run_id).info.artifact_uri, "model")


def test_names_that_came_round_in_a_circle_end(client: MltrackClient, store: SqliteStore) -> None:
    client.create_model_version("m", f"models:/{log_model(store)}")
    client.copy_model_version("models:/m/1", "n")
    client.delete_registered_model("m")
    client.copy_model_version("models:/n/1", "m")
    assert find_model("models:/m/1").fetch() == find_model("models:/n/1").fetch()


def test_files_in_an_object_store_are_taken_as_they_are(client: MltrackClient) -> None:
    version = client.create_model_version("m", "s3://bucket/models/one")
    assert (version.digest, version.run_id) == (None, "")
    assert client.get_model_version_download_uri("m", "1") == "s3://bucket/models/one"


def test_files_that_changed_after_registration_are_refused(client: MltrackClient, store: SqliteStore) -> None:
    first, second = log_model(store), log_model(store)
    client.create_model_version("m", f"models:/{first}")
    client.create_model_version("m", f"models:/{second}")
    weights = Path(client.get_logged_model(first).artifact_location, "model/weights.bin")
    weights.write_bytes(b"1" * 5000)
    write_files(store, second, {"more.txt": b"x"})  # recorded, and yet not what was registered
    for version in "12":
        with pytest.raises(ArtifactChangedError, match="chang"):
            find_model(f"models:/m/{version}").fetch()


# What is known of it later


def test_a_version_knows_its_run_cell_and_data_when_they_are_gone(client: MltrackClient, store: SqliteStore) -> None:
    experiment = store.create_experiment("lab")
    run_id = begin(store, "train", experiment_id=experiment, user_id="ada")
    inputs = [DatasetInput(Dataset("wine", "d1", "local", "{}"), (InputTag("mlflow.data.context", "training"),))]
    store.log_inputs(run_id, inputs)
    model_id = log_model(store, run_id, experiment_id=experiment)
    client.create_model_version("m", f"models:/{model_id}")
    saved(store, run_id, kernel="k", cell="cell key", cells=("a = 1", "fit()"))  # a cell is kept when it has ended
    store.update_run(run_id, FINISHED)
    expected = {
        "run": {"run_id": run_id, "name": "train", "user_id": "ada", "start_time": 1},
        "experiment": {"experiment_id": experiment, "name": "lab"},
        "datasets": [{"name": "wine", "digest": "d1", "source_type": "local", "context": "training"}],
    }

    def shown(version: ModelVersion) -> dict[str, object]:
        return {name: value for name, value in version.provenance.items() if name in expected}

    known = client.get_model_version("m", "1")
    assert shown(known) == expected
    notebook = known.provenance["notebook"]
    assert (notebook["cell_key"], notebook["execution"], notebook["cell_id"]) == ("cell key", 2, "c1")
    assert known.provenance["model"]["model_id"] == model_id
    store.set_run_lifecycle(run_id, "deleted")
    store.collect_garbage(GarbageSelection())
    with pytest.raises(NotFoundError):
        store.get_run(run_id)
    assert client.get_model_version("m", "1") == known
    assert find_model("models:/m/1").fetch().is_dir()


def test_registered_models_may_be_kept_in_a_store_of_their_own(store: SqliteStore, tmp_path: Path) -> None:
    registry = SqliteStore(tmp_path / "registry.db")
    mltrack.set_tracking_uri(store.uri)
    mltrack.set_registry_uri(registry.uri)
    run_id = with_files(MltrackClient(), begin(store, "train"))
    model_id = log_model(store, run_id)
    for source in (f"models:/{model_id}", f"runs:/{run_id}/model"):
        register_model(source, "m")
    assert store.search_registered_models(Search()).rows == ()
    first, second = (registry.get_model_version("m", each) for each in "12")
    assert first.digest == second.digest == digest_of(store.logged_model_records(model_id))
    assert first.provenance["run"]["name"] == "train"
    assert json.loads(store.get_logged_model(model_id).tags["mlflow.modelVersions"]) == [{"name": "m", "version": "1"}]
    client = MltrackClient()
    client.copy_model_version("models:/m/2", "n")
    for name, version in (("m", "1"), ("m", "2"), ("n", "1")):
        folder = Path(client.get_model_version_download_uri(name, version))
        assert (folder / "MLmodel").is_file()
        assert find_model(f"models:/{name}/{version}").fetch() == folder


# What is refused

DETOURS = (
    "..",
    "../..",
    "%2e%2e",
    "%2E%2E",
    "%252e%252e",
    "%25252e%25252e",
    "..%2f..",
    "..%252f",
    "..\\..",
    "%2e%2e%5c",
)


def hostile(run_id: str, model_id: str, root: str) -> list[str]:
    found = [
        f"{start}/{detour}/x" for start in (f"runs:/{run_id}", "models:/m/1", root, "s3://b/k") for detour in DETOURS
    ]
    found += [
        f"{start}/{detour}" for start in (f"runs:/{run_id}/model", f"models:/{model_id}", root) for detour in DETOURS
    ]
    found += ["/etc", "/etc/passwd", "etc", ".", "~", "file:///etc", "//host/x", "\\\\host\\x", "C:\\x", "", " ", "\0"]
    found += [f"{root}x", f"{root}/../x", str(Path(root).parent), f"{root}/a\0b", "x" * 3000]
    found += ["http://169.254.169.254/x", "https://h/x", "mlflow-artifacts:/0/x", "ftp://h/x", "dbfs:/x", "gopher://x"]
    found += ["s3://", "s3://u:p@b/k", "s3://b/k?x=1", "s3://b/k#x", "models:", "models:/", "models:/m", "models:/m/x"]
    found += ["models:/m/Production", "models:/m@champion", f"models:/{model_id}/x", "models:/a:b/1", "models://h/m/1"]
    return [*found, "runs:", "runs:/", "runs:/a b/x", f"runs://h/{run_id}/x", f"runs:/{run_id}/", f"runs:/{run_id}//x"]


TAGS = (None, {"mlflow.prompt.is_prompt": "false"}, {"mlflow.prompt.text": "x"}, {"mlflow.modelVersions": "[]"})


def test_hostile_sources_are_refused_whatever_tags_come_with_them(client: MltrackClient, store: SqliteStore) -> None:
    run_id = with_files(client, begin(store))
    model_id = log_model(store, run_id)
    client.create_model_version("m", f"models:/{model_id}")
    root = client.get_run(run_id).info.artifact_uri
    taken = []
    for source in hostile(run_id, model_id, root):
        for tags in TAGS:
            try:
                client.create_model_version("m", source, run_id, tags, model_id=model_id)
            except InvalidParameterError:
                continue
            taken.append(source)
    assert set(taken) <= {f"runs:/{run_id}/"}
    assert len(client.search_model_versions()) == 1 + len(taken)


def test_a_source_belongs_to_the_run_or_model_it_is_said_to_be_of(client: MltrackClient, store: SqliteStore) -> None:
    mine, other = (with_files(client, begin(store)) for _ in range(2))
    model, another = log_model(store, mine), log_model(store, other)
    place = client.get_run(mine).info.artifact_uri
    new: dict[str, list[tuple[str | None, str | None]]] = {
        f"runs:/{mine}/model": [(other, None), (None, model)],
        f"models:/{model}": [(mine, another)],
        f"{place}/model": [(other, None), (None, None), (None, model)],
        client.get_logged_model(model).artifact_location: [(mine, None), (None, another), (None, None)],
    }
    for source, wrong in new.items():
        for run_id, model_id in wrong:
            with pytest.raises(InvalidParameterError, match="source"):
                store.create_model_version(_new(source, run_id, model_id))
    client.create_model_version("m", f"models:/{model}")
    for ids in ((other, None), (None, another)):
        with pytest.raises(InvalidParameterError, match="leave it out"):
            client.create_model_version("m", "models:/m/1", ids[0], model_id=ids[1])
    for missing in (f"runs:/{'0' * 32}/model", f"models:/m-{'0' * 32}", "models:/m/7", "models:/none/1"):
        with pytest.raises(NotFoundError):
            client.create_model_version("m", missing)


def _new(source: str, run_id: str | None, model_id: str | None) -> NewModelVersion:
    return NewModelVersion("m", source, run_id, model_id)


def test_a_link_out_of_a_runs_folder_is_no_way_out(client: MltrackClient, store: SqliteStore, tmp_path: Path) -> None:
    run_id = with_files(client, begin(store))
    root = Path(client.get_run(run_id).info.artifact_uri)
    (tmp_path / "secret").mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidParameterError, match="must lie in the artifacts"):
        client.create_model_version("m", f"{root}/link", run_id)


def test_a_deleted_logged_model_cannot_be_registered(client: MltrackClient, store: SqliteStore) -> None:
    model_id = log_model(store)
    place = client.get_logged_model(model_id).artifact_location
    client.delete_logged_model(model_id)
    for source in (f"models:/{model_id}", place):
        with pytest.raises(NotFoundError, match="no logged model"):
            client.create_model_version("m", source, model_id=model_id)


@given(st.text(max_size=60), st.integers(0, 4))
def test_no_text_is_read_as_a_way_up(text: str, times: int) -> None:
    for _ in range(times):
        text = quote(text, safe="")
    for start in ("runs:/abc/", "models:/", ""):
        try:
            found = read_source(start + text)
        except InvalidParameterError:
            continue
        shown = [found.path.text if found.path else "", *(found.version or ()), found.place or ""]
        assert not any(part in ("..", ".") for each in shown for part in each.replace("\\", "/").split("/"))
