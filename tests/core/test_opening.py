"""Opening a store's file: new, old, newer, not ours, damaged, not writable, and while others do the same."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.scripts import run_script, start_script
from tests.core.stores import begin, pragma

from mltrack import MltrackClient
from mltrack.entities import Metric, RunTag
from mltrack.exceptions import StoreFormatError, StoreReadOnlyError, StoreVersionError
from mltrack.store import connection, opening
from mltrack.store.connection import open_file, sqlite3
from mltrack.store.opening import APPLICATION_ID, SCHEMA_VERSION, bring_up_to_date, open_database, stored_version
from mltrack.store.protocol import NewRun
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="changes to another user")


class BetweenTwoLooks:
    """A connection that lets another process make the tables once it has read the application's number."""

    def __init__(self, real: Any, path: Path) -> None:
        self.real, self.path = real, path

    def execute(self, statement: str) -> Any:
        found = self.real.execute(statement)
        if "application_id" in statement:
            bring_up_to_date(self.path, 0)
        return found

    def close(self) -> None:
        self.real.close()


def test_a_store_that_is_being_made_is_no_other_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mltrack.db"
    open_file(path).close()  # what there is for a moment: a database with a log and no table
    look = opening.open_for_reading
    monkeypatch.setattr(opening, "open_for_reading", lambda path: BetweenTwoLooks(look(path), path))
    assert stored_version(path) == 0
    assert stored_version(path) == SCHEMA_VERSION


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_new_file_holds_the_schema_and_the_default_experiment(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    store = SqliteStore(path)
    assert [(each.experiment_id, each.name) for each in store.list_experiments()] == [("0", "Default")]
    assert pragma(path, "user_version") == stored_version(path) == SCHEMA_VERSION
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "journal_mode") == "wal"
    store.close()
    assert not list(tmp_path.glob("*.backup*"))


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    path.touch()
    assert stored_version(path) == 0
    assert SqliteStore(path).count_runs() == 0


@pytest.mark.parametrize("name", ["a b.db", "größe.db", "100%25.db", "a?b#c.db", "'; DROP TABLE runs; --.db"])
def test_odd_file_names_are_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    store = SqliteStore(path)
    assert path.is_file()
    assert MltrackClient(store.uri).get_experiment("0").name == "Default"
    assert {each.name.removesuffix("-wal").removesuffix("-shm") for each in tmp_path.iterdir()} == {name}


def test_several_processes_create_one_file_at_once(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from mltrack.store import connection, opening, schema
        from mltrack.store.sqlite import SqliteStore
        from mltrack.store.protocol import NewRun
        connection.BUSY_SECONDS = opening.BUSY_SECONDS = 60  # one that holds the lock may stand still for a while
        print("ready", flush=True)
        sys.stdin.readline()
        store = SqliteStore(Path("mltrack.db"))
        store.create_run(NewRun("0", "one", 1))
    """
    started = [start_script(code, folder=tmp_path) for _ in range(4)]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in started:
        each.communicate(timeout=60)
    assert [each.returncode for each in started] == [0] * 4
    store = SqliteStore(tmp_path / "mltrack.db")
    assert store.count_runs() == 4
    assert len(store.list_experiments()) == 1


def test_a_newer_store_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "mltrack.db"
    SqliteStore(path).close()
    connection = open_file(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = hash_of(path)
    with pytest.raises(StoreVersionError, match=f"schema {SCHEMA_VERSION + 1}.*pip install -U") as caught:
        SqliteStore(path)
    assert caught.value.error_code == "INVALID_STATE"
    assert hash_of(path) == before
    assert not list(tmp_path.glob("*.backup*"))


def other_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    connection.commit()
    connection.close()


def damaged(path: Path) -> None:
    SqliteStore(path).close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996  # the root of the schema's own table
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    SqliteStore(path).close()
    path.write_bytes(path.read_bytes()[:5000])


def mlflows(path: Path) -> None:
    other_program(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE runs (run_uuid TEXT)")
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()


FOREIGN = {
    "other program": other_program,
    "MLflow's": mlflows,
    "text": lambda path: path.write_text("run_id,accuracy\n1,0.5\n"),
    "one byte": lambda path: path.write_bytes(b"x"),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "PNG": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000)),
    "header only": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "damaged": damaged,
    "cut off": cut_off,
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_no_store_is_refused_and_not_touched(tmp_path: Path, make: object) -> None:
    path = tmp_path / "mltrack.db"
    make(path)  # type: ignore[operator]
    before = hash_of(path)
    with pytest.raises(StoreFormatError, match="left as it is") as caught:
        SqliteStore(path)
    assert str(path) in str(caught.value)
    assert hash_of(path) == before


def test_a_database_of_mlflows_is_to_be_imported(tmp_path: Path) -> None:
    mlflows(tmp_path / "ml flow.db")
    with pytest.raises(StoreFormatError, match=f"`mltrack import mlflow '{tmp_path}/ml flow.db'`"):
        SqliteStore(tmp_path / "ml flow.db")


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreFormatError, match="is a folder"):
        open_database(tmp_path, now=1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mltrack.db")
    with pytest.raises(StoreFormatError, match="no regular file"):
        SqliteStore(tmp_path / "mltrack.db")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnlyError, match="Make its folder"):
        SqliteStore(tmp_path / "missing" / "mltrack.db")
    assert not (tmp_path / "missing").exists()


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreReadOnlyError):
        SqliteStore(tmp_path / "file" / "mltrack.db")


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that anyone can reach; pytest closes those that it gives to others whenever another pytest begins."""
    with tempfile.TemporaryDirectory(prefix="mltrack-") as place:
        Path(place).chmod(0o755)
        yield Path(place)


def closed_store(folder: Path, *, folder_mode: int, file_mode: int) -> Path:
    """Make a store with one run in a new folder."""
    folder.mkdir()
    path = folder / "mltrack.db"
    store = SqliteStore(path)
    run = store.create_run(NewRun("0", "kept", 1))
    store.log_batch(run.run_id, metrics=[Metric("m", 0.5, 1)])
    store.close()
    path.chmod(file_mode)
    folder.chmod(folder_mode)
    return path


READ_ONLY_CHECK = """
import time, mltrack, pytest, warnings
from mltrack.store import connection, opening
from mltrack.backlog import StoreWarning
from mltrack.exceptions import StoreReadOnlyError
connection.BUSY_SECONDS = opening.BUSY_SECONDS = 300  # what waits for a lock waits long
started = time.monotonic()
mltrack.set_tracking_uri({uri!r})
client = mltrack.MltrackClient()
(run,) = mltrack.search_runs(output_format="list")
assert run.info.run_name == "kept" and run.data.metrics == {{"m": 0.5}}, run
assert client.get_metric_history(run.info.run_id, "m")[0].value == 0.5
with pytest.raises(StoreReadOnlyError, match="write permission"):
    mltrack.start_run()
with pytest.raises(StoreReadOnlyError):
    client.log_metric(run.info.run_id, "m", 1.0)
with pytest.warns(StoreWarning, match="kept in memory"):
    mltrack.log_metric("m", 1.0, run_id=run.info.run_id)
assert time.monotonic() - started < 60
"""


@needs_root
@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o755, 0o644), (0o555, 0o444), (0o777, 0o444)], ids=["both", "all", "file"]
)
def test_a_store_that_cannot_be_written_is_read(open_to_all: Path, folder_mode: int, file_mode: int) -> None:
    path = closed_store(open_to_all / "shared", folder_mode=folder_mode, file_mode=file_mode)
    before = hash_of(path)
    run_script(READ_ONLY_CHECK.format(uri=str(path)), folder=path.parent, without_rights=True)
    assert hash_of(path) == before


@needs_root
def test_a_new_store_in_a_folder_that_cannot_be_written(open_to_all: Path) -> None:
    path = closed_store(open_to_all / "shared", folder_mode=0o755, file_mode=0o644)
    code = f"""
        import pytest, mltrack
        from mltrack.exceptions import StoreReadOnlyError
        mltrack.set_tracking_uri({str(path.with_name("new.db"))!r})
        with pytest.raises(StoreReadOnlyError, match="choose another place"):
            mltrack.start_run()
    """
    run_script(code, folder=path.parent, without_rights=True)
    assert not path.with_name("new.db").exists()


@needs_root
def test_a_store_that_cannot_be_read(open_to_all: Path) -> None:
    path = closed_store(open_to_all / "shared", folder_mode=0o755, file_mode=0o600)
    code = f"""
        import pytest, mltrack
        from mltrack.exceptions import StoreReadOnlyError
        with pytest.raises(StoreReadOnlyError, match="cannot be read"):
            mltrack.MltrackClient({str(path)!r})
    """
    run_script(code, folder=path.parent, without_rights=True)


@pytest.mark.skipif(os.name != "posix", reason="record locks of POSIX")
def test_a_second_opening_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing a file lets go of the process's locks on it, so only SQLite may open one that may be a store."""
    path = tmp_path / "mltrack.db"
    store = SqliteStore(path)
    store.create_run(NewRun("0", "a", 1))
    # The bytes that a connection to a file in WAL mode holds a shared lock on: SHARED_FIRST in SQLite's os.h.
    code = f"""
        import fcntl
        with open({str(path)!r}, "r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
            except OSError:
                print("held")
    """
    assert run_script(code).stdout == "held\n"
    SqliteStore(path)
    MltrackClient(str(path))
    stored_version(path)
    assert run_script(code).stdout == "held\n"


def test_a_store_that_another_writes_to_is_opened_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, opening):
        monkeypatch.setattr(module, "BUSY_SECONDS", 300)
    path = tmp_path / "mltrack.db"
    run_id = begin(SqliteStore(path))
    other = open_file(path)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    store = SqliteStore(path)
    assert store.get_run(run_id).info.run_id == run_id
    assert time.monotonic() - started < 60
    assert not store.is_read_only
    other.execute("ROLLBACK")
    store.log_batch(run_id, tags=[RunTag("t", "1")])
    other.close()
