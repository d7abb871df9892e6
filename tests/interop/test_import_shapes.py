"""Foreign stores of older versions, in odd states, still being written, and with what is here already."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.interop.foreign_stores import RUN, add_run, change, make_database, make_old_folder
from tests.interop.imported import all_of_it, described, rows

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreFormatError
from mltrack.importers import import_mlflow
from mltrack.store.connection import sqlite3
from mltrack.store.mlflow_copy import TABLES
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.interop.conftest import RealStore


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "mltrack.db")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "mlflow.db")


LATER_COLUMNS = {
    "experiments": ["creation_time", "last_update_time", "workspace"],
    "runs": ["name", "deleted_time"],
    "registered_models": ["workspace"],
    "model_versions": ["storage_location", "workspace"],
}
LATER_TABLES = ["logged_models", "registered_model_aliases", "datasets", "inputs", "input_tags"]


def test_a_database_of_an_early_version(real_stores: dict[str, RealStore], store: SqliteStore, tmp_path: Path) -> None:
    real_store = real_stores["database"]
    old = tmp_path / "old.db"
    shutil.copy(real_store.path, old)
    with sqlite3.connect(old) as connection:
        for table in LATER_TABLES:
            connection.execute(f"DROP TABLE {table}")
        for table, columns in LATER_COLUMNS.items():
            kept = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] not in columns]
            connection.execute(f"CREATE TABLE kept AS SELECT {', '.join(kept)} FROM {table}")
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE kept RENAME TO {table}")
    connection.close()
    summary = import_mlflow(old, store=store)
    assert (summary.runs_new, summary.inputs, summary.models, summary.model_versions) == (8, 0, 0, 1)
    run_id, told = next((i, run) for i, run in real_store.told["runs"].items() if run["run_name"] == "child 0")
    here = described(store, run_id)
    assert (here["run_name"], here["params"], here["tags"]) == ("child 0", told["params"], told["tags"])


def test_the_columns_read_are_those_that_mlflow_has(real_stores: dict[str, RealStore]) -> None:
    with sqlite3.connect(real_stores["database"].path) as connection:
        for table, columns in TABLES.items():
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert {column.partition(":")[0] for column in columns.split()} <= there, table
    connection.close()


def test_a_folder_of_an_early_version(store: SqliteStore, tmp_path: Path) -> None:
    summary = import_mlflow(make_old_folder(tmp_path / "mlruns"), store=store)
    run = described(store, RUN)
    assert run["history"] == {"rmse": [("0.5", 1530000000, 0), ("nan", 1530000001, 0)]}
    assert (run["run_name"], run["experiment_id"], run["status"], run["end_time"]) == ("old", "0", "FINISHED", 2000)
    assert (run["params"], run["files"]) == ({"alpha": "0.1"}, {"model.txt": b"a model".hex()})
    assert summary.skipped == {}


def test_damaged_files_are_counted_and_the_rest_comes(store: SqliteStore, tmp_path: Path) -> None:
    root = make_old_folder(tmp_path / "mlruns")
    run = root / "0" / RUN
    (run / "metrics" / "bad").write_text(f"1 2 3 4 5 6\nnot a number\n5\n1 1.5 {2**70}\n7 0.5 1\n")
    (root / "0" / ("b" * 32)).mkdir()
    (root / "0" / ("c" * 32)).mkdir()
    (root / "0" / ("c" * 32) / "meta.yaml").write_text("- a list\n")
    (root / "7").mkdir()
    summary = import_mlflow(root, store=store)
    assert summary.skipped["lines of metrics that are damaged"] == 3
    assert summary.skipped["runs whose meta.yaml is missing or damaged"] == 2
    assert summary.skipped["experiments whose meta.yaml is missing or damaged"] == 1
    assert described(store, RUN)["history"]["bad"] == [("2.0", 1, 3), ("0.5", 7, 1)]


def test_a_deleted_experiment_in_the_trash(store: SqliteStore, tmp_path: Path) -> None:
    root = make_old_folder(tmp_path / "mlruns")
    (root / ".trash").mkdir()
    (root / "0").rename(root / ".trash" / "12")
    (root / ".trash" / "12" / "meta.yaml").write_text("experiment_id: '12'\nname: thrown away\n")
    import_mlflow(root, store=store)
    assert store.get_experiment("12").lifecycle_stage == "deleted"
    assert described(store, RUN)["experiment_id"] == "12"


def test_a_run_that_went_on_gets_its_new_points(store: SqliteStore, tmp_path: Path) -> None:
    root = make_old_folder(tmp_path / "mlruns")
    meta, points = root / "0" / RUN / "meta.yaml", root / "0" / RUN / "metrics" / "rmse"
    ended = meta.read_text()
    meta.write_text(ended.replace("end_time: 2000", "end_time: null").replace("status: 3", "status: 1"))
    points.write_text("1 0.5 0\n2 0.4 1\n3 0.")  # it is being written
    import_mlflow(root, store=store)
    here = described(store, RUN)
    assert (here["status"], here["end_time"], len(here["history"]["rmse"])) == ("RUNNING", None, 2)
    points.write_text("1 0.5 0\n2 0.4 1\n3 0.3 2\n")
    (root / "0" / RUN / "tags" / "mlflow.runName").write_text("renamed")
    meta.write_text(ended)
    (root / "0" / RUN / "artifacts" / "late.txt").write_text("late")
    summary = import_mlflow(root, store=store)
    here = described(store, RUN)
    assert (here["status"], here["end_time"], here["latest"]["rmse"]) == ("FINISHED", 2000, "0.3")
    assert here["run_name"] == "renamed"
    assert (summary.runs_updated, summary.points, summary.artifacts) == (1, 1, 1)


def test_what_was_changed_here_stays(store: SqliteStore, tmp_path: Path) -> None:
    root = make_old_folder(tmp_path / "mlruns")
    import_mlflow(root, store=store)
    mltrack.set_tracking_uri(store.path)
    client = mltrack.MltrackClient()
    client.set_tag(RUN, "mlflow.runName", "my name for it")
    client.set_tag(RUN, "mine", "yes")
    client.delete_run(RUN)
    before = all_of_it(store)
    import_mlflow(root, store=store)
    assert all_of_it(store) == before


def test_an_import_that_was_cut_off_is_finished_by_the_next(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_database(tmp_path / "mlflow.db")
    for letter in "abc":
        add_run(database, letter * 32)
        change(database, *[f"INSERT INTO metrics VALUES ('m', {n}, {n}, '{letter * 32}', {n}, 0)" for n in range(30)])
    whole = SqliteStore(tmp_path / "whole.db")
    import_mlflow(database, store=whole)
    monkeypatch.setattr("mltrack.importers.transfer.PART_POINTS", 7)
    calls = iter(range(100))
    from mltrack.store.import_writer import ImportWriter  # to cut it off

    write = ImportWriter.write

    def failing(self: ImportWriter, parts: object) -> object:
        if next(calls) == 6:
            raise KeyboardInterrupt
        return write(self, parts)  # type: ignore[arg-type]

    monkeypatch.setattr(ImportWriter, "write", failing)
    with pytest.raises(KeyboardInterrupt):
        import_mlflow(database, store=store)
    assert 0 < rows(store, "SELECT count(*) FROM metrics")[0][0] < 90
    mltrack.set_tracking_uri(store.path)
    assert len(mltrack.MltrackClient().search_runs(["5"], "metrics.m >= 0")) == 2
    import_mlflow(database, store=store)
    assert [described(store, x * 32) for x in "abc"] == [described(whole, x * 32) for x in "abc"]
    assert rows(store, "SELECT count(*) FROM runs WHERE live = 1") == [(0,)]


def test_ids_and_names_that_are_taken(store: SqliteStore, database: Path) -> None:
    for name in ("one", "two", "three", "four", "mine"):
        store.create_experiment(name)
    assert store.get_experiment("5").name == "mine"
    add_run(database)
    change(database, "INSERT INTO experiments VALUES (9, 'one', '', 'active')")
    summary = import_mlflow(database, store=store)
    assert store.get_experiment(described(store, RUN)["experiment_id"]).name == "five"
    assert described(store, RUN)["experiment_id"] == "6"
    assert "experiment 'five' (5) is experiment 6 here (new)" in summary.notes
    assert "experiment 'one' (9) is experiment 1 here (the one of that name)" in summary.notes
    mltrack.set_tracking_uri(store.path)
    mltrack.MltrackClient().rename_experiment("6", "renamed here")
    again = import_mlflow(database, store=store)
    assert (again.experiments, again.runs_unchanged) == (0, 1)


def test_a_database_that_is_being_written(store: SqliteStore, database: Path) -> None:
    add_run(database)
    writer = sqlite3.connect(database)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO params VALUES ('p', '1', ?)", (RUN,))
    import_mlflow(database, store=store)
    assert described(store, RUN)["params"] == {}
    writer.commit()
    import_mlflow(database, store=store)
    assert described(store, RUN)["params"] == {"p": "1"}
    writer.close()


def test_the_foreign_database_is_free_while_the_import_goes_on(
    store: SqliteStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(database)
    from mltrack.importers.transfer import Transfer  # to look in between

    run = Transfer.run

    def writing_meanwhile(self: Transfer) -> object:
        with sqlite3.connect(database, timeout=0) as connection:
            connection.execute("INSERT INTO params VALUES ('p', '1', ?)", (RUN,))
        connection.close()
        return run(self)

    monkeypatch.setattr(Transfer, "run", writing_meanwhile)
    import_mlflow(database, store=store)
    assert described(store, RUN)["params"] == {}


def test_a_database_in_wal_mode_is_left_alone(store: SqliteStore, database: Path) -> None:
    add_run(database)
    change(database, "PRAGMA journal_mode = WAL")
    before = sorted(path.name for path in database.parent.iterdir())
    import_mlflow(database, store=store)
    assert sorted(path.name for path in database.parent.iterdir() if path.name != "mlartifacts") == before
    writer = sqlite3.connect(database)
    writer.execute("INSERT INTO params VALUES ('p', '1', ?)", (RUN,))
    writer.commit()
    import_mlflow(database, store=store)
    assert described(store, RUN)["params"] == {"p": "1"}
    writer.close()


def _nothing(folder: Path) -> Path:
    return folder / "nothing.db"


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _other(folder: Path) -> Path:
    change(folder / "other.db", "CREATE TABLE experiments (x)")
    return folder / "other.db"


def _text(folder: Path) -> Path:
    (folder / "text.db").write_text("no database " * 200)
    return folder / "text.db"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (_nothing, NotFoundError, "no MLflow store at"),
        (_empty, NotFoundError, "no MLflow store at"),
        (_other, StoreFormatError, "not MLflow's"),
        (_text, StoreFormatError, "no SQLite database"),
        (lambda _: "http://localhost:5000", InvalidParameterError, "no place on this machine"),
    ],
)
def test_what_is_no_store(
    make: Callable[[Path], Path | str], error: type[Exception], message: str, tmp_path: Path, store: SqliteStore
) -> None:
    with pytest.raises(error, match=message):
        import_mlflow(make(tmp_path), store=store)


@pytest.mark.parametrize("form", ["sqlite:///{}/mlflow.db", "{}", "{}/mlflow.db", "file://{}"])
def test_the_forms_of_a_path(form: str, database: Path, store: SqliteStore) -> None:
    add_run(database)
    assert import_mlflow(form.format(database.parent), store=store).runs_new == 1
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        import_mlflow(database, nonsense=1)  # type: ignore[call-arg]
