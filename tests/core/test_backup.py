"""Copying a store in use: whole, of one moment, never over something."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MltrackError, StoreError
from mltrack.store import backup as module
from mltrack.store.backup import back_up
from mltrack.store.compaction import compact
from mltrack.store.connection import open_file
from mltrack.store.integrity import check_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

WRITER = """
import sys
import time
import mltrack
from mltrack.store import connection, opening
connection.BUSY_SECONDS = opening.BUSY_SECONDS = 300  # one that holds the lock may stand still for a while
client = mltrack.MltrackClient(sys.argv[1])
run_id = client.create_run("0", run_name="writer").info.run_id
print(run_id, flush=True)
step = 0
while True:
    client.log_metric(run_id, "m", step, step=step)
    client.log_param(run_id, f"p{step}", step)
    step += 1
    time.sleep(0.0005)  # SQLite's waiting is not fair: without a pause the other may get no turn for seconds
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a run, whose last points are only in the write-ahead log."""
    place = tmp_path / "mltrack.db"
    client = mltrack.MltrackClient(str(place))
    run_id = client.create_run("0", run_name="kept").info.run_id
    for step in range(100):
        client.log_metric(run_id, "m", step, step=step)
    return place


def leftovers(folder: Path) -> list[str]:
    return [found.name for found in folder.iterdir() if "unfinished" in found.name]


def test_a_copy_is_the_store(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    made = back_up(path, tmp_path / "copy.db")
    assert (made.runs, made.file_bytes) == (1, (tmp_path / "copy.db").stat().st_size)
    assert check_store(tmp_path / "copy.db").good
    client = mltrack.MltrackClient(str(tmp_path / "copy.db"))
    run = client.search_runs(["0"])[0]
    assert run == mltrack.MltrackClient(str(path)).search_runs(["0"])[0]
    assert len(client.get_metric_history(run.info.run_id, "m")) == 100
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o640
    assert leftovers(tmp_path) == []


def test_a_plain_copy_would_lack_what_is_in_the_log(path: Path, tmp_path: Path) -> None:
    """The reason for the command: without it, the log's part is left out without a word."""
    client = mltrack.MltrackClient(str(path))
    client.log_metric(client.search_runs(["0"])[0].info.run_id, "late", 1)
    (tmp_path / "plain.db").write_bytes(path.read_bytes())
    plain, whole = tmp_path / "plain.db", tmp_path / "whole.db"
    back_up(path, whole)
    assert check_store(whole).counts["metrics"] == 101
    assert check_store(plain).counts.get("metrics", 0) < 101


def test_nothing_is_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.db"
    target.write_text("mine")
    (tmp_path / "dangling.db").symlink_to(tmp_path / "nowhere")
    for taken in (target, path, tmp_path, tmp_path / "dangling.db"):
        with pytest.raises(AlreadyExistsError, match="nothing is overwritten"):
            back_up(path, taken)
    assert target.read_text() == "mine"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("links", [True, False])
def test_not_even_what_came_meanwhile(path: Path, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "there.db"
    copy = module._copy

    def and_then_another_comes(*arguments: Path) -> int:
        runs = copy(*arguments)
        target.write_text("mine")
        return runs

    def refuse(*_: object) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(module, "_copy", and_then_another_comes)
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(AlreadyExistsError):
        back_up(path, target)
    assert target.read_text() == "mine"
    assert leftovers(tmp_path) == []


def test_a_file_system_without_links(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", refuse)
    back_up(path, tmp_path / "copy.db")
    assert check_store(tmp_path / "copy.db").good
    assert leftovers(tmp_path) == []


def test_what_cannot_be_copied(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="make it first"):
        back_up(path, tmp_path / "no folder" / "copy.db")
    (tmp_path / "empty.db").write_text("")
    (tmp_path / "text.db").write_text("no database, but long enough to be looked at: " * 10)
    for bad in ("empty.db", "text.db"):
        with pytest.raises(StoreError):
            back_up(tmp_path / bad, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_damaged_store_gives_no_copy(path: Path, tmp_path: Path) -> None:
    connection = open_file(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'params'").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreError, match="damaged"):
        back_up(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
    assert leftovers(tmp_path) == []


@pytest.fixture
def writers(path: Path) -> Iterator[list[str]]:
    """Two processes that write to the store as fast as they can; the ids of their runs."""
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    yield [str(each.stdout and each.stdout.readline()).strip() for each in started]
    for each in started:
        each.kill()
        each.communicate()


def check_copies(path: Path, runs: list[str], copies: int) -> None:
    last = dict.fromkeys(runs, -1)
    deadline = time.monotonic() + 60  # for writers that the machine gives no turn
    for number in count():
        if number >= copies and (min(last.values()) > 0 or time.monotonic() > deadline):
            break
        target = path.with_name(f"copy{number}.db")
        back_up(path, target)
        assert check_store(target).good
        client = mltrack.MltrackClient(str(target))
        for run_id in runs:
            steps = [point.step for point in client.get_metric_history(run_id, "m")]
            params = client.get_run(run_id).data.params
            assert steps == list(range(len(steps))), "a prefix of what was written"
            assert len(steps) - len(params) in (0, 1), "of one moment: the param comes right after its point"
            assert len(steps) - 1 >= last[run_id]
            last[run_id] = len(steps) - 1
        client._store.close()  # type: ignore[attr-defined]
        target.unlink()
        time.sleep(0.01)
    assert all(step > 0 for step in last.values())


def test_copies_under_load_are_prefixes(path: Path, writers: list[str]) -> None:
    time.sleep(0.3)
    check_copies(path, writers, 8)


@pytest.mark.slow
def test_a_hundred_copies_under_load_are_prefixes(path: Path, writers: list[str]) -> None:
    time.sleep(0.3)
    check_copies(path, writers, 100)


def test_writers_go_on_while_a_copy_is_made(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No copy is done before there was a write, which waits for no lock."""
    monkeypatch.setattr("mltrack.store.connection.BUSY_SECONDS", 0.5)
    client = mltrack.MltrackClient(str(path))
    run_id = client.create_run("0").info.run_id
    check = module._checked
    copies: list[int] = []

    def check_later(*arguments: Any) -> int:
        client.log_metric(run_id, "m", len(copies))
        copies.append(check(*arguments))
        return copies[-1]

    monkeypatch.setattr(module, "_checked", check_later)
    for number in range(5):
        back_up(path, tmp_path / f"{number}.db")
    assert [point.value for point in client.get_metric_history(run_id, "m")] == [0, 1, 2, 3, 4]


def test_compacting_gives_room_back(path: Path) -> None:
    client = mltrack.MltrackClient(str(path))
    run_id = client.create_run("0").info.run_id
    for number in range(50):
        client.log_param(run_id, f"p{number}", "x" * 5000)
    before = client.get_run(client.search_runs(["0"])[1].info.run_id)
    connection = open_file(path)
    connection.execute("DELETE FROM params")
    connection.close()
    done = compact(path)
    assert done.bytes_returned > 200_000
    assert done.bytes_after == path.stat().st_size == done.bytes_before - done.bytes_returned
    assert client.get_run(before.info.run_id) == before
    assert check_store(path).good


def test_a_store_that_is_written_is_not_compacted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack.store.connection.BUSY_SECONDS", 0.05)
    other = open_file(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(MltrackError, match="locked by another process"):
        compact(path)
    other.close()
