"""What goes wrong with a PostgreSQL store while it is used: what is told, and what is kept."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.core import postgres_server
from tests.core.command_line import call
from tests.core.postgres_server import cluster
from tests.core.stores import begin
from tests.core.waiting import wait_until

import mltrack
from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import (
    InvalidParameterError,
    StoreBusyError,
    StoreFullError,
    StoreReadOnlyError,
)
from mltrack.store.pages import Search
from mltrack.store.postgres import database as database_module
from mltrack.store.postgres.checking import check_database
from mltrack.store.postgres.store import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostgresStore]:
    with postgres_server.new_store(tmp_path) as made:
        yield made


def test_a_role_that_may_only_read_reads(store: PostgresStore) -> None:
    run_id = begin(store)
    name = postgres_server.shared()
    grant = (
        "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO reader;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
    )
    address = cluster().uri(name).replace("mltrack@", "reader@")
    undo = "DROP OWNED BY reader; DROP ROLE reader"
    with postgres_server.changed(grant, undo, database=name), closing(PostgresStore(address)) as reader:
        assert reader.is_read_only
        assert reader.get_run(run_id).info.run_name == "run"
        with pytest.raises(StoreReadOnlyError, match="cannot be used by this role"):
            begin(reader)


def test_a_standby_takes_no_writes(store: PostgresStore) -> None:
    name = postgres_server.shared()
    undo = f"ALTER DATABASE {name} RESET default_transaction_read_only"
    with postgres_server.changed(f"ALTER DATABASE {name} SET default_transaction_read_only = on", undo):
        store.close()
        with pytest.raises(StoreReadOnlyError, match="takes no writes"):
            begin(store)
    store.close()
    assert begin(store)


def test_a_full_disk_is_told_and_passes(store: PostgresStore) -> None:
    run_id = begin(store)
    failing = (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
        " CREATE TRIGGER full_disk BEFORE INSERT ON metrics EXECUTE FUNCTION full_disk()"
    )
    undo = "DROP TRIGGER full_disk ON metrics; DROP FUNCTION full_disk"
    is_full = postgres_server.changed(failing, undo, database=postgres_server.shared())
    with is_full, pytest.raises(StoreFullError, match="could not extend file"):
        store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)], params=[Param("p", "1")])
    assert store.get_run(run_id).data.params == {}
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)])


def test_too_many_connections_are_told(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.2)
    store.close()
    with (
        postgres_server.changed(
            f"ALTER ROLE {postgres_server.USER} CONNECTION LIMIT 0",
            f"ALTER ROLE {postgres_server.USER} CONNECTION LIMIT -1",
        ),
        pytest.raises(StoreBusyError, match="takes no more connections"),
    ):
        store.count_runs()
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 60)
    assert store.count_runs() == 0


VALUES: list[tuple[dict[str, Any], str]] = [
    ({"params": [Param("p", "a\0b")]}, "NUL"),
    ({"params": [Param("p", "a\0b"), Param("q", "c")]}, "NUL"),
    ({"tags": [RunTag("t", "\ud800")]}, "half a character"),
    ({"metrics": [Metric("m", 1.0, 2**63, 1)]}, "none that PostgreSQL can keep"),
    ({"metrics": [Metric("m", 1.0, 1, -(2**63) - 1), Metric("m", 2.0, 1, 2)]}, "none that PostgreSQL can keep"),
]


@pytest.mark.parametrize(("batch", "message"), VALUES)
def test_what_no_text_or_number_of_postgresqls_is(store: PostgresStore, batch: dict[str, Any], message: str) -> None:
    run_id = begin(store)
    with pytest.raises(InvalidParameterError, match=message):
        store.log_batch(run_id, **batch)
    data = store.get_run(run_id).data
    assert (data.params, data.metrics, list(data.tags)) == ({}, {}, ["mlflow.runName"])


def test_one_batch_that_is_refused_leaves_the_others(store: PostgresStore) -> None:
    from mltrack.store.batches import RunBatch

    first, second = begin(store), begin(store)
    batches = [
        RunBatch(first, params=[Param("p", "1")]),
        RunBatch(second, params=[Param("p", "a\0b")]),
        RunBatch(second, metrics=[Metric("m", 1.0, 1)]),
        RunBatch(first, params=[Param("p", "2")]),
    ]
    found = store.log_batches(batches)
    assert [type(each) for each in found] == [type(None), InvalidParameterError, type(None), InvalidParameterError]
    assert (store.get_run(first).data.params, store.get_run(second).data.metrics) == ({"p": "1"}, {"m": 1.0})


def test_sessions_that_were_ended_are_replaced(store: PostgresStore) -> None:
    run_id = begin(store)
    for number in range(3):
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mltrack'"
        with postgres_server.changed(end):
            store.log_batch(run_id, metrics=[Metric("m", 1.0, number)])
    assert len(store.metric_history(run_id, "m")) == 3


def ask_nothing(connection: Any, query: str) -> None:
    connection._raw.execute(query)


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_what_met_another_writer_is_done_again_and_kept_once(store: PostgresStore, state: str) -> None:
    left = [3]

    def work(connection: Any) -> str:
        connection.execute("INSERT INTO metric_keys (name) VALUES (?)", (f"k{left[0]}",))
        if left[0]:
            left[0] -= 1
            ask_nothing(connection, f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$")
        return "done"

    assert store._database.write(work) == "done"
    names = store._database.read(lambda connection: connection.execute("SELECT name FROM metric_keys").fetchall())
    assert names == [("k0",)]


def test_patience_ends(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.05)

    def work(connection: Any) -> None:
        ask_nothing(connection, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreBusyError, match="held by another writer"):
        store._database.write(work)


class Cut:
    """Lets a connection be lost while it keeps a write: before it is kept, or after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_kept: bool) -> None:
        self.times = 1
        original = psycopg.Connection.execute

        def execute(raw: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            if query != "COMMIT" or not self.times:
                return original(raw, query, *arguments, **options)
            self.times -= 1
            if is_kept:
                original(raw, query, *arguments, **options)
            os.close(os.dup(raw.pgconn.socket))
            raw.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(psycopg.Connection, "execute", execute)


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_write_that_was_lost_as_it_was_kept_is_kept_once(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    cut = Cut(monkeypatch, is_kept=is_kept)
    run_id = begin(store)
    assert cut.times == 0
    assert [run.info.run_id for run in store.search_runs(Search(("0",))).rows] == [run_id]
    cut.times = 1
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 1)])
    assert cut.times == 0
    assert len(store.metric_history(run_id, "m")) == 1


def test_a_row_that_belongs_to_none_is_told(store: PostgresStore) -> None:
    run_id = begin(store)
    store.log_batch(run_id, params=[Param("p", "1")])
    uri = cluster().uri(postgres_server.shared())
    assert check_database(uri).good
    with cluster().connect(postgres_server.shared()) as connection:
        connection.execute("DELETE FROM text_keys WHERE name = 'p'")
    report = check_database(uri)
    assert not report.good
    assert report.foreign_keys == ("a row of params (2) belongs to none in text_keys",)
    assert report.counts["params"] == 1
    mltrack.set_tracking_uri(uri)
    assert "BAD  a row of params (2) belongs to none in text_keys" in call("db", "check").output


@pytest.mark.parametrize("is_write", [False, True])
def test_an_interrupt_ends_the_call_and_leaves_nothing_open(store: PostgresStore, is_write: bool) -> None:
    begun = threading.Event()

    def work(connection: Any) -> None:
        if is_write:
            connection.execute("INSERT INTO metric_keys (name) VALUES ('gone')")
        begun.set()
        connection.execute("SELECT pg_sleep(600)")

    def interrupt() -> None:
        assert begun.wait(postgres_server.SECONDS)
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(600)'"
        with cluster().connect() as connection:
            wait_until(lambda: connection.execute(sleeping).fetchone(), "the server slept")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        (store._database.write if is_write else store._database.read)(work)
    thread.join()
    assert time.monotonic() - started < 500  # of 600
    busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'mltrack' AND state <> 'idle'"
    with postgres_server.cluster().connect() as connection:
        assert connection.execute(busy).fetchone() == (0,)
    names = store._database.read(lambda connection: connection.execute("SELECT name FROM metric_keys").fetchall())
    assert names == []
    store.create_experiment("goes on")


def test_a_call_within_a_call_has_a_connection_of_its_own(store: PostgresStore) -> None:
    run_id = begin(store)

    def work(connection: Any) -> None:
        connection.execute("INSERT INTO metric_keys (name) VALUES ('m')")
        assert store.get_run(run_id).info.run_name == "run"

    work.is_beside = True  # type: ignore[attr-defined]

    def outer(connection: Any) -> str:
        store.log_batch(run_id, tags=[RunTag("within", "1")])
        return str(connection.execute("SELECT 'read'").fetchone()[0])

    store._database.write(work)
    assert store._database.read(outer) == "read"
    assert store.get_run(run_id).data.tags["within"] == "1"
