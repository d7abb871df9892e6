"""Files of logged models that are stored once: found by what they hold, linked, and never trusted unread."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.core.logged import log_model

from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, NotFoundError
from mltrack.store.artifact_folder import FileRecord, StoredFile, read_whole
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import safe_path
from mltrack.store.directories import DIRECTORY, NamedDirectory
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.sqlite import SqliteStore

CONTENT = b"weights" * 1000
KINDS = {each.__name__: each for each in (DIRECTORY, NamedDirectory)}


@pytest.fixture(params=KINDS)
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[LocalFolder, LocalFolder]:
    kind = KINDS[request.param]
    return LocalFolder(tmp_path / "a" / "artifacts", kind=kind), LocalFolder(tmp_path / "b" / "artifacts", kind=kind)


def stored(folder: LocalFolder, path: str = "model/w.bin") -> StoredFile:
    record = folder.put(safe_path(path), io.BytesIO(CONTENT))
    return StoredFile(folder, safe_path(path), record)


def inode(folder: LocalFolder, path: str) -> int:
    return os.stat(folder.local_path(safe_path(path)) or "").st_ino


def test_a_link_is_the_same_file(folders: tuple[LocalFolder, LocalFolder]) -> None:
    source, target = folders
    file = stored(source)
    for _ in range(2):  # the second time it is there already
        assert target.put_linked(safe_path("x/y.bin"), file) == file.record
        assert inode(target, "x/y.bin") == inode(source, "model/w.bin")
    assert [each.path for each in target.entries()] == ["x"]
    assert os.listdir(target.uri) == ["x"]  # nothing unfinished is left
    source.delete()
    assert read_whole(target, safe_path("x/y.bin"), file.record) == CONTENT


def test_a_link_takes_the_place_of_another_file(folders: tuple[LocalFolder, LocalFolder]) -> None:
    source, target = folders
    target.put(safe_path("y.bin"), io.BytesIO(b"old"))
    target.put_linked(safe_path("y.bin"), stored(source))
    assert read_whole(target, safe_path("y.bin")) == CONTENT


def test_writing_over_one_of_two_leaves_the_other(folders: tuple[LocalFolder, LocalFolder]) -> None:
    source, target = folders
    target.put_linked(safe_path("y.bin"), stored(source))
    target.put(safe_path("y.bin"), io.BytesIO(b"new"))
    assert read_whole(source, safe_path("model/w.bin")) == CONTENT


def test_where_links_cannot_be_made_it_is_a_copy(
    folders: tuple[LocalFolder, LocalFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = folders

    def refuse(*_: object) -> None:
        raise OSError("links are not for this file system")

    monkeypatch.setattr(target._kind, "link", refuse)
    file = stored(source)
    assert target.put_linked(safe_path("y.bin"), file) == file.record
    assert inode(target, "y.bin") != inode(source, "model/w.bin")
    assert read_whole(target, safe_path("y.bin")) == CONTENT


@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_between_places_it_is_a_copy(make_place: Callable[[str], str], kind: str, tmp_path: Path) -> None:
    far, near = open_folder(make_place(kind)), LocalFolder(tmp_path / "near")
    file = stored(near)
    assert far.put_linked(safe_path("x.bin"), file) == file.record
    back = StoredFile(far, safe_path("x.bin"), file.record)
    assert near.put_linked(safe_path("back.bin"), back) == file.record
    assert read_whole(near, safe_path("back.bin")) == CONTENT


def changed(source: LocalFolder) -> None:
    (source.local_path(safe_path("model/w.bin")) or Path()).write_bytes(b"poison!" * 1000)


def gone(source: LocalFolder) -> None:
    (source.local_path(safe_path("model/w.bin")) or Path()).unlink()


def swapped_for_a_link(source: LocalFolder) -> None:
    place = source.local_path(safe_path("model/w.bin")) or Path()
    (place.parent.parent / "other").write_bytes(CONTENT)
    place.unlink()
    place.symlink_to(place.parent.parent / "other")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [(changed, ArtifactChangedError), (gone, NotFoundError), (swapped_for_a_link, InvalidParameterError)],
)
def test_what_is_no_longer_the_file_is_not_linked(
    folders: tuple[LocalFolder, LocalFolder], spoil: Callable[[LocalFolder], None], error: type[Exception]
) -> None:
    source, target = folders
    file = stored(source)
    spoil(source)
    with pytest.raises(error):
        target.put_linked(safe_path("y.bin"), file)
    assert not Path(target.uri, "y.bin").exists()
    assert not [name for name in os.listdir(target.uri) if name.startswith(".mltrack-")]


def test_a_link_does_not_lead_out_of_the_folder(folders: tuple[LocalFolder, LocalFolder], tmp_path: Path) -> None:
    source, target = folders
    (tmp_path / "outside").mkdir()
    Path(target.uri).mkdir(parents=True)
    Path(target.uri, "x").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidParameterError, match="link"):
        target.put_linked(safe_path("x/y.bin"), stored(source))
    assert not list((tmp_path / "outside").iterdir())


def test_the_store_finds_an_equal_file_of_the_same_experiment(store: SqliteStore) -> None:
    other = store.create_experiment("other")
    first, second = log_model(store), log_model(store)
    records = store.logged_model_records(first)
    weights = records["model/weights.bin"]
    found = store.find_stored_file("0", weights)
    assert found is not None
    assert (found.folder.uri, found.path.text) == (store.logged_model_folder(second).uri, "model/weights.bin")
    assert store.find_stored_file(other, weights) is None
    assert store.find_stored_file("0", FileRecord(weights.size + 1, weights.digest)) is None
    assert store.find_stored_file("0", FileRecord(weights.size, "0" * 64)) is None
    for model_id in (first, second):
        store.delete_logged_model(model_id)
    assert store.find_stored_file("0", weights) is None
