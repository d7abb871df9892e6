"""``gc``: what was deleted goes for good, with its files and the room it took; nothing else does."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.notebooks import indexed, saved, texts_of
from tests.core.stores import ON_SQLITE, begin
from tests.core.whole_runs import ALL, counts, full_run, loose_references, write_file

import mltrack
from mltrack import garbage
from mltrack.entities import ExperimentTag, Metric, ViewType
from mltrack.exceptions import InvalidParameterError, MissingCellsError, NotFoundError
from mltrack.garbage import collect_garbage
from mltrack.store import artifact_kinds, sqlite_upkeep
from mltrack.store.pages import Search
from mltrack.store.protocol import GarbageReport, GarbageSelection

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore


def test_what_was_deleted_leaves_nothing(store: SqliteStore) -> None:
    experiment = store.create_experiment("e", tags=[ExperimentTag("k", "v")])
    run_id = full_run(store, experiment)
    folder = Path(store.get_run(run_id).info.artifact_uri)
    store.update_experiment(experiment, lifecycle_stage="deleted")
    report = store.collect_garbage(ALL)
    assert (report.runs, report.experiments, report.problems) == (1, 1, ())
    assert report.blobs == 2
    assert counts(store) == {"experiments": 1}
    assert not folder.parent.parent.exists()
    with pytest.raises(NotFoundError):
        store.get_run(run_id)
    assert store.get_experiment_by_name("e") is None
    assert store.create_experiment("e")


def test_what_is_active_stays_as_it_was(store: SqliteStore) -> None:
    kept, gone = full_run(store), full_run(store)
    before = (store.get_run(kept), store.load_snapshot(kept), counts(store))
    write_file(store, begin(store), b"of another run")
    store.set_run_lifecycle(gone, "deleted")
    gone_root = Path(store.get_run(gone).info.artifact_uri)
    assert store.collect_garbage(ALL).runs == 1
    assert (store.get_run(kept), store.load_snapshot(kept)) == before[:2]
    assert Path(store.get_run(kept).info.artifact_uri, "a.txt").read_bytes() == b"bytes"
    assert not gone_root.parent.exists()
    assert loose_references(store) == []
    assert counts(store)["datasets"] == 1
    assert counts(store)["environments"] == 1
    assert store.collect_garbage(ALL) == GarbageReport(0, 0, 0, 0)


@ON_SQLITE
def test_the_room_is_given_back(store: SqliteStore) -> None:
    small = store.path.stat().st_size
    run_id = begin(store)
    for start in range(0, 120_000, 1000):
        store.log_batch(run_id, metrics=[Metric("m", float(n), 1, start + n) for n in range(1000)])
    write_file(store, run_id, b"x" * 10_000)
    store._database.shrink_log()
    large = store.path.stat().st_size
    assert large > small + 1_000_000
    store.set_run_lifecycle(run_id, "deleted")
    report = store.collect_garbage(ALL)
    log = store.path.with_name(store.path.name + "-wal")
    assert store.path.stat().st_size <= small + 8192
    assert not log.exists() or log.stat().st_size == 0
    assert report.bytes > large - small


@pytest.mark.parametrize(("age", "runs"), [(None, 2), (0.0, 2), (3600.0, 1), (7200.5, 0)])
def test_only_what_was_deleted_long_ago(
    store: SqliteStore, age: float | None, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [begin(store) for _ in range(3)]
    for run_id in ids[:2]:
        store.set_run_lifecycle(run_id, "deleted")
    now = time.time_ns()
    two_hours_ago = now // 1_000_000 - 2 * 3_600_000
    store._database.write(lambda c: c.execute("UPDATE runs SET deleted_at = ? WHERE uuid = ?", (two_hours_ago, ids[0])))
    mltrack.set_tracking_uri(store.uri)
    monkeypatch.setattr(garbage, "time", SimpleNamespace(time_ns=lambda: now))  # it stands still: 7200 s stay 7200 s
    assert collect_garbage(older_than=age).runs == runs
    assert store.count_runs() == 1


@pytest.mark.parametrize("age", [-1.0, float("nan"), float("inf")])
def test_ages_that_are_none(age: float) -> None:
    with pytest.raises(InvalidParameterError, match="older_than"):
        collect_garbage(older_than=age)


def test_only_what_is_named(store: SqliteStore) -> None:
    experiments = [store.create_experiment(name) for name in "ab"]
    runs = [begin(store, experiment_id=each) for each in experiments] + [begin(store), begin(store)]
    for experiment in experiments:
        store.update_experiment(experiment, lifecycle_stage="deleted")
    for run_id in runs[2:]:
        store.set_run_lifecycle(run_id, "deleted")
    report = store.collect_garbage(GarbageSelection(run_ids=(runs[2],)))
    assert (report.runs, report.experiments) == (1, 0)
    report = store.collect_garbage(GarbageSelection(experiment_ids=(experiments[0],)))
    assert (report.runs, report.experiments) == (1, 1)
    left = store.search_runs(Search(("0", *experiments), view_type=ViewType.ALL)).rows
    assert {run.info.run_id for run in left} == {runs[1], runs[3]}
    report = store.collect_garbage(GarbageSelection(run_ids=(runs[3],), experiment_ids=(experiments[1],)))
    assert (report.runs, report.experiments) == (2, 1)


def test_what_cannot_be_removed(store: SqliteStore) -> None:
    active, experiment = begin(store), store.create_experiment("e")
    young = begin(store)
    store.set_run_lifecycle(young, "deleted")
    store.set_run_lifecycle(active, "active")
    hour_ago = int(time.time() * 1000) - 3_600_000
    refused = {
        "not deleted": GarbageSelection(run_ids=(young, active)),
        "not deleted;": GarbageSelection(experiment_ids=(experiment,)),
        "less long ago": GarbageSelection(hour_ago, run_ids=(young,)),
        "always there": GarbageSelection(experiment_ids=("0",)),
        "no experiment id": GarbageSelection(experiment_ids=("../0",)),
    }
    for words, selection in refused.items():
        with pytest.raises(InvalidParameterError, match=words):
            store.collect_garbage(selection)
    for selection in (GarbageSelection(run_ids=("f" * 32,)), GarbageSelection(experiment_ids=("77",))):
        with pytest.raises(NotFoundError):
            store.collect_garbage(selection)
    store.set_run_lifecycle(young, "active")  # a refusal marks nothing
    assert store.count_runs() == 2


def test_a_deleted_experiment_with_an_active_run_is_left(store: SqliteStore) -> None:
    experiment = store.create_experiment("e")
    run_id = begin(store, experiment_id=experiment)
    store.update_experiment(experiment, lifecycle_stage="deleted")
    store.set_run_lifecycle(run_id, "active")
    assert store.collect_garbage(ALL).experiments == 0
    with pytest.raises(InvalidParameterError, match="1 active run"):
        store.collect_garbage(GarbageSelection(experiment_ids=(experiment,)))
    assert store.get_run(run_id).info.experiment_id == experiment


def test_default_stays_when_it_is_deleted(store: SqliteStore) -> None:
    begin(store)
    store.update_experiment("0", lifecycle_stage="deleted")
    assert (store.collect_garbage(ALL).runs, store.get_experiment("0").lifecycle_stage) == (1, "deleted")
    store.update_experiment("0", lifecycle_stage="active")
    assert begin(store)


def test_what_cannot_be_deleted_is_told_and_tried_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = full_run(store), full_run(store)
    for run_id in (first, second):
        store.set_run_lifecycle(run_id, "deleted")
    real = artifact_kinds.open_folder

    def refusing(uri: str) -> Any:
        if first in uri:
            raise PermissionError(13, "Permission denied")
        return real(uri)

    monkeypatch.setattr(sqlite_upkeep, "open_folder", refusing)
    report = store.collect_garbage(ALL)
    assert report.runs == 1
    assert first in report.problems[0]
    assert "Permission denied" in report.problems[0]
    with pytest.raises(InvalidParameterError, match="being removed"):
        store.set_run_lifecycle(first, "active")
    monkeypatch.undo()
    assert store.collect_garbage(GarbageSelection(deleted_before=1)).runs == 1  # it is older than anything
    assert counts(store) == {"experiments": 1}


def test_an_experiment_that_is_being_removed_is_not_restored(store: SqliteStore) -> None:
    experiment = store.create_experiment("e")
    store.update_experiment(experiment, lifecycle_stage="deleted")
    store._database.write(lambda c: c.execute("UPDATE experiments SET updated_at = 0 WHERE id = ?", (int(experiment),)))
    with pytest.raises(InvalidParameterError, match="being removed"):
        store.update_experiment(experiment, lifecycle_stage="active")
    assert store.collect_garbage(ALL).experiments == 1


def test_links_and_files_of_others_stay(store: SqliteStore, tmp_path: Path) -> None:
    precious = tmp_path / "precious" / "run" / "artifacts"
    precious.mkdir(parents=True)
    (precious / "model").write_text("keep")
    linked, foreign = begin(store), begin(store)
    root = Path(store.get_run(linked).info.artifact_uri)
    root.mkdir(parents=True)
    (root / "link").symlink_to(precious, target_is_directory=True)
    place = (str(precious), foreign)
    store._database.write(lambda c: c.execute("UPDATE runs SET artifact_place = ? WHERE uuid = ?", place))
    assert store.get_run(foreign).info.artifact_uri == str(precious)
    for run_id in (linked, foreign):
        store.set_run_lifecycle(run_id, "deleted")
    assert store.collect_garbage(ALL).runs == 2
    assert not root.exists()
    assert (precious / "model").read_text() == "keep"


def test_logged_models_of_a_removed_experiment_go_with_their_files(store: SqliteStore) -> None:
    experiment = store.create_experiment("e")
    query = (
        "INSERT INTO logged_models (uuid, experiment_id, name, created_at, updated_at) VALUES ('m-1', ?, 'm', 1, 1)"
        " RETURNING id"
    )
    number = store._database.write(lambda c: c.execute(query, (int(experiment),)).fetchone()[0])
    store._database.write(lambda c: c.execute("INSERT INTO logged_model_tags VALUES (?, 'k', 'v')", (number,)))
    place = Path(store.get_experiment(experiment).artifact_location)
    files = place / "models" / "m-1" / "artifacts"
    files.mkdir(parents=True)
    (files / "MLmodel").write_text("x")
    store.update_experiment(experiment, lifecycle_stage="deleted")
    assert store.collect_garbage(ALL).experiments == 1
    assert not place.exists()
    assert counts(store) == {"experiments": 1}


# Notebooks


def test_shared_cells_stay_as_long_as_one_run_needs_them(store: SqliteStore) -> None:
    first, second = begin(store), begin(store)
    saved(store, first, kernel="k", cells=("a = 1", "b = 2"))
    saved(store, second, kernel="k", cells=("a = 1", "b = 2", "c = 3"))
    store.set_run_lifecycle(second, "deleted")
    store.collect_garbage(ALL)
    assert texts_of(store, first) == ["a = 1", "b = 2"]
    assert counts(store)["executions"] == 2
    assert indexed(store) == {"a = 1", "b = 2"}


def test_cells_that_only_a_notebooks_file_names_stay(store: SqliteStore) -> None:
    kept, gone = begin(store), begin(store)
    saved(store, kept, kernel="k", cells=("a = 1",), file_cells=("# never run",))
    saved(store, gone, kernel="l", cells=("b = 2",), file_cells=("# never run", "# only there"))
    store.set_run_lifecycle(gone, "deleted")
    assert store.collect_garbage(ALL).blobs == 3  # its source, its manifest and one cell of the file
    snapshot = store.load_snapshot(kept)
    assert snapshot is not None
    assert list(snapshot.texts.values()) == ["# never run"]


def test_a_kernel_that_goes_on_is_told_what_is_gone(store: SqliteStore) -> None:
    first, second = begin(store), begin(store)
    saved(store, first, kernel="k", cells=("a = 1", "b = 2"))
    store.set_run_lifecycle(first, "deleted")
    store.collect_garbage(ALL)
    with pytest.raises(MissingCellsError):
        saved(store, second, kernel="k", cells=("a = 1", "b = 2", "c = 3"), since=2)
    assert store.load_snapshot(second) is None
    saved(store, second, kernel="k", cells=("a = 1", "b = 2", "c = 3"))
    assert texts_of(store, second) == ["a = 1", "b = 2", "c = 3"]
