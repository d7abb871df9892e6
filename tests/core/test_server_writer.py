from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreBusyError, StoreError
from mltrack.server.call import Call
from mltrack.server.gate import OpenGate
from mltrack.server.logged import LogMetric, point
from mltrack.server.need import USER
from mltrack.server.places import Places
from mltrack.server.service import Service
from mltrack.server.settings import ServerSettings
from mltrack.server.writer import Gathered, Writer
from mltrack.store.connection import open_file
from mltrack.store.protocol import NewRun
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from sqlite3 import Connection

    from mltrack.exceptions import MltrackError
    from mltrack.store.batches import RunBatch


class Counted(SqliteStore):
    """A store that says how many batches it was given together, and may break at one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.together: list[int] = []
        self.broken: Exception | None = None
        self.is_asked = threading.Event()

    def log_batch(self, run_id: str, **values: Any) -> None:
        self.is_asked.set()
        super().log_batch(run_id, **values)

    def log_batches(self, batches: Sequence[RunBatch]) -> list[MltrackError | None]:
        self.together.append(len(batches))
        if self.broken:
            raise self.broken
        return super().log_batches(batches)


def written(store: Counted, requests: Sequence[Any]) -> list[BaseException | None]:
    """Let a writer have all these requests while somebody else holds the store; the first one waits by itself."""
    service = Service(settings := ServerSettings("sqlite:///x"), store, OpenGate(), Places(settings))
    writer = Writer(service)

    def begin(asked: Any) -> asyncio.Future[None]:
        return asyncio.ensure_future(writer.write(Gathered(point), USER, Call(service, asked)))

    async def all_at_once(holder: Connection) -> list[BaseException | None]:
        waiting = [begin(requests[0])]
        while not store.is_asked.is_set():  # before, the writer would take the others along
            await asyncio.sleep(0)
        waiting += map(begin, requests[1:])
        while not writer.waiting:
            await asyncio.sleep(0)
        holder.rollback()
        return await asyncio.gather(*waiting, return_exceptions=True)

    holder = open_file(store.path)
    holder.execute("BEGIN IMMEDIATE")
    try:
        return asyncio.run(all_at_once(holder))
    finally:
        holder.close()


def points_of(store: SqliteStore, run_id: str) -> set[int]:
    return {each.step for each in store.metric_history(run_id, "m")}


def requests_for(run_id: str, count: int) -> list[Any]:
    return [LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1, step=step) for step in range(count)]


def test_what_waits_is_written_together_and_one_that_is_refused_touches_no_other(tmp_path: Path) -> None:
    store = Counted(tmp_path / "mltrack.db")
    run_id = store.create_run(NewRun("0", "run", 1)).run_id
    requests = requests_for(run_id, 12)
    requests[5] = requests[5].model_copy(update={"model_id": "m-0"})  # found out once its point is written
    requests[7] = requests[7].model_copy(update={"key": "a//b"})
    outcomes = written(store, requests)
    assert [type(each) for each in (outcomes[5], outcomes[7])] == [NotFoundError, InvalidParameterError]
    assert outcomes.count(None) == 10
    assert points_of(store, run_id) == set(range(12)) - {5, 7}
    assert sum(store.together) >= 9


@pytest.mark.parametrize("is_alone", [False, True], ids=["store", "fault"])
def test_when_all_together_fail_each_is_tried_alone(tmp_path: Path, *, is_alone: bool) -> None:
    store = Counted(tmp_path / "mltrack.db")
    run_id = store.create_run(NewRun("0", "run", 1)).run_id
    store.broken = OverflowError("odd") if is_alone else StoreError("odd")
    assert written(store, requests_for(run_id, 6)) == [None] * 6
    assert points_of(store, run_id) == set(range(6))
    assert store.together


def test_when_the_store_is_full_or_busy_nothing_is_tried_again(tmp_path: Path) -> None:
    store = Counted(tmp_path / "mltrack.db")
    run_id = store.create_run(NewRun("0", "run", 1)).run_id
    store.broken = StoreBusyError("locked")
    outcomes = written(store, requests_for(run_id, 6))
    assert outcomes.count(store.broken) == store.together[0]
    assert len(points_of(store, run_id)) == 6 - store.together[0]
