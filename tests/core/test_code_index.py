"""The words of executed code: which runs are found by them, and what goes in and out of their index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.stores import ON_SQLITE, begin

from mltrack.store.code_index import forget_sources, index_all_sources
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.sqlite import SqliteStore

SESSION = Session("s", 1)


def snapshot(store: SqliteStore, name: str, sources: Sequence[str], *, first: int = 1) -> None:
    """Make a run whose cells are these; with ``first`` they go on in the log of the runs before."""
    executions = [ExecutionWrite(seq, Blob.of(source), 1) for seq, source in enumerate(sources, first)]
    write = SnapshotWrite(SESSION, first + len(sources) - 1, "cell", "test", executions)
    store.save_snapshot(begin(store, name, start_time=first), write)


def names(store: SqliteStore, filter_string: str) -> list[str]:
    return [run.info.run_name for run in store.search_runs(Search(("0",), filter_string, ("start_time",))).rows]


@pytest.fixture
def session(store: SqliteStore) -> SqliteStore:
    snapshot(store, "first", ["from sklearn.preprocessing import StandardScaler"])
    snapshot(store, "second", ["model = LogisticRegression(C=0.5)", "x" * 100 + " = naïve_Größe"], first=2)
    snapshot(store, "third", ["%%track_run\nprint('Straße')  # 你好世界"], first=4)
    begin(store, "without", start_time=9)
    return store


CASES = [
    ("code MATCH 'StandardScaler'", "first second third"),
    ("code MATCH 'standardscaler'", "first second third"),
    ("code MATCH 'LogisticRegression'", "second third"),
    ("code MATCH 'StandardScaler LogisticRegression'", "second third"),
    ("code MATCH 'StandardScaler' AND NOT code MATCH 'Logistic*'", "first"),
    ("code NOT MATCH 'LogisticRegression'", "first"),
    ("NOT code MATCH 'LogisticRegression'", "first without"),
    ("code MATCH 'Standard'", ""),
    ("code MATCH 'Standard*'", "first second third"),
    ("code MATCH 'sklearn.preprocessing'", "first second third"),
    ("code MATCH 'sklearn.pre*'", "first second third"),
    ("code MATCH 'preprocessing.sklearn'", ""),
    ("code MATCH 'C=0.5'", "second third"),
    ("code MATCH 'naïve_größe'", "second third"),
    ("code MATCH 'naive*'", ""),
    ("code MATCH '%%track_run'", "third"),
    ("code MATCH '你好世界'", "third"),
    ("code MATCH \"print('Straße')\"", "third"),
    ("code MATCH 'import OR nothing'", ""),
    ("code MATCH 'NEAR(import,sklearn)'", ""),
    ("code MATCH 'source:import'", ""),
    ("code MATCH '-import ^from'", "first second third"),
    ("code MATCH 'nothing' OR run_name = 'without'", "without"),
]


@pytest.mark.parametrize(("filter_string", "found"), CASES)
def test_a_run_is_found_by_what_its_kernel_had_executed(session: SqliteStore, filter_string: str, found: str) -> None:
    assert names(session, filter_string) == found.split()


@ON_SQLITE
def test_a_source_is_indexed_once_and_its_text_is_kept_in_its_blob_alone(store: SqliteStore) -> None:
    for number in range(5):
        snapshot(store, f"r{number}", ["a_word = 1", "a_word = 1"], first=1 + 2 * number)
    store._database.write(index_all_sources)

    def count(connection: object) -> tuple[int, object]:
        rows = connection.execute("SELECT rowid, source FROM code_index").fetchall()  # type: ignore[attr-defined]
        return len(rows), rows[0][1]

    assert store._database.read(count) == (1, None)


def test_a_source_that_is_forgotten_is_found_no_more(session: SqliteStore) -> None:
    query = "SELECT id FROM blobs WHERE digest = ?"
    digest = Blob.of("from sklearn.preprocessing import StandardScaler").digest
    (number,) = session._database.read(lambda connection: connection.execute(query, (digest,)).fetchone())
    session._database.write(forget_sources, [number, number, 99])
    assert names(session, "code MATCH 'StandardScaler'") == []
    assert names(session, "code MATCH 'LogisticRegression'") == ["second", "third"]
    session._database.write(index_all_sources)
    assert names(session, "code MATCH 'StandardScaler'") == ["first", "second", "third"]


def test_any_text_can_be_indexed_and_forgotten(store: SqliteStore) -> None:
    sources = ["", "\0 word_a", "\ud800 word_b", "\U0001f600", "'\"`; --", "word_c " * 10_000]
    snapshot(store, "odd", sources)
    for word in ("word_a", "word_b", "word_c"):
        assert names(store, f"code MATCH '{word}'") == ["odd"]
    store._database.write(forget_sources, range(1, 20))
    assert names(store, "code MATCH 'word*'") == []
