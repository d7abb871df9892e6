"""``mltrack db migrate``: what was in the file is in the database, row by row, also when the copy was killed."""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.core import postgres_server
from tests.core.command_line import done, parsed
from tests.core.stores import begin, bits
from tests.core.whole_runs import full_run

from mltrack.entities import Metric, Param, RunTag, ViewType
from mltrack.exceptions import AlreadyExistsError, NotFoundError, StoreFormatError
from mltrack.store import migrating
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import safe_path
from mltrack.store.migrating import migrate_store
from mltrack.store.model_protocol import NewLoggedModel, NewModelVersion
from mltrack.store.pages import Search
from mltrack.store.postgres import filling
from mltrack.store.postgres.checking import check_database
from mltrack.store.postgres.store import PostgresStore
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
MOST_KILLS = 60
ODD = [math.nan, math.inf, -math.inf, -0.0, 1e-320, 5e-324, 1.7976931348623157e308, 0.1]


@pytest.fixture
def source(tmp_path: Path) -> SqliteStore:
    """A store that has something in every table."""
    (tmp_path / "old").mkdir()
    store = SqliteStore(tmp_path / "old" / "mltrack.db")
    runs = [full_run(store), full_run(store, store.create_experiment("second"))]
    for run_id in runs:
        store.record_artifacts(run_id, {safe_path("a.txt"): FileRecord.of(b"bytes")})
    for start in range(0, 6_000, 500):
        store.log_batch(runs[0], metrics=[Metric("long", float(n), n, start + n) for n in range(500)])
    store.log_batch(runs[1], metrics=[Metric(f"odd{place}", value, 2**62, -place) for place, value in enumerate(ODD)])
    store.log_batch(runs[1], params=[Param("text", "tab\t\\N \n'\"é\U0001f600")], tags=[RunTag("nul", "a\0b")])
    model = store.create_logged_model(
        NewLoggedModel("0", "m-" + "0" * 32, "clf", source_run_id=runs[0], params={"a": "b"})
    )
    store.finalize_logged_model(model.model_id, "READY")
    store.create_registered_model("reg", tags={"x": "y"})
    store.create_model_version(NewModelVersion("reg", f"models:/{model.model_id}", model_id=model.model_id))
    store.set_registered_model_alias("reg", "best", "1")
    store.add_user("ann", "hash")
    store.give_role("ann", "experiment", "0", 2)
    store.add_token("ann", b"\0\xff" * 16)
    store.set_run_lifecycle(begin(store, "gone"), "deleted")
    store.close()
    return store


@pytest.fixture
def target() -> Iterator[str]:
    name = postgres_server.cluster().create()
    yield postgres_server.cluster().uri(name)
    postgres_server.cluster().drop(name)


def everything(store: SqliteStore | PostgresStore) -> dict[str, object]:
    """What a store says of itself."""
    runs = store.search_runs(Search(("0", "1"), view_type=ViewType.ALL)).rows
    histories = {
        (run.info.run_id, key): [
            (bits(m.value), m.step, m.timestamp) for m in store.metric_history(run.info.run_id, key)
        ]
        for run in runs
        for key in run.data.metrics
    }
    return {
        "experiments": store.list_experiments(),
        "runs": [(run.info, run.data.params, run.data.tags, run.inputs, run.outputs) for run in runs],
        "histories": histories,
        "failures": [store.get_failure(run.info.run_id) for run in runs],
        "environments": [store.get_environment(run.info.run_id) for run in runs],
        "snapshots": [store.load_snapshot(run.info.run_id) for run in runs],
        "artifacts": [store.artifact_records(run.info.run_id) for run in runs],
        "models": store.search_logged_models(Search(("0",))).rows,
        "registered": store.search_registered_models(Search(max_results=10)).rows,
        "versions": store.search_model_versions(Search()).rows,
        "users": (store.list_users(), store.list_tokens("ann"), store.given_roles(user="ann")),
        "code": store.count_matching(Search(("0", "1"), "code MATCH 'a'"), most=9),
    }


def without_nul(found: dict[str, object]) -> str:
    return repr(found).replace("\\x00", "\u2400")


def test_all_is_there_and_reads_alike(source: SqliteStore, target: str) -> None:
    said: list[str] = []
    found = migrate_store(source.path, target, say=said.append)
    store = PostgresStore(target)
    assert without_nul(everything(store)) == without_nul(everything(source))
    assert found.replaced == 1
    assert (found.rows["metrics"], found.rows["users"]) == (6_000 + 2 + len(ODD), 1)
    assert found.digests.keys() == found.rows.keys()
    assert check_database(target).good
    # and it goes on
    run_id = begin(store, "new")
    store.log_batch(run_id, metrics=[Metric("long", 1.0, 1)], params=[Param("fresh", "1")])
    assert store.create_experiment("third") == "2"
    assert store.create_model_version(NewModelVersion("reg", f"runs:/{run_id}/m", run_id=run_id)).version == "2"
    store.close()


def test_a_second_time_is_refused_and_changes_nothing(source: SqliteStore, target: str) -> None:
    migrate_store(source.path, target)
    store = PostgresStore(target)
    before = everything(store)
    with pytest.raises(AlreadyExistsError, match="was filled from this one already"):
        migrate_store(source.path, target)
    assert everything(store) == before
    store.close()


def use(target: str) -> None:
    store = PostgresStore(target)
    begin(store)
    store.close()


def test_a_store_with_runs_of_its_own_is_left_alone(source: SqliteStore, target: str) -> None:
    use(target)
    with pytest.raises(AlreadyExistsError, match="has runs of its own"):
        migrate_store(source.path, target)
    store = PostgresStore(target)
    assert store.count_runs() == 1
    store.close()


def test_what_is_no_store(source: SqliteStore, target: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no store at"):
        migrate_store(tmp_path / "none.db", target)
    (tmp_path / "text.db").write_text("x" * 200)
    with pytest.raises(StoreFormatError):
        migrate_store(tmp_path / "text.db", target)
    with postgres_server.cluster().connect(target.partition("?")[0].rpartition("/")[2]) as connection:
        connection.execute(
            "CREATE TABLE experiments (x int); CREATE TABLE runs (x int); CREATE TABLE alembic_version (x int)"
        )
    with pytest.raises(StoreFormatError, match="a database of MLflow's"):
        migrate_store(source.path, target)


def test_half_a_copy_opens_as_no_store_and_is_gone_on_with(
    source: SqliteStore, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "ROWS_AT_ONCE", 1_000)
    original, calls = filling.Filling.add, []

    def failing(self: filling.Filling, table: object, rows: object) -> None:
        calls.append(table)
        if len(calls) == 12:
            raise KeyboardInterrupt
        original(self, table, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(filling.Filling, "add", failing)
    with pytest.raises(KeyboardInterrupt):
        migrate_store(source.path, target)
    with pytest.raises(StoreFormatError, match="is being filled from another one"):
        PostgresStore(target)
    # what was written to the file since comes along
    run_id = source.search_runs(Search(("0",))).rows[0].info.run_id
    source.log_batch(run_id, tags=[RunTag("late", "1")])
    source.log_batch(begin(source, "later"), metrics=[Metric("long", 3.0, 1)])
    source.close()
    said: list[str] = []
    migrate_store(source.path, target, say=said.append)
    assert any("gone on with" in text for text in said)
    store = PostgresStore(target)
    assert without_nul(everything(store)) == without_nul(everything(source))
    store.close()


def test_a_copy_that_is_killed_again_and_again_is_whole_in_the_end(
    source: SqliteStore, target: str, tmp_path: Path
) -> None:
    for number in range(50):
        source.log_batch(begin(source, f"r{number}"), metrics=[Metric(f"k{n}", 1.0, n, n) for n in range(900)])
    source.close()
    command = [sys.executable, "-m", "mltrack", "db", "migrate", str(source.path), target]
    chance, killed, deadline = random.Random(1), 0, time.monotonic() + 1800
    while True:
        assert time.monotonic() < deadline
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        patience = 0.5 + chance.random() * 0.5 + killed * 0.2
        try:
            _, err = process.communicate(timeout=patience if killed < MOST_KILLS else 600)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
            continue
        if "filled by another process" in err or "held by another writer" in err:  # whose session has not ended yet
            time.sleep(0.05)
            continue
        assert process.returncode == 0 or "was filled from this one already" in err, err
        break
    assert killed
    store = PostgresStore(target)
    assert without_nul(everything(store)) == without_nul(everything(source))
    store.close()


def test_artifacts_stay_where_they_are_or_are_copied(
    source: SqliteStore, target: str, make_place: Callable[[str], str]
) -> None:
    place = make_place("s3")
    files = migrate_store(source.path, target, artifacts=place).files
    assert files is not None
    assert (files.sent, files.problems) == (2, ())
    store = PostgresStore(target)
    for run in store.search_runs(Search(("0", "1"), "artifact_uri LIKE 's3://%' AND run_name = 'run'")).rows:
        folder = store.artifact_folder(run.info.run_id)
        assert folder.uri == f"{place}/{run.info.experiment_id}/{run.info.run_id}/artifacts"
        with folder.open(safe_path("a.txt")) as reader:
            assert reader.read() == b"bytes"
    store.close()


def test_the_command(source: SqliteStore, target: str) -> None:
    assert "all compared" in done("db", "migrate", str(source.path), target)


def test_the_command_in_json(source: SqliteStore, target: str) -> None:
    found = parsed("db", "migrate", str(source.path), target)
    assert found["rows"]["runs"] == 3
