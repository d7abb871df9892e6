"""Killing PostgreSQL and those who write to it, at random: what was acknowledged is there, and once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.postgres_server import Cluster
from tests.faults import postgres_writers
from tests.faults.processes import are_gone, kill_cluster, lines, new_chance, wait_for

from mltrack.store.pages import Search
from mltrack.store.postgres.checking import check_database
from mltrack.store.postgres.store import PostgresStore

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
WRITERS = 4
ROUNDS = int(os.environ.get("KILL_ROUNDS", "9"))


class Writers:
    """Processes that write, each with a file of what was acknowledged."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._uri, self._folder = uri, folder
        self.sides: list[Path] = []
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self) -> None:
        side = self._folder / f"{len(self.sides)}.txt"
        self.sides.append(side)
        command = [sys.executable, postgres_writers.__file__, self._uri, str(side)]
        with side.with_suffix(".err").open("wb") as errors:
            process = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL, cwd=self._folder)
        self._running.append((process, side))
        wait_for(lambda: lines(side))

    def kill(self, place: int) -> None:
        process, side = self._running.pop(place)
        process.kill()
        process.wait(60)
        assert side.with_suffix(".err").read_text() == ""

    def kill_all(self) -> None:
        while self._running:
            self.kill(0)

    def count(self, *words: str) -> int:
        """Count the lines of some kinds; of all that the store has acknowledged, if none is named."""
        kinds = words or ("run", "step", "end", "version")
        return sum(line.split()[0] in kinds for side in self.sides for line in lines(side))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    found = Cluster(is_sure=True, options=("max_wal_size=64MB", "restart_after_crash=on"))
    yield found
    found.remove()


def backends(cluster: Cluster) -> list[psutil.Process]:
    with suppress(Exception), cluster.connect() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mltrack'"
        return [psutil.Process(int(str(row[0]))) for row in connection.execute(query)]
    return []


def harm(cluster: Cluster, writers: Writers, chance: random.Random) -> str:
    """Do one of the things that happen."""
    what = chance.choice(["writer", "server", "backend", "sessions", "stop"])
    if what == "writer":
        writers.kill(chance.randrange(WRITERS))
        writers.start()
    elif what == "server":
        kill_cluster(cluster)
        cluster.start()
    elif what == "backend":  # the server ends all others and recovers
        with suppress(psutil.NoSuchProcess, IndexError):
            session = chance.choice(backends(cluster))
            session.kill()
            wait_for(lambda: are_gone([session]))  # by then it knows
    elif what == "sessions":
        for session in backends(cluster):
            with suppress(psutil.NoSuchProcess):
                session.terminate()
    else:
        cluster.stop(chance.choice([signal.SIGINT, signal.SIGQUIT]))
        cluster.start()
    return what


def test_what_was_acknowledged_is_there_once(cluster: Cluster, tmp_path: Path) -> None:
    chance = new_chance()
    uri = cluster.uri(cluster.create())
    store = PostgresStore(uri, artifact_root="/nonexistent/mlartifacts")
    store.create_registered_model("shared")
    writers = Writers(uri, tmp_path)
    for _ in range(WRITERS):
        writers.start()
    done = []
    for _ in range(ROUNDS):
        before = writers.count()
        wait_for(lambda before=before: writers.count() > before + 40)  # type: ignore[misc]
        time.sleep(chance.random() * 0.2)
        done.append(harm(cluster, writers, chance))
    before = writers.count()
    print(Counter(done), before, "lines")
    wait_for(lambda: writers.count() > before + 40 and writers.count("end") > 20)  # all goes on
    writers.kill_all()
    assert check_database(uri).good
    check(store, [line.split() for side in writers.sides for line in lines(side)])
    store.close()


def check(store: PostgresStore, notes: list[list[str]]) -> None:
    said = {
        kind: [words[1:] for words in notes if words[0] == kind] for kind in ("try", "run", "step", "end", "version")
    }
    found = store._database.read(
        lambda connection: connection.execute("SELECT uuid, name, status FROM runs").fetchall()
    )
    names = Counter(row[1] for row in found)
    tried = {words[0] for words in said["try"]}
    assert set(names.values()) <= {1}  # doubled: none
    assert set(names) <= tried
    states = {row[0]: row[2] for row in found}
    assert {words[0] for words in said["run"]} <= states.keys()  # lost: none
    assert {states[words[0]] for words in said["end"]} <= {"FINISHED"}
    query = "SELECT r.uuid, m.timestamp FROM metrics m JOIN runs r ON r.id = m.run_id"
    points = Counter(store._database.read(lambda connection: connection.execute(query).fetchall()))
    assert {(run_id, int(step)) for run_id, step in said["step"]} <= {
        key for key, count in points.items() if count == 2
    }
    for (run_id,) in said["end"]:
        data = store.get_run(run_id).data
        assert len(data.params) == postgres_writers.POINTS
        assert data.metrics["loss"] == 1.0 / postgres_writers.POINTS
        assert data.tags["step"] == str(postgres_writers.POINTS - 1)
    versions = store.search_model_versions(Search(max_results=100_000)).rows
    kept = {each.description: each.version for each in versions}
    assert len(kept) == len(versions) == len({each.version for each in versions})  # doubled: none
    assert dict(said["version"]).items() <= kept.items()  # lost: none
    assert {f"version-{run_id}" for run_id in kept} <= tried
    assert len(said["end"]) > 20
