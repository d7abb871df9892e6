"""Which experiment and which store the runs go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack import MltrackClient, settings
from mltrack.exceptions import (
    AlreadyExistsError,
    InvalidParameterError,
    NotFoundError,
)
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


def test_runs_go_to_the_chosen_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    with mltrack.start_run() as run:
        assert run.info.experiment_id == "0"
    chosen = mltrack.set_experiment("mine")
    assert mltrack.set_experiment("mine") == chosen
    assert mltrack.set_experiment(experiment_id=chosen.experiment_id) == chosen
    with mltrack.start_run() as run:
        assert run.info.experiment_id == chosen.experiment_id
    with mltrack.start_run(experiment_id="0") as run:
        assert run.info.experiment_id == "0"
    settings.state.experiment_id = None
    monkeypatch.setenv("MLTRACK_EXPERIMENT_NAME", "from outside")
    with mltrack.start_run() as run:
        assert settings.get_store().get_experiment(run.info.experiment_id).name == "from outside"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({}, InvalidParameterError), ({"experiment_name": "a", "experiment_id": "0"}, InvalidParameterError)]
    + [({"experiment_id": "77"}, NotFoundError)]
    + [({"experiment_name": name}, InvalidParameterError) for name in ("", " ", "a\0", "x" * 501, "\ud800")],
)
def test_experiments_that_cannot_be_chosen(arguments: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        mltrack.set_experiment(**arguments)


def test_an_experiment_made_meanwhile_by_another_process_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    store = settings.get_store()
    made = MltrackClient(mltrack.get_tracking_uri()).create_experiment("raced")
    real = store.get_experiment_by_name
    answers = iter([None])
    monkeypatch.setattr(store, "get_experiment_by_name", lambda name: next(answers, real(name)))
    with pytest.raises(AlreadyExistsError):
        store.create_experiment("raced")
    assert mltrack.set_experiment("raced").experiment_id == made


@pytest.mark.parametrize("name", ["a b.db", "100%25.db", "a#b?.db", "größe.db"])
@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_the_store_is_the_file_that_was_named(tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / name
    mltrack.set_tracking_uri(form.format(path) if form == "{}" else SqliteStore(path).uri)
    uri = mltrack.get_tracking_uri()
    with mltrack.start_run():
        pass
    assert path.exists()
    assert mltrack.get_tracking_uri() == uri == MltrackClient().tracking_uri == MltrackClient(uri).tracking_uri
    assert MltrackClient(uri).get_run(mltrack.search_runs(output_format="list")[0].info.run_id)


def test_a_uri_of_a_relative_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mltrack.set_tracking_uri("file:./a%20b.db")
    assert mltrack.get_tracking_uri() == SqliteStore(tmp_path / "a b.db").uri


def test_a_password_is_not_shown() -> None:
    with pytest.raises(InvalidParameterError, match="mysql") as caught:
        mltrack.set_tracking_uri("mysql://me:hunter2secret@host/db")
    assert "hunter2secret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["", "ftp://localhost:5000", "a\0b", "mysql://x/y", "databricks://", "databricks"])
def test_stores_that_this_version_cannot_open(uri: str) -> None:
    with pytest.raises(InvalidParameterError, match="Tracking URI"):
        mltrack.set_tracking_uri(uri)


def test_an_active_run_stays_in_its_store(tmp_path: Path) -> None:
    with mltrack.start_run() as run:
        mltrack.set_tracking_uri(tmp_path / "other.db")
        mltrack.log_metric("m", 1.0)
    assert run.store.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert run.store.get_run(run.info.run_id).info.status == "FINISHED"
    assert mltrack.search_runs(output_format="list") == []


def test_ids_go_on_from_the_small_ones_beside_imported_long_ones(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "mltrack.db")
    assert store.create_experiment("first") == "1"
    query = "INSERT INTO experiments VALUES (987654321098765432, 'from a folder', 'x', 'active', 1, 1)"
    store._database.write(lambda connection: connection.execute(query))
    assert store.create_experiment("second") == "2"
