"""Kill -9 of a server, its processes, its database and its writers, at random: what was acknowledged is there.

Sixteen writers in processes of their own note what was acknowledged. Afterwards all of it is in the store once, what
killed writers could not send is sent by ``mltrack sync``, and no batch is torn.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest
from tests.core.postgres_server import Cluster
from tests.core.tracking_servers import server_environment, start_server
from tests.faults import server_writers
from tests.faults.processes import are_gone, kill_cluster, lines, new_chance, wait_for

from mltrack.store.open_uri import open_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.core.tracking_servers import RunningServer

pytestmark = pytest.mark.slow
KINDS = (*["by_store"] * 5, *["by_points"] * 3, *["by_batches"] * 5, *["by_metrics"] * 3)
RAW = ("by_batches", "by_metrics")
KILLS = {"sqlite": 68, "postgresql": 32}
PROGRESS = 20  # lines of the writers that need the server, before the next kill
REPOSITORY = Path(__file__).parents[2]


class Writers:
    """Processes that write, each with a file of what was acknowledged."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._environment = {**server_environment(folder), "PYTHONPATH": str(REPOSITORY)}
        self._running: list[tuple[subprocess.Popen[bytes], str, Path]] = []
        self._sides: list[tuple[str, Path]] = []
        for kind in KINDS:
            self._start(kind)

    def _start(self, kind: str) -> None:
        side = self._folder / f"{len(self._sides)}.side"
        self._sides.append((kind, side))
        command = [sys.executable, server_writers.__file__, kind, self._url, str(side)]
        with side.with_suffix(".err").open("wb") as errors:
            process = subprocess.Popen(
                command, stderr=errors, stdin=subprocess.DEVNULL, cwd=self._folder, env=self._environment
            )
        self._running.append((process, kind, side))

    def kill(self, place: int) -> str:
        process, kind, side = self._running.pop(place)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL, side.with_suffix(".err").read_text()
        return kind

    def replace(self, place: int) -> None:
        self._start(self.kill(place))

    def kill_all(self) -> None:
        while self._running:
            self.kill(0)

    def wait_for_progress(self) -> None:
        before = self._raw()
        wait_for(lambda: self._raw() >= before + PROGRESS)

    def _raw(self) -> int:
        return sum(len(lines(side)) for kind, side in self._sides if kind in RAW)

    def notes(self, word: str) -> list[list[str]]:
        return [words[1:] for _, side in self._sides for words in map(str.split, lines(side)) if words[0] == word]


class Scene:
    """A server with two processes, its database, and its writers."""

    kills = 0

    def __init__(self, folder: Path, uri: str, cluster: Cluster | None) -> None:
        self._folder, self._cluster = folder, cluster
        self._options = ("--workers", "2", "-p", str(low_port()), "--backend-store-uri", uri)
        self.server = self._started()
        self.writers = Writers(self.server.url, folder)

    def _started(self) -> RunningServer:
        return start_server(self._folder / "server", *self._options)

    def harms(self) -> dict[str, Callable[[random.Random], None]]:
        found: dict[str, Callable[[random.Random], None]] = {"writer": self._writer}
        found |= {"worker": self._worker, "server": self._server}
        if self._cluster:
            found["database"] = self._database
        return found

    def _writer(self, chance: random.Random) -> None:
        self.writers.replace(chance.randrange(len(KINDS)))

    def _worker(self, chance: random.Random) -> None:
        pid = self.server.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        with suppress(ProcessLookupError, IndexError):
            os.kill(int(chance.choice(workers)), signal.SIGKILL)

    def _server(self, chance: random.Random) -> None:
        workers = psutil.Process(self.server.process.pid).children()
        self.server.kill()
        wait_for(lambda: are_gone(workers))  # which have its port
        time.sleep(chance.uniform(0, 0.3))
        self.server = self._started()

    def _database(self, chance: random.Random) -> None:
        assert self._cluster is not None
        kill_cluster(self._cluster)
        time.sleep(chance.uniform(0, 0.3))
        self._cluster.start()

    def sync(self) -> None:
        """Send what the killed writers left, as a user does."""
        command = [sys.executable, "-m", "mltrack", "sync"]
        environment = server_environment(self._folder)
        done = subprocess.run(
            command, env=environment, cwd=self._folder, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert list((self._folder / "user" / "spool").glob("*.*")) == []


def low_port() -> int:
    """A port that the system gives to nobody while its server is away: writers would talk to themselves."""
    while True:
        port = random.randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    cluster = Cluster(is_sure=True) if request.param == "postgresql" else None
    uri = cluster.uri(cluster.create()) if cluster else f"sqlite:///{tmp_path / 'mltrack.db'}"
    found = Scene(tmp_path, uri, cluster)
    found.kills = int(os.environ.get("SERVER_KILLS", KILLS[request.param]))
    try:
        yield found
        found.writers.kill_all()
    finally:
        found.server.kill()
        if cluster:
            cluster.remove()


def test_what_was_acknowledged_is_there_once(scene: Scene) -> None:
    chance, done, begun = new_chance(), Counter[str](), time.monotonic()
    harms = scene.harms()
    weights = {"writer": 4, "worker": 3, "server": 1.5, "database": 1.5}
    longest = 0.0
    for _ in range(scene.kills):
        waiting = time.monotonic()
        scene.writers.wait_for_progress()
        longest = max(longest, time.monotonic() - waiting)
        time.sleep(chance.random() * 0.1)
        what = chance.choices(list(harms), [weights[each] for each in harms])[0]
        harms[what](chance)
        done[what] += 1
    scene.writers.wait_for_progress()
    scene.writers.kill_all()
    scene.sync()
    scene.server.stop()  # what it still did for the dead is done
    said = {word: scene.writers.notes(word) for word in ("try", "run", "step", "end")}
    print(dict(done), {word: len(each) for word, each in said.items()}, f"{time.monotonic() - begun:.0f} s")
    print(f"waited {longest:.1f} s at most for the writers to go on")
    with closing(cast("Any", open_uri(scene.server.store_uri))) as store:
        check(store, said)


def check(store: Any, said: dict[str, list[list[str]]]) -> None:
    runs = rows(store, "SELECT uuid, name, status FROM runs")
    names = Counter(name for _, name, _ in runs)
    assert set(names.values()) == {1}  # doubled: none
    assert names.keys() <= {name for (name,) in said["try"]}
    assert {(run_id, name) for name, run_id in said["run"]} <= {(run_id, name) for run_id, name, _ in runs}
    states = {run_id: status for run_id, _, status in runs}
    assert {states[run_id] for (run_id,) in said["end"]} <= {"FINISHED"}
    counted = rows(
        store, "SELECT r.uuid, m.step, count(*) FROM metrics m JOIN runs r ON r.id = m.run_id GROUP BY r.uuid, m.step"
    )
    points = {(run_id, step): count for run_id, step, count in counted}
    acknowledged = {(run_id, int(step)) for run_id, step in said["step"]}
    assert {points.get(each, 0) for each in acknowledged} == {server_writers.KEYS}  # lost: none, doubled: none
    assert max(points.values()) == server_writers.KEYS
    check_values(store, points, acknowledged)
    assert len(said["end"]) > 20


def check_values(store: Any, points: dict[tuple[str, int], int], acknowledged: set[tuple[str, int]]) -> None:
    """Batches are whole: each has its points, its param, and its tag, of which the last one counts."""
    query = (
        "SELECT r.uuid, k.name, v.value FROM {} v JOIN runs r ON r.id = v.run_id JOIN text_keys k ON k.id = v.key_id"
    )
    params = {(run_id, int(value)) for run_id, _, value in rows(store, query.format("params"))}
    with_params = {run_id for run_id, _ in params}
    assert params == {each for each in points if each[0] in with_params}  # torn: none
    last = {run_id: int(value) for run_id, key, value in rows(store, query.format("run_tags")) if key == "last"}
    assert last == {run_id: max(step for run, step in params if run == run_id) for run_id in with_params}
    assert {points[each] for each in params} == {server_writers.KEYS}
    assert with_params & {run_id for run_id, _ in acknowledged}


def rows(store: Any, query: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = store._database.read(lambda connection: connection.execute(query).fetchall())
    return found
