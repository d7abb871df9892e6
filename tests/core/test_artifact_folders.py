"""Folders of artifacts, the same for every kind of place: local, by descriptor and by name, in memory and in S3."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.s3_server import BUCKET, client, objects
from tests.core.test_artifact_paths import PLAIN

from mltrack.exceptions import ArtifactChangedError, InvalidParameterError, NotFoundError
from mltrack.store.artifact_folder import FileRecord, files_in, read_whole, verify
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import is_remote, safe_path
from mltrack.store.directories import NamedDirectory, OpenDirectory
from mltrack.store.local_artifacts import LocalFolder
from mltrack.store.remote_artifacts import PART

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.artifact_folder import ArtifactFolder

KINDS = ("by descriptor", "by name", "memory", "s3")


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, make_place: Callable[[str], str]) -> ArtifactFolder:
    if request.param.startswith("by"):
        kind = OpenDirectory if request.param == "by descriptor" else NamedDirectory
        return LocalFolder(Path(make_place("local"), "run", "artifacts"), kind=kind)
    return open_folder(f"{make_place(request.param)}/run/artifacts")


def put(folder: ArtifactFolder, path: str, content: bytes = b"x") -> FileRecord:
    return folder.put(safe_path(path), io.BytesIO(content))


def put_behind(folder: ArtifactFolder, path: str, content: bytes = b"x") -> None:
    """Write as another tool would, with no check of ours."""
    if is_remote(folder.uri):
        fsspec.filesystem(folder.uri.partition(":")[0]).pipe_file(f"{folder.uri}/{path}", content)
        return
    target = Path(folder.uri) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def names(folder: ArtifactFolder, path: str | None = None) -> list[tuple[str, bool, int | None]]:
    return [(e.path, e.is_dir, e.file_size) for e in folder.entries(safe_path(path) if path else None)]


@pytest.mark.parametrize("size", [0, 1, 70_000, PART - 1, PART, 2 * PART + 5], ids=str)
def test_what_is_put_comes_back(folder: ArtifactFolder, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    seen: list[int] = []
    record = folder.put(safe_path("d/a.bin"), io.BytesIO(content), watch=seen.append)
    assert record == (size, hashlib.sha256(content).hexdigest())
    assert sum(seen) == size
    assert read_whole(folder, safe_path("d/a.bin"), record) == content


def test_a_stream_may_give_less_than_was_asked_for(folder: ArtifactFolder) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    record = folder.put(safe_path("a"), Slow(bytes(5000)))
    assert record.size == 5000
    assert names(folder) == [("a", False, 5000)]


def test_one_level_is_listed(folder: ArtifactFolder) -> None:
    assert names(folder) == []
    for path in ("b.txt", "a/c.txt", "a/d/e.txt", "a.txt"):
        put(folder, path)
    assert sorted(names(folder)) == [("a", True, None), ("a.txt", False, 1), ("b.txt", False, 1)]
    assert names(folder, "a") == [("a/c.txt", False, 1), ("a/d", True, None)]
    assert names(folder, "b.txt") == names(folder, "missing") == names(folder, "b.txt/x") == names(folder, "a/c") == []
    assert sorted(each.path for each in files_in(folder)) == ["a.txt", "a/c.txt", "a/d/e.txt", "b.txt"]


def test_what_other_tools_left_is_listed_too(folder: ArtifactFolder) -> None:
    put_behind(folder, "deep/er/file.bin", b"abc")
    assert [(each.path, each.file_size) for each in files_in(folder)] == [("deep/er/file.bin", 3)]
    assert read_whole(folder, safe_path("deep/er/file.bin")) == b"abc"


def test_names_that_no_artifact_may_have_are_not_listed(folder: ArtifactFolder) -> None:
    hostile = ["a\\..\\b", "con.txt", "trailing.", ".mltrack-0123456789abcdef"]
    for path in [*hostile, "fine.txt"]:
        put_behind(folder, path)
    assert names(folder) == [("fine.txt", False, 1)]


def test_keys_that_climb_are_not_listed(make_place: Callable[[str], str]) -> None:
    folder = open_folder(f"{make_place('s3')}/run/artifacts")
    root = folder.uri.removeprefix(f"s3://{BUCKET}/")
    for key in ("../up.txt", "d/../../up.txt", "d//x", "d/", "ok/a.txt"):
        client().put_object(Bucket=BUCKET, Key=f"{root}/{key}", Body=b"x")
    assert [each.path for each in files_in(folder)] == ["ok/a.txt"]
    folder.delete()
    assert objects(root) == {}


@pytest.mark.parametrize("path", [*PLAIN, "a*b", "a?b", "[ab]", "aa::b"])
def test_odd_names_are_names(folder: ArtifactFolder, path: str) -> None:
    put(folder, path, b"1")
    put(folder, "aXb/other.txt", b"2")
    assert read_whole(folder, safe_path(path)) == b"1"
    assert sorted(each.path for each in files_in(folder)) == sorted([path, "aXb/other.txt"])


def test_names_that_differ_in_case_or_form_are_different_files(folder: ArtifactFolder) -> None:
    twins = {"Model": b"1", "model": b"2", "gr\u00f6\u00dfe": b"3", "gro\u0308\u00dfe": b"4"}
    for path, content in twins.items():
        put(folder, path, content)
    assert {each.path: read_whole(folder, safe_path(each.path)) for each in folder.entries()} == twins


def test_a_file_is_replaced_whole(folder: ArtifactFolder) -> None:
    put(folder, "a", b"first, and long")
    put(folder, "a", b"second")
    assert read_whole(folder, safe_path("a")) == b"second"
    assert names(folder) == [("a", False, 6)]


@pytest.mark.parametrize("folder", [kind for kind in KINDS if kind != "s3"], indirect=True)
def test_a_file_is_no_folder(folder: ArtifactFolder) -> None:
    put(folder, "a/b")
    put(folder, "c")
    for path in ("a", "c/d"):
        with pytest.raises(InvalidParameterError, match="already"):
            put(folder, path)
    assert [each.path for each in files_in(folder)] == ["a/b", "c"]


@pytest.mark.parametrize("size", [100, 3 * PART])
def test_a_source_that_breaks_leaves_what_was_there(folder: ArtifactFolder, size: int) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > size_to_break:
                raise KeyboardInterrupt
            return super().read(size)

    size_to_break = size // 2
    put(folder, "a", b"before")
    with pytest.raises(KeyboardInterrupt):
        folder.put(safe_path("a"), Breaking(bytes(size)))
    assert read_whole(folder, safe_path("a")) == b"before"
    assert names(folder) == [("a", False, 6)]


@pytest.mark.parametrize("path", ["missing", "d", "d/missing", "a/b"])
def test_what_is_no_file_cannot_be_read(folder: ArtifactFolder, path: str) -> None:
    put(folder, "a")
    put(folder, "d/e")
    with pytest.raises(NotFoundError), folder.open(safe_path(path)) as reader:
        reader.read()


@pytest.mark.parametrize("changed", [b"hellO", b"hello!", b""])
def test_bytes_that_changed_are_an_error(folder: ArtifactFolder, changed: bytes) -> None:
    path, record = safe_path("a"), put(folder, "a", b"hello")
    verify(folder, path, record)
    put_behind(folder, "a", changed)
    for read in (lambda: read_whole(folder, path, record), lambda: verify(folder, path, record)):
        with pytest.raises(ArtifactChangedError, match="has changed since it was logged"):
            read()


@pytest.mark.parametrize("size", [10, PART + 1])
def test_what_is_not_as_expected_is_not_kept(folder: ArtifactFolder, size: int) -> None:
    with pytest.raises(ArtifactChangedError):
        folder.put(safe_path("a"), io.BytesIO(bytes(size)), expected=FileRecord(size, "0" * 64))
    assert names(folder) == []


def test_a_tree_is_deleted_and_nothing_beside_it(folder: ArtifactFolder) -> None:
    beside = open_folder(folder.uri.removesuffix("/artifacts"))
    put(beside, "artifacts2/kept.txt")
    put(beside, "[ab]rtifacts/kept.txt")
    for path in ("a", "d/e/f", "[ab]*"):
        put(folder, path)
    folder.delete()
    assert names(folder) == []
    assert sorted(each.path for each in files_in(beside)) == ["[ab]rtifacts/kept.txt", "artifacts2/kept.txt"]
    folder.delete()  # what is not there is no error


def test_nothing_is_left_of_a_run(make_place: Callable[[str], str]) -> None:
    place = Path(make_place("local"))
    folder = LocalFolder(place / "run" / "artifacts")
    put(folder, "d/a")
    folder.delete()
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("uri", ["/", "/tmp", "memory://tests", "memory://tests/run", "s3://bucket", "s3://bucket/x"])
def test_too_much_is_not_deleted(uri: str) -> None:
    with pytest.raises(InvalidParameterError, match="too much"):
        open_folder(uri).delete()


NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=60)
@given(st.dictionaries(st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=50), max_size=5))
def test_any_names_that_are_taken_come_back(files: dict[str, bytes]) -> None:
    folder = open_folder(f"memory://tests/{id(files)}/artifacts")
    kept = {}
    for text, content in files.items():
        try:
            folder.put(safe_path(text), io.BytesIO(content))
        except InvalidParameterError:  # not for an artifact, or a file where a folder is, or the other way round
            continue
        kept[text] = content
    assert {each.path: read_whole(folder, safe_path(each.path)) for each in files_in(folder)} == kept
    folder.delete()
