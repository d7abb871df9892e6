"""Older stores brought up to date: all of it or nothing, with a backup, whoever else does the same."""

from __future__ import annotations

import copy
import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from sqlite_utils import Database as Migrated
from tests.core import scripts
from tests.core.scripts import run_script, start_script
from tests.core.stores import pragma

from mltrack.entities import Param
from mltrack.store import schema
from mltrack.store.connection import open_file
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.notebooks import Blob
from mltrack.store.opening import APPLICATION_ID, SCHEMA_VERSION, stored_version
from mltrack.store.pages import Search
from mltrack.store.schema import m001_tracking, m002_notebooks, migrations
from mltrack.store.sqlite import SqliteStore
from mltrack.store.tables import SCRIPTS, TRACKING, statements

if TYPE_CHECKING:
    from pathlib import Path

FIRST_SCHEMA = 1


def schema_of(path: Path) -> set[tuple[str, str]]:
    connection = open_file(path, read_only=True)
    try:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    finally:
        connection.close()
    return {(name, sql) for name, sql in rows if "_sqlite_migrations" not in name}


def make_first_version(path: Path) -> None:
    """Make a store as the first schema had it, with a run in it."""
    connection = open_file(path)
    connection.execute("BEGIN IMMEDIATE")
    m001_tracking(Migrated(connection))
    connection.execute("COMMIT")
    # What sqlite-utils notes of a migration that was applied.
    noted = {"migration_set": "mltrack", "name": "m001_tracking", "applied_at": "2026-01-01"}
    Migrated(connection).table("_sqlite_migrations").insert(noted, pk=("migration_set", "name"))
    connection.execute("INSERT INTO meta VALUES ('store_id', 'first'), ('created_at', '1')")
    connection.execute("INSERT INTO experiments VALUES (0, 'Default', 'mlartifacts/0', 'active', 1, 1)")
    connection.execute("INSERT INTO runs (uuid, experiment_id, name, started_at) VALUES ('a1', 0, 'old', 1)")
    connection.execute("INSERT INTO params VALUES (1, 'p', 'kept')")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FIRST_SCHEMA}")
    connection.close()


def make_second_version(path: Path) -> None:
    """Make a store as the second schema had it, with runs that share keys, and code in two encodings."""
    make_first_version(path)
    connection = open_file(path)
    connection.execute("BEGIN IMMEDIATE")
    m002_notebooks(Migrated(connection))
    noted = {"migration_set": "mltrack", "name": "m002_notebooks", "applied_at": "2026-01-01"}
    Migrated(connection).table("_sqlite_migrations").insert(noted)
    connection.execute("INSERT INTO runs (uuid, experiment_id, name, started_at, live) VALUES ('b2', 0, 'new', 2, 0)")
    connection.executemany("INSERT INTO params VALUES (2, ?, ?)", [("p", "0.5"), ("a b/c", ""), ("größe", "x" * 6000)])
    connection.executemany("INSERT INTO run_tags VALUES (?, ?, ?)", [(1, "p", "tag"), (2, "mlflow.runName", "new")])
    connection.execute("INSERT INTO metric_keys VALUES (1, 'm')")
    connection.execute("INSERT INTO latest_metrics VALUES (2, 1, 3, 4, 0.25, 0)")
    connection.execute("INSERT INTO sessions (id, uuid, started_at) VALUES (1, 's', 1)")
    for number, source in enumerate(("short_word", "long_word " * 100), 1):
        blob = Blob.of(source)
        row = (number, blob.digest, blob.size, blob.encoding, blob.data)
        connection.execute("INSERT INTO blobs VALUES (?, ?, ?, ?, ?)", row)
        columns = "session_id, seq, source_id, started_at, status"
        connection.execute(f"INSERT INTO executions ({columns}) VALUES (1, ?, ?, 1, 'ok')", (number, number))
        connection.execute("INSERT INTO snapshots VALUES (?, 1, ?, 'cell', 'test', NULL)", (number, number))
    connection.execute("COMMIT")
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def test_numbered_keys_and_indexes_come_over_what_was_logged(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    make_second_version(path)
    store = SqliteStore(path)
    old, new = store.get_run("a1").data, store.get_run("b2").data
    assert (old.params, old.tags) == ({"p": "kept"}, {"p": "tag"})
    assert new.params == {"p": "0.5", "a b/c": "", "größe": "x" * 6000}
    assert (new.tags, new.metrics) == ({"mlflow.runName": "new"}, {"m": 0.25})
    store.log_batch("b2", params=[Param("p", "0.5"), Param("q", "1")])
    for filter_string, ids in (
        ("params.p > 0.1 AND params.q = 1", ["b2"]),
        ("metrics.m = 0.25", ["b2"]),
        ("tags.p = 'tag'", ["a1"]),
        ("code MATCH 'short_word'", ["b2", "a1"]),
        ("code MATCH 'long_word'", ["b2"]),
    ):
        assert [run.info.run_id for run in store.search_runs(Search(("0",), filter_string)).rows] == ids
    store.close()
    assert pragma(path, "integrity_check") == "ok"
    assert pragma(path, "foreign_key_check") is None
    SqliteStore(tmp_path / "made.db").close()
    assert schema_of(path) == schema_of(tmp_path / "made.db")


def test_versions_of_models_from_before_their_files_were_known(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    connection = open_file(path)
    for script in SCRIPTS[:5]:
        for statement in statements(script):
            connection.execute(statement)
    connection.execute("INSERT INTO experiments VALUES (0, 'Default', 'mlartifacts/0', 'active', 1, 1)")
    model_id = f"m-{'0' * 32}"
    columns = "uuid, experiment_id, name, status, created_at, updated_at"
    connection.execute(f"INSERT INTO logged_models ({columns}) VALUES ('{model_id}', 0, 'clf', 'READY', 1, 1)")
    connection.execute("INSERT INTO registered_models VALUES (1, 'm', 'words', 2, 1, 1)")
    columns = "model_id, version, source, logged_model_id, created_at, updated_at"
    connection.execute(
        f"INSERT INTO model_versions ({columns}) VALUES (1, 2, 'models:/{model_id}', '{model_id}', 1, 1)"
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 5")
    connection.close()
    store = SqliteStore(path)
    version = store.get_model_version("m", "2")
    assert (version.model_id, version.digest, version.provenance) == (model_id, None, {})
    assert store.model_version_place("m", "2") == store.logged_model_folder(model_id).uri
    assert store.logged_model_records(model_id) == {}
    made = store.create_model_version(NewModelVersion("m", "models:/m/2"))
    assert (made.version, made.model_id, made.digest) == ("3", model_id, None)
    store.close()
    SqliteStore(tmp_path / "made.db").close()
    assert schema_of(path) == schema_of(tmp_path / "made.db")


def test_the_version_counts_the_migrations() -> None:
    assert len(migrations.pending(Migrated(memory=True))) == SCHEMA_VERSION


def test_a_migrated_store_keeps_its_data_and_leaves_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    make_first_version(path)
    store = SqliteStore(path)
    run = store.get_run("a1")
    assert (run.info.run_name, run.data.params) == ("old", {"p": "kept"})
    assert store.load_snapshot("a1") is None
    assert stored_version(path) == SCHEMA_VERSION
    backup = tmp_path / "mltrack.db.backup-v1"
    assert pragma(backup, "user_version") == FIRST_SCHEMA
    assert pragma(backup, "integrity_check") == "ok"
    assert not list(tmp_path.glob("*.unfinished"))
    store.close()
    connection = open_file(path)
    assert connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone() == ("first",)
    connection.close()


def test_the_backup_is_a_store_to_go_back_to(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    make_first_version(path)
    SqliteStore(path).close()
    restored = tmp_path / "restored.db"
    shutil.copy(tmp_path / "mltrack.db.backup-v1", restored)
    assert SqliteStore(restored).get_run("a1").data.params == {"p": "kept"}


def test_a_new_schema_equals_a_migrated_one(tmp_path: Path) -> None:
    make_first_version(tmp_path / "old.db")
    SqliteStore(tmp_path / "old.db").close()
    SqliteStore(tmp_path / "new.db").close()
    assert schema_of(tmp_path / "old.db") == schema_of(tmp_path / "new.db")
    assert len(schema_of(tmp_path / "new.db")) >= TRACKING.count("CREATE")


def test_a_new_store_takes_the_next_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mltrack.db"
    SqliteStore(path).close()
    later = copy.deepcopy(migrations)
    later(name="m003_more")(lambda db: db.execute("CREATE TABLE more (id)"))
    monkeypatch.setattr(schema, "migrations", later)
    connection = open_file(path)
    connection.execute("BEGIN IMMEDIATE")
    schema.migrate(connection, SCHEMA_VERSION)
    connection.execute("COMMIT")
    connection.close()
    assert "more" in {name for name, _ in schema_of(path)}
    assert len(later.applied(Migrated(open_file(path)))) == SCHEMA_VERSION + 1


def test_an_unfinished_backup_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    make_first_version(path)
    (tmp_path / "mltrack.db.backup-v1.unfinished").write_bytes(b"half")
    SqliteStore(path).close()
    assert pragma(tmp_path / "mltrack.db.backup-v1", "integrity_check") == "ok"


def test_several_processes_migrate_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    make_first_version(path)
    code = """
        import sys
        from pathlib import Path
        from mltrack.store import connection, opening, schema
        from mltrack.store.sqlite import SqliteStore
        connection.BUSY_SECONDS = opening.BUSY_SECONDS = 60  # one that holds the lock may stand still for a while
        print("ready", flush=True)
        sys.stdin.readline()
        assert SqliteStore(Path("mltrack.db")).get_run("a1").data.params == {"p": "kept"}
    """
    started = [start_script(code, folder=tmp_path) for _ in range(4)]
    for each in started:
        assert each.stdout is not None
        each.stdout.readline()
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in started:
        each.communicate(timeout=60)
    assert [each.returncode for each in started] == [0] * 4
    assert pragma(tmp_path / "mltrack.db.backup-v1", "user_version") == FIRST_SCHEMA


KILLED_AT_EACH = """
import json, os, shutil, signal
from pathlib import Path
import sqlite_utils
from mltrack.store import opening, schema
from mltrack.store.connection import open_file

COUNT = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE '%sqlite%'"
work = Path("work.db").absolute()
outcomes = []
original = opening.open_file

def dying(limit):
    count = 0
    def trace(statement):
        nonlocal count
        count += 1
        if count == limit:
            os.kill(os.getpid(), signal.SIGKILL)
    def open_traced(path, **options):
        connection = original(path, **options)
        connection.set_trace_callback(trace)
        return connection
    return open_traced

def attempt(limit):
    for leftover in Path().glob("work.db*"):
        leftover.unlink()
    if OLD:
        shutil.copy("old.db", "work.db")
    child = os.fork()
    if child == 0:
        opening.open_file = dying(limit)
        opening.bring_up_to_date(work, 1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def look():
    if not work.exists():
        return {"version": 0, "tables": 0, "ok": "ok"}
    connection = open_file(work)
    try:
        return {
            "version": connection.execute("PRAGMA user_version").fetchone()[0],
            "tables": connection.execute(COUNT).fetchone()[0],
            "ok": connection.execute("PRAGMA integrity_check").fetchone()[0],
        }
    finally:
        connection.close()

for limit in range(1, 300):
    status = attempt(limit)
    found = look()
    opening.open_database(work, now=1).close()
    outcomes.append({"status": status, **found, "after": look()})
    if status == 0:
        break
print(json.dumps(outcomes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "old", [pytest.param(False, id="new file"), pytest.param(True, id="old file", marks=pytest.mark.slow)]
)
def test_a_migration_killed_at_any_statement_leaves_the_old_schema_or_the_new(
    tmp_path: Path, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "SECONDS", 600)  # a process for each statement: a minute where the machine is busy
    before = 0
    if old:
        make_first_version(tmp_path / "old.db")
        before = FIRST_SCHEMA
    done = run_script(f"OLD = {old}\n" + KILLED_AT_EACH, folder=tmp_path)
    outcomes = json.loads(done.stdout)
    assert outcomes[-1]["status"] == 0
    assert len(outcomes) > 20  # it was killed at each of that many statements
    tables = {before: outcomes[0]["tables"], SCHEMA_VERSION: outcomes[-1]["tables"]}
    assert tables[before] < tables[SCHEMA_VERSION]
    for outcome in outcomes:
        assert outcome["ok"] == "ok"
        assert outcome["version"] in tables
        assert outcome["tables"] == tables[outcome["version"]]
        assert outcome["after"] == {"version": SCHEMA_VERSION, "tables": tables[SCHEMA_VERSION], "ok": "ok"}
    assert {outcome["version"] for outcome in outcomes[:-1]} >= {before}


def test_a_full_disk_during_a_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    make_first_version(path)
    code = f"""
        import resource, signal
        from pathlib import Path
        from mltrack.exceptions import StoreFullError
        from mltrack.store import schema
        from mltrack.store.sqlite import SqliteStore
        import pytest
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for limit in range(4096, 400_000, 16_384):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                SqliteStore(Path({str(path)!r}))
            except StoreFullError:
                print("full")
            else:
                print("done")
                break
    """
    words = run_script(code).stdout.split()
    assert words[0] == "full"
    assert words[-1] == "done"
    assert SqliteStore(path).get_run("a1").data.params == {Param("p", "kept").key: "kept"}
    assert pragma(tmp_path / "mltrack.db.backup-v1", "integrity_check") == "ok"
