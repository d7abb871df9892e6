"""Walking folders without following links, also when one is put there at the last moment."""

from __future__ import annotations

import ctypes
import io
import os
import threading
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, BinaryIO

import pytest

from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.store.artifacts import safe_path
from mltrack.store.directories import NamedDirectory, OpenDirectory, hold, is_abandoned, tree
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack.store.directories import Directory

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
TRIES = 10_000
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # renameat2(2)
kinds = pytest.mark.parametrize("kind", [OpenDirectory, NamedDirectory])


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    (folder / "secret.txt").write_text("secret")
    (folder / "sub" / "secret.txt").write_text("secret")
    return folder


@kinds
def test_links_are_not_followed(tmp_path: Path, outside: Path, kind: type[Directory]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret.txt")
    (root / "dangling").symlink_to(outside / "made")
    folder = LocalFolder(root, kind=kind)
    for text in ("folder/secret.txt", "file", "folder/sub/secret.txt", "dangling"):
        path = safe_path(text)
        with pytest.raises(InvalidParameterError, match="through a link"), folder.open(path):
            pass
        with pytest.raises(InvalidParameterError, match="through a link"):
            folder.put(path, io.BytesIO(b"x"))
    assert folder.entries() == folder.entries(safe_path("folder")) == []
    folder.delete()
    assert not root.exists()
    assert (outside / "secret.txt").read_text() == "secret"
    assert not (outside / "made").exists()


@kinds
def test_a_root_that_is_a_link_is_unlinked_not_emptied(tmp_path: Path, outside: Path, kind: type[Directory]) -> None:
    (tmp_path / "root").symlink_to(outside)
    LocalFolder(tmp_path / "root", kind=kind).delete()
    assert not (tmp_path / "root").is_symlink()
    assert (outside / "secret.txt").exists()


@kinds
def test_pipes_and_devices_are_no_files_and_nobody_waits(tmp_path: Path, kind: type[Directory]) -> None:
    os.mkfifo(tmp_path / "pipe")
    folder = LocalFolder(tmp_path, kind=kind)
    assert folder.entries() == []
    with pytest.raises(NotFoundError), folder.open(safe_path("pipe")):
        pass


def swapping(place: Path, outside: Path, stop: threading.Event) -> threading.Thread:
    """Turn a folder into a link to another one and back, as fast as it goes, with no moment between (Linux)."""
    link = place.with_name("link")
    link.symlink_to(outside)
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        pytest.skip("needs renameat2")
    arguments = (AT_FDCWD, os.fsencode(place), AT_FDCWD, os.fsencode(link), RENAME_EXCHANGE)

    def work() -> None:
        while not stop.is_set():
            assert exchange(*arguments) == 0

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def attempt(folder: LocalFolder, use: Callable[[LocalFolder], object]) -> int:
    """Use the folder often, and until that went well once; give how often it did."""
    done = 0
    deadline = time.monotonic() + 60  # for a link whose thread gets no turn to turn it back
    for number in count():
        if number >= TRIES and (done or time.monotonic() > deadline):
            return done
        with suppress(MltrackError):
            use(folder)
            done += 1
    return done


def check_reading(folder: LocalFolder) -> None:
    with folder.open(safe_path("sub/secret.txt")) as reader:
        assert reader.read() == b"mine"


@pytest.mark.parametrize("verb", ["open", "entries", "put"])
def test_a_folder_that_is_swapped_for_a_link_does_not_lead_out(tmp_path: Path, outside: Path, verb: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "secret.txt").write_text("mine")
    (outside / "outside.txt").write_text("x")
    verbs: dict[str, Callable[[LocalFolder], object]] = {
        "open": check_reading,
        "entries": lambda folder: [
            pytest.fail("led out") for each in folder.entries(safe_path("sub")) if each.path == "sub/outside.txt"
        ],
        "put": lambda folder: folder.put(safe_path("sub/new.txt"), io.BytesIO(b"new")),
    }
    stop = threading.Event()
    thread = swapping(root / "sub", outside, stop)
    try:
        done = attempt(LocalFolder(root, kind=OpenDirectory), verbs[verb])
    finally:
        stop.set()
        thread.join()
    assert done > 0
    assert not (outside / "new.txt").exists()
    assert (outside / "secret.txt").read_text() == "secret"


# Unfinished files


def unfinished(root: Path, name: str) -> BinaryIO:
    root.mkdir(parents=True, exist_ok=True)
    return (root / name).open("xb")


def test_a_sweep_removes_what_no_process_holds(tmp_path: Path) -> None:
    root = tmp_path / "root"
    unfinished(root, ".mltrack-0123456789abcdef").close()
    held = unfinished(root, ".mltrack-fedcba9876543210")
    assert hold(held)
    for name in (".mltrack-other", "kept.txt"):
        (root / name).write_text("x")
    (root / ".mltrack-aaaaaaaaaaaaaaaa").symlink_to(root / "kept.txt")
    LocalFolder(root).sweep()
    expected = [".mltrack-aaaaaaaaaaaaaaaa", ".mltrack-fedcba9876543210", ".mltrack-other", "kept.txt"]
    assert sorted(path.name for path in root.iterdir()) == expected
    held.close()
    LocalFolder(root).sweep()
    assert not (root / ".mltrack-fedcba9876543210").exists()
    LocalFolder(tmp_path / "missing").sweep()


def test_a_file_that_a_sweep_took_is_not_held(tmp_path: Path) -> None:
    handle = unfinished(tmp_path, "a")
    with (tmp_path / "a").open("rb") as other:
        assert is_abandoned(other)
        assert not hold(handle)
        (tmp_path / "a").unlink()
    assert not hold(handle)
    handle.close()


def test_a_tree_names_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    (tmp_path / "linked").symlink_to("/etc")
    (tmp_path / "link").symlink_to("b")
    os.mkfifo(tmp_path / "d" / "pipe")
    found = [("b", True), ("link", False), ("linked", False), ("d/a", True), ("d/pipe", False)]
    assert list(tree(tmp_path)) == found
