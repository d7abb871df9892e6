"""Deleted logged models are removed for good with their files, unless a version is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.core.logged import FILES, log_model, write_files
from tests.core.stores import begin

from mltrack.client import MltrackClient
from mltrack.entities import Metric
from mltrack.exceptions import NotFoundError
from mltrack.store.artifacts import safe_path
from mltrack.store.protocol import GarbageSelection

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore

ALL = GarbageSelection()
LARGE = 1 << 20


def rows(store: SqliteStore) -> int:
    tables = ("logged_models", "logged_model_files", "logged_model_metrics", "logged_model_tags", "run_models")
    query = " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return int(store._database.read(lambda connection: connection.execute(f"SELECT {query}").fetchone()[0]))


def folder(store: SqliteStore, model_id: str) -> Path:
    return Path(store.get_experiment("0").artifact_location, "models", model_id)


def test_a_deleted_model_goes_with_all_that_is_its(store: SqliteStore) -> None:
    run_id, kept = begin(store), log_model(store)
    before = rows(store)
    model_id = log_model(store, run_id)
    store.set_logged_model_tags(model_id, {"k": "v"})
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1, 0, model_id)])
    assert store.collect_garbage(ALL).models == 0
    store.delete_logged_model(model_id)
    assert folder(store, model_id).is_dir()
    report = store.collect_garbage(ALL)
    assert (report.models, report.runs, report.problems) == (1, 0, ())
    assert not folder(store, model_id).exists()
    assert folder(store, kept).is_dir()
    assert rows(store) == before
    with pytest.raises(NotFoundError):
        store.logged_model_folder(model_id)
    assert store.get_run(run_id).data.metrics == {"m": 1.0}


def test_only_what_no_other_model_has_is_counted(store: SqliteStore) -> None:
    models = [log_model(store) for _ in range(2)]
    sizes = []
    for model_id in models:
        write_files(store, model_id, {"large.bin": b"0" * LARGE})
    for model_id in models:
        store.delete_logged_model(model_id)
        sizes.append(store.collect_garbage(ALL).bytes)
    assert sizes[0] < LARGE <= sizes[1]


@pytest.mark.parametrize(
    "selection",
    [GarbageSelection(deleted_before=1), GarbageSelection(run_ids=()), GarbageSelection(experiment_ids=())],
    ids=["too young", "runs were named", "experiments were named"],
)
def test_a_model_that_was_not_asked_for_stays(store: SqliteStore, selection: GarbageSelection) -> None:
    model_id = log_model(store)
    store.delete_logged_model(model_id)
    assert store.collect_garbage(selection).models == 0
    assert folder(store, model_id).is_dir()


def test_a_model_of_which_a_version_is_made_stays_until_that_goes(store: SqliteStore) -> None:
    client, model_id = MltrackClient(store.uri), log_model(store)
    client.create_registered_model("m")
    client.create_model_version("m", f"models:/{model_id}")
    client.copy_model_version("models:/m/1", "n")
    client.delete_logged_model(model_id)
    for name in ("m", "n"):
        assert store.collect_garbage(ALL).models == 0
        assert Path(client.get_model_version_download_uri(name, "1"), "MLmodel").is_file()
        client.delete_registered_model(name)
    assert store.collect_garbage(ALL).models == 1


def test_models_go_with_their_experiment(store: SqliteStore) -> None:
    experiment = store.create_experiment("e")
    deleted, active = (log_model(store, experiment_id=experiment) for _ in range(2))
    store.delete_logged_model(deleted)
    place = Path(store.get_experiment(experiment).artifact_location)
    assert (place / "models" / active / "artifacts" / "MLmodel").is_file()
    store.update_experiment(experiment, lifecycle_stage="deleted")
    report = store.collect_garbage(ALL)
    assert (report.experiments, report.models, report.problems) == (1, 2, ())
    assert not place.exists()
    assert rows(store) == 0


def test_files_that_cannot_be_removed_keep_their_rows(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    model_id = log_model(store)
    store.delete_logged_model(model_id)

    def refuse(_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("mltrack.store.local_artifacts.LocalFolder.delete", refuse)
    report = store.collect_garbage(ALL)
    assert report.models == 0
    assert model_id in report.problems[0]
    monkeypatch.undo()
    assert store.collect_garbage(ALL).models == 1


def test_a_linked_file_outlives_the_model_it_was_first_of(store: SqliteStore) -> None:
    first = log_model(store)
    record = store.logged_model_records(first)["model/weights.bin"]
    stored = store.find_stored_file("0", record)
    assert stored is not None
    second = log_model(store)
    store.logged_model_folder(second).put_linked(safe_path("again.bin"), stored)
    store.delete_logged_model(first)
    store.collect_garbage(ALL)
    assert folder(store, second).joinpath("artifacts", "again.bin").read_bytes() == FILES["model/weights.bin"]
