"""Several who write to a PostgreSQL store at once, and its SQL."""

from __future__ import annotations

import inspect
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.core import postgres_server
from tests.core.stores import begin

from mltrack.entities import Metric, Param, RunTag
from mltrack.process import Owner, current_owner
from mltrack.store import points, search_tables, sqlite_search
from mltrack.store.concurrency import beside_others
from mltrack.store.postgres.rewritten import KEYED, REWRITTEN
from mltrack.store.postgres.sql import translated
from mltrack.store.postgres.store import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostgresStore]:
    with postgres_server.new_store(tmp_path) as made:
        yield made


def backend(connection: Any) -> int:
    return int(connection.execute("SELECT pg_backend_pid()").fetchone()[0])


def test_a_child_has_connections_of_its_own(store: PostgresStore) -> None:
    ours = store._database.read(backend)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, str(store._database.read(backend)).encode())  # of its very first call
            begin(store, "of the child")
        finally:
            os._exit(0)
    os.close(writing)
    theirs = int(os.read(reading, 100))
    os.close(reading)
    assert os.waitpid(pid, 0)[1] == 0
    assert theirs != ours
    assert store._database.read(backend) == ours  # which the child's end has not ended
    assert store.count_runs() == 1


def test_a_child_of_a_thread_that_writes(store: PostgresStore) -> None:
    """What a parent has open when it forks is not held open by the child."""
    began, go_on = threading.Event(), threading.Event()

    def work(connection: Any) -> None:
        connection.execute("INSERT INTO metric_keys (name) VALUES ('held')")
        began.set()
        assert go_on.wait(120)

    thread = threading.Thread(target=store._database.write, args=(work,))
    thread.start()
    began.wait(120)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = int(store.count_runs() != 0)
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    go_on.set()
    thread.join(120)
    rows = store._database.read(lambda connection: connection.execute("SELECT name FROM metric_keys").fetchall())
    assert rows == [("held",)]


def held(store: PostgresStore, work: Callable[..., Any], *arguments: Any) -> Callable[[], None]:
    """Do a write whose transaction stays open until what this gives is called."""
    began, go_on = threading.Event(), threading.Event()

    def whole(connection: Any) -> None:
        work(connection, *arguments)
        began.set()
        assert go_on.wait(120)

    whole.is_beside = getattr(work, "is_beside", False)  # type: ignore[attr-defined]
    thread = threading.Thread(target=store._database.write, args=(whole,))
    thread.start()
    assert began.wait(120)

    def end() -> None:
        go_on.set()
        thread.join(120)

    return end


def test_runs_are_written_beside_each_other_and_one_run_by_one(store: PostgresStore) -> None:
    first, second = begin(store), begin(store)
    done: list[str] = []
    end = held(store, beside_others(points.writable_run), first)
    store.log_batch(second, metrics=[Metric("m", 1.0, 1)])
    begin(store)

    def log() -> None:
        store.log_batch(first, tags=[RunTag("t", "1")])
        done.append("run")

    def make() -> None:
        store.create_experiment("e")
        done.append("experiment")

    waiting, alone = threading.Thread(target=log), threading.Thread(target=make)
    waiting.start()
    alone.start()
    time.sleep(0.3)
    assert done == []
    end()
    waiting.join(120)
    alone.join(120)
    assert sorted(done) == ["experiment", "run"]


def test_many_threads_lose_nothing(store: PostgresStore) -> None:
    runs = [begin(store) for _ in range(3)]
    store.create_registered_model("m")
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(10):
                metrics = [Metric(f"m{(number * 7 + place) % 40}", float(number), step, place) for place in range(20)]
                tags = [RunTag(f"t{place}", "1") for place in range(number % 5, 20)]
                store.log_batch(runs[number % 3], metrics=metrics, params=[Param(f"p{number}.{step}", "1")], tags=tags)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert faults == []
    assert sum(len(store.get_run(run_id).data.params) for run_id in runs) == 240
    query = "SELECT count(*) FROM metrics"
    assert store._database.read(lambda connection: connection.execute(query).fetchone()) == (24 * 10 * 20,)


def test_the_version_is_another_after_a_write_only(store: PostgresStore) -> None:
    before = store.version()
    assert store.version() == before
    other = PostgresStore(store.uri)
    assert other.version() == before
    begin(other)
    assert store.version() != before
    other.close()


def test_who_cannot_be_known_to_be_gone_is_left(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    here = current_owner()
    gone = Owner(here.machine, here.boot, here.namespace, 2**22 + 1, "1")
    copy_of_us = Owner(here.machine, "another-boot", "pid:[4026532999]", here.pid, here.started)
    elsewhere = Owner("another/machine", "another-boot", here.namespace, 1, "1")
    runs = {
        name: begin(store, name, owner=str(owner))
        for name, owner in {"gone": gone, "copy": copy_of_us, "elsewhere": elsewhere, "here": here}.items()
    }
    monkeypatch.setattr(store, "_next_sweep", 0.0)
    states = {name: store.get_run(run_id).info.status for name, run_id in runs.items()}
    assert states == {"gone": "KILLED", "copy": "RUNNING", "elsewhere": "RUNNING", "here": "RUNNING"}


@pytest.mark.parametrize("part", REWRITTEN)
def test_every_part_that_is_written_in_another_way_is_there(part: str) -> None:
    sources = [points.CURRENT_POINTS, points.CURRENT_VALUES, points._LAST_POINTS, points.WRITABLE]
    sources += [inspect.getsource(sqlite_search), *_columns()]
    assert any(part in source for source in sources)


def _columns() -> list[str]:
    from mltrack.store import columns

    return [columns.LISTED, columns.IN_ORDER]


def test_the_last_point_of_a_live_run_is_asked_of_the_index() -> None:
    place = search_tables.LIVE_METRIC
    text = f"SELECT 1 FROM {place.tables} WHERE {place.condition}".replace("{key}", ":v12")
    assert "LATERAL" in translated(text).text
    assert len(KEYED) == 2


def test_the_text_of_a_statement() -> None:
    query = "SELECT '50%?:x' FROM t WHERE a IN (SELECT value FROM json_each(:ids)) AND \"b?\" = :b AND c LIKE '%' || :b"
    found = translated(query)
    assert found.text == "SELECT '50%%?:x' FROM t WHERE a = ANY(%(ids)s) AND \"b?\" = %(b)s AND c LIKE '%%' || %(b)s"
    assert found.bound({"ids": "[1, 2]", "b": "[1]"}) == (found.text, {"ids": "{1, 2}", "b": "[1]"})
    found = translated("UPDATE t SET a = ? WHERE id IN (SELECT value FROM json_each(?)) AND b = ?")
    assert found.bound((1, '["a", "é"]', 2)) == (found.text, [1, ["a", "é"], 2])
    found = translated("SELECT 1 FROM runs WHERE id IN (SELECT value FROM json_each(:experiments))")
    assert found.bound({"experiments": "[12]"}) == (
        "SELECT 1 FROM runs WHERE id = %(experiments)s",
        {"experiments": 12},
    )
    for text, array in [("[]", "{}"), ("[1, 2]", "{1, 2}")]:
        assert found.bound({"experiments": text}) == (found.text, {"experiments": array})
