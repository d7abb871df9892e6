"""Two servers before one PostgreSQL database: when one is killed, the writers go on with the other."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.core.postgres_server import Cluster
from tests.core.tracking_servers import start_server
from tests.faults.processes import new_chance, wait_for

from mltrack.store.postgres.checking import check_database
from mltrack.store.postgres.store import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.tracking_servers import RunningServer

pytestmark = pytest.mark.slow
WRITERS, KILLS = 16, 3


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    found = Cluster(is_sure=True)
    yield found
    found.remove()


class Writer(threading.Thread):
    """Logs to a run of its own by one server, and by the other when that is gone; notes what was acknowledged."""

    def __init__(self, number: int, servers: list[RunningServer]) -> None:
        super().__init__(daemon=True)
        self.run_id = uuid4().hex
        self.acknowledged: list[int] = []
        self.is_over = False
        self.fault: BaseException | None = None
        self._servers, self._number = servers, number

    def run(self) -> None:
        try:
            self._ask("runs/create", experiment_id="0", run_name=f"w{self._number}", start_time=1, run_id=self.run_id)
            step = 0
            while not self.is_over:
                metrics = [{"key": f"m{place}", "value": step, "timestamp": step, "step": step} for place in range(5)]
                params = [{"key": f"p{step}", "value": str(step)}]
                self._ask("runs/log-batch", run_id=self.run_id, metrics=metrics, params=params)
                self.acknowledged.append(step)
                step += 1
            self._ask("runs/update", run_id=self.run_id, status="FINISHED", end_time=2)
        except BaseException as error:
            self.fault = error

    def _ask(self, path: str, **fields: Any) -> None:
        """Ask until one of the servers has said that it is done."""
        deadline = time.monotonic() + 300
        while True:
            server = self._servers[self._number % len(self._servers)]
            with suppress(OSError, http.client.HTTPException):
                answer = server.ask("POST", f"/api/2.0/mlflow/{path}", fields)
                if answer.status == 200:
                    return
                assert answer.status in (429, 503), answer
            assert time.monotonic() < deadline, "no server has answered for five minutes"
            self._number += 1
            time.sleep(0.02)


def test_writers_lose_nothing_when_one_of_two_servers_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    chance = new_chance()
    uri = cluster.uri(cluster.create())
    store = PostgresStore(uri, artifact_root=str(tmp_path / "mlartifacts"))
    servers = [start_server(tmp_path / f"server{number}", "--backend-store-uri", uri) for number in range(2)]
    writers = [Writer(number, servers) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in range(KILLS):
        before = sum(len(writer.acknowledged) for writer in writers)
        wait_for(lambda before=before: sum(len(writer.acknowledged) for writer in writers) > before + 150)  # type: ignore[misc]
        number = chance.randrange(2)
        servers[number].kill()
        servers[number] = start_server(tmp_path / f"server{number}", "--backend-store-uri", uri)
    for writer in writers:
        writer.is_over = True
    for writer in writers:
        writer.join(400)
    for server in servers:
        server.stop()
    assert [writer.fault for writer in writers] == [None] * WRITERS
    check(store, uri, writers)


def check(store: PostgresStore, uri: str, writers: list[Writer]) -> None:
    with closing(store):
        assert store.count_runs() == WRITERS
        query = "SELECT r.uuid, m.step, count(*) FROM metrics m JOIN runs r ON r.id = m.run_id GROUP BY r.uuid, m.step"
        rows = store._database.read(lambda connection: connection.execute(query).fetchall())
        points = {(run_id, step): count for run_id, step, count in rows}
        assert Counter(points.values()).keys() == {5}  # no batch is torn
        for writer in writers:
            run = store.get_run(writer.run_id)
            assert run.info.status == "FINISHED"
            assert {(writer.run_id, step) for step in writer.acknowledged} <= points.keys()
            assert {f"p{step}" for step in writer.acknowledged} <= run.data.params.keys()
    assert check_database(uri).good
