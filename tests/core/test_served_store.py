"""What a store does for a server in front of it: where files of experiments go, and forgetting those that are gone."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from mltrack.exceptions import NotFoundError
from mltrack.store.artifact_folder import FileRecord, files_in, read_whole
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel
from mltrack.store.protocol import NewRun

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.store.artifact_folder import ServedFolder
    from mltrack.store.artifacts import SafePath
    from mltrack.store.sqlite import SqliteStore

NAMES = ("a", "a/b.txt", "a/c/d.txt", "a0", "a.txt", "%", "a%")


def test_files_that_are_gone_are_forgotten(store: SqliteStore) -> None:
    run = store.create_run(NewRun("0", "run", 1)).run_id
    model = store.create_logged_model(NewLoggedModel("0", "model")).model_id
    files = {safe_path(name): FileRecord(1, "d") for name in NAMES}
    store.record_artifacts(run, files)
    store.record_logged_model_files(model, files)
    for gone, left in (
        ("a", {"a0", "a.txt", "%", "a%"}),
        ("%", {"a0", "a.txt", "a%"}),
        ("never", {"a0", "a.txt", "a%"}),
    ):
        store.forget_artifacts(run, safe_path(gone))
        store.forget_logged_model_files(model, safe_path(gone))
        assert set(store.artifact_records(run)) == set(store.logged_model_records(model)) == left


def test_new_and_empty_experiments_go_below_a_root(store: SqliteStore, tmp_path: Path) -> None:
    used, empty, modelled = (store.create_experiment(name) for name in ("used", "empty", "modelled"))
    own = store.create_experiment("own", artifact_location=str(tmp_path / "own"))
    store.create_run(NewRun(used, "run", 1))
    store.create_logged_model(NewLoggedModel(modelled, "model"))
    before = {each: store.get_experiment(each).artifact_location for each in (used, modelled, own)}
    root = str(tmp_path / "root")
    for _ in range(2):
        store.keep_artifacts_at(root)
    new = store.create_experiment("new")
    assert [store.get_experiment(each).artifact_location for each in ("0", empty, new)] == [
        f"{root}/{each}" for each in ("0", empty, new)
    ]
    assert {each: store.get_experiment(each).artifact_location for each in before} == before


@pytest.mark.slow
def test_a_file_or_a_folder_is_removed(place: str) -> None:
    folder = open_folder(f"{place}/run/artifacts")
    for name in ("a/b.txt", "a/c/d.txt", "a0", "a.txt", "*"):
        folder.put(safe_path(name), BytesIO(b"x"))
    for gone, left in (
        ("a/c", {"a/b.txt", "a0", "a.txt", "*"}),
        ("*", {"a/b.txt", "a0", "a.txt"}),
        ("a", {"a0", "a.txt"}),
    ):
        folder.remove(safe_path(gone))
        assert {each.path for each in files_in(folder)} == left
    for missing in ("a", "a/b.txt", "never/there", "a0/x"):
        with pytest.raises(NotFoundError):
            folder.remove(safe_path(missing))


def break_off(folder: ServedFolder, path: SafePath) -> None:
    with folder.receive(path) as incoming:
        incoming.write(b"three")
        raise KeyError


@pytest.mark.slow
def test_what_is_written_piece_by_piece_is_there_whole_or_not_at_all(place: str) -> None:
    folder = open_folder(f"{place}/run/artifacts")
    path = safe_path("a/b.txt")
    with folder.receive(path) as incoming:
        for piece in (b"one ", b"", b"two"):
            incoming.write(piece)
        assert not [*files_in(folder)]
    assert (incoming.record, read_whole(folder, path)) == (FileRecord.of(b"one two"), b"one two")
    with pytest.raises(KeyError):
        break_off(folder, path)
    assert read_whole(folder, path) == b"one two"
    assert [each.path for each in files_in(folder)] == ["a/b.txt"]
