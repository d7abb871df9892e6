"""Starting the processes of these tests, and reading what they left: the store, and the side files beside it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from mltrack.store.connection import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.core.postgres_server import Cluster

FOLDER = Path(__file__).parent
Process = subprocess.Popen[str]
SECONDS = 180.0
"""So long one waits for what happens at once where the machine is not busy."""


def new_chance() -> random.Random:
    """Give a source of chance of its own, and print its seed, so that a failure can be run again."""
    seed = int.from_bytes(os.urandom(3))
    print(f"seed {seed}")
    return random.Random(seed)


def start(script: str, what: str, store: Path, *arguments: object) -> Process:
    """Start a task of one of this folder's scripts in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLTRACK_")}
    inherited["MLTRACK_DATA_DIR"] = str(store.parent / "user")
    return subprocess.Popen(
        [sys.executable, str(FOLDER / script), what, str(store), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=store.parent,
        env=inherited,
    )


def finish(process: Process, *, seconds: float = SECONDS) -> tuple[int, str, str]:
    """Wait for a process's end; gives (exit code, stdout, stderr). One that hangs is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, err = process.communicate()
        raise AssertionError(f"a process hung for {seconds} s:\n{err}") from None
    return process.returncode, out, err


def succeed(process: Process, *, seconds: float = SECONDS) -> str:
    """Wait for a process that must end well and silently; gives what it printed."""
    code, out, err = finish(process, seconds=seconds)
    assert (code, err) == (0, ""), err
    return out


def kill(process: Process) -> None:
    """Kill a process as the kernel's out-of-memory killer does, and wait until it is gone."""
    process.kill()
    process.communicate()


def wait_for(condition: Callable[[], Any], *, seconds: float = SECONDS) -> None:
    """Wait until a condition holds; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def are_gone(processes: Iterable[psutil.Process]) -> bool:
    """Tell whether of these processes none lives."""
    return not any(map(_lives, processes))


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it went between the two questions
        return False


def kill_cluster(cluster: Cluster) -> None:
    """Kill a PostgreSQL and wait until all of it is gone: none starts while one of its processes has the memory."""
    cluster.kill()
    wait_for(lambda: not any(_works_in(each, str(cluster.data.resolve())) for each in psutil.process_iter()))


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return bool(process.cwd() == folder)
    except psutil.Error:  # it is gone, or not ours
        return False


def lines(side: Path) -> list[str]:
    """Give the complete lines of a side file, or none when it is not there yet."""
    return side.read_text().split("\n")[:-1] if side.exists() else []


def query(store: Path, text: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the file itself, beside mltrack."""
    with closing(open_file(store, read_only=True)) as connection:
        return connection.execute(text, values).fetchall()


def steps_of(store: Path, run_id: str) -> list[int]:
    """Give the steps of every point of a run."""
    found = query(
        store, "SELECT m.step FROM metrics m JOIN runs r ON r.id = m.run_id WHERE r.uuid = ? ORDER BY 1", run_id
    )
    return [row[0] for row in found]


def status_of(store: Path, run_id: str) -> str:
    """Give a run's status as the file has it, without any reader's sweep."""
    return str(query(store, "SELECT status FROM runs WHERE uuid = ?", run_id)[0][0])


def is_sound(store: Path) -> bool:
    """Say whether SQLite finds nothing wrong with the file."""
    return query(store, "PRAGMA integrity_check") == [("ok",)]
