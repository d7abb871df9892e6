"""What a tracked cell leaves in the store: files, failures, environments and the notebook as it had run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.stores import begin, delete_run, open_again

from mltrack.entities import CapturedName, Metric
from mltrack.store.artifacts import safe_path
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.protocol import Failure

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore


def test_artifacts_are_listed_by_path(store: SqliteStore) -> None:
    run_id = begin(store)
    files = {safe_path("b.txt"): (3, "x" * 64), safe_path("a/c.txt"): (4, "y" * 64)}
    store.record_artifacts(run_id, files)
    store.record_artifacts(run_id, {safe_path("b.txt"): (5, "z" * 64)})
    assert [(f.path, f.file_size, f.is_dir) for f in store.list_artifacts(run_id)] == [
        ("a/c.txt", 4, False),
        ("b.txt", 5, False),
    ]


def test_a_failure_and_captured_names_come_back(store: SqliteStore) -> None:
    run_id = begin(store)
    assert store.get_failure(run_id) is None
    failure = Failure("ValueError", "no <b>", "Traceback…\n")
    store.record_failure(run_id, failure)
    assert store.get_failure(run_id) == failure
    names = [
        CapturedName("param", "z", "read"),
        CapturedName("param", "a", "bound", 2, 4, 2, 7),
        CapturedName("metric", "a", "bound", 1, 0, 1, 3),
    ]
    store.record_captured(run_id, names)
    assert store.get_captured(run_id) == [names[2], names[1], names[0]]


def test_equal_environments_are_kept_once(store: SqliteStore) -> None:
    first, second, third = (begin(store) for _ in range(3))
    assert store.get_environment(first) is None
    store.set_environment(first, {"python": "3.11", "packages": {"a": "1", "ü": "2"}})
    store.set_environment(second, {"packages": {"ü": "2", "a": "1"}, "python": "3.11"})
    store.set_environment(third, {"python": "3.12"})
    assert store.get_environment(first) == store.get_environment(second) != store.get_environment(third)
    count = store._database.read(lambda c: c.execute("SELECT count(*) FROM environments").fetchone()[0])
    assert count == 2


SESSION = Session("s" * 32, 1, "kernel", "book.ipynb")


def ran(seq: int, source: str, *, cell: str | None = None, shown: str | None = None) -> ExecutionWrite:
    outputs = None if shown is None else Blob.of(shown)
    return ExecutionWrite(seq, Blob.of(source), seq, cell, seq, seq + 1, "ok", outputs=outputs)


def test_a_snapshot_is_the_log_up_to_its_own_execution(store: SqliteStore) -> None:
    first, second = begin(store), begin(store)
    store.save_snapshot(first, SnapshotWrite(SESSION, 2, "cell-b", "tap", [ran(1, "a = 1"), ran(2, "b = 2")]))
    store.save_snapshot(second, SnapshotWrite(SESSION, 4, "cell-d", "tap", [ran(3, "c = 3"), ran(4, "d = 4")]))
    found = store.load_snapshot(first)
    assert found is not None
    assert [each.source for each in found.executions] == ["a = 1", "b = 2"]
    assert (found.session, found.seq, found.cell_key, found.how) == (SESSION, 2, "cell-b", "tap")
    assert (found.manifest, found.texts) == (None, {})
    later = store.load_snapshot(second)
    assert later is not None
    assert [each.source for each in later.executions] == ["a = 1", "b = 2", "c = 3", "d = 4"]
    assert later.executions[0].outputs == "[]"
    assert store.load_snapshot(begin(store)) is None


def test_late_outputs_are_as_of_the_run_that_saw_them(store: SqliteStore) -> None:
    """A later cell may update an earlier display: each run keeps what it saw."""
    first, second, third = (begin(store) for _ in range(3))
    store.save_snapshot(first, SnapshotWrite(SESSION, 1, "a", "tap", [ran(1, "h = display()", shown='["10 %"]')]))
    store.save_snapshot(second, SnapshotWrite(SESSION, 2, "b", "tap", [ran(2, "h.update()", shown="[]")]))
    store.save_snapshot(
        third, SnapshotWrite(SESSION, 3, "c", "tap", [ran(1, "h = display()", shown='["90 %"]'), ran(3, "")])
    )
    shown = []
    for run_id in (first, second, third):
        snapshot = store.load_snapshot(run_id)
        assert snapshot is not None
        shown.append(snapshot.executions[0].outputs)
    assert shown == ['["10 %"]', '["10 %"]', '["90 %"]']
    # Output of a run's own cell that arrives after the run was saved belongs to it.
    store.save_snapshot(first, SnapshotWrite(SESSION, 1, "a", "tap", [ran(1, "h = display()", shown='["11 %"]')]))
    again = store.load_snapshot(first)
    assert again is not None
    assert again.executions[0].outputs == '["11 %"]'


def test_equal_texts_are_kept_once(store: SqliteStore) -> None:
    text = "x = 1\n" * 10_000
    for number in range(20):
        session = Session(f"{number:032}", 1)
        store.save_snapshot(begin(store), SnapshotWrite(session, 1, "a", "tap", [ran(1, text, shown="[]")]))
    rows = store._database.read(lambda c: c.execute("SELECT size, encoding, length(data) FROM blobs").fetchall())
    assert sorted(rows) == [(2, "raw", 2), (60_000, "zlib", rows[[row[0] for row in rows].index(60_000)][2])]
    assert all(kept < 1000 for _, _, kept in rows)


@pytest.mark.parametrize("text", ["", "a", "ü" * 100, "\ud800", "a\0b", "x" * 100_000])
def test_any_text_comes_back_from_a_snapshot(store: SqliteStore, text: str) -> None:
    run_id = begin(store)
    store.save_snapshot(run_id, SnapshotWrite(SESSION, 1, "a", "tap", [ran(1, text, shown="[]")]))
    snapshot = store.load_snapshot(run_id)
    assert snapshot is not None
    assert snapshot.executions[0].source == text


def test_the_previous_run_of_a_cell(store: SqliteStore) -> None:
    runs = [begin(store, start_time=9 - number) for number in range(4)]
    for run_id, key in zip(runs, ["a", "b", "a", "a"], strict=True):
        store.save_snapshot(run_id, SnapshotWrite(SESSION, 1, key, "tap", [ran(1, "x")]))
    assert [store.previous_run_of_cell(run_id) for run_id in runs] == [None, None, runs[0], runs[2]]
    delete_run(store, runs[2])
    assert store.previous_run_of_cell(runs[3]) == runs[0]
    assert store.previous_run_of_cell(begin(store)) is None


def test_the_last_source_of_each_cell(store: SqliteStore) -> None:
    run_id = begin(store)
    executions = [ran(1, "a", cell="one"), ran(2, "b", cell="two"), ran(3, "c", cell="one"), ran(4, "d"), ran(5, "e")]
    store.save_snapshot(run_id, SnapshotWrite(SESSION, 5, "k", "tap", executions))
    assert store.cell_sources(run_id) == {
        "one": Blob.of("c").digest,
        "two": Blob.of("b").digest,
        "": Blob.of("e").digest,
    }


def test_two_stores_over_one_file_agree(store: SqliteStore) -> None:
    other = open_again(store)
    run_id = begin(store)
    for number, each in enumerate([store, other] * 3):
        each.log_batch(run_id, metrics=[Metric(f"m{number % 3}", float(number), 1, number)])
    assert store.get_run(run_id) == other.get_run(run_id)
    assert store.get_run(run_id).data.metrics == {"m0": 3.0, "m1": 4.0, "m2": 5.0}
