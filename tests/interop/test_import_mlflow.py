"""Stores that the real mlflow wrote come over field by field; what they should be is what mlflow's own client reads."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.interop.imported import all_of_it, described, rows, run_ids

import mltrack
from mltrack.exceptions import ArtifactChangedError, NotFoundError, UntrustedModelError
from mltrack.importers import import_mlflow
from mltrack.masking import MASK
from mltrack.models.manifest import digest_of
from mltrack.models.sources import find_model
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import RealStore

    from mltrack.importers import ImportSummary

LARGEST = "1.7976931348623157e+308"


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "mltrack.db")


@pytest.fixture
def summary(real_store: RealStore, store: SqliteStore) -> ImportSummary:
    return import_mlflow(real_store.path, store=store)


def expected(told: dict[str, Any]) -> dict[str, Any]:
    """What mlflow tells of a run, with what is different here on purpose."""
    infinities = {LARGEST: "inf", f"-{LARGEST}": "-inf"}  # mlflow's database keeps the largest float instead
    secret = {"api_key": MASK} if "api_key" in told["params"] else {}
    return {
        **told,
        "params": {**told["params"], **secret},
        "latest": {key: infinities.get(value, value) for key, value in told["latest"].items()},
        "history": {
            key: sorted(((infinities.get(v, v), time, step) for v, time, step in points), key=_moment)
            for key, points in told["history"].items()
        },
        "model_outputs": [tuple(each) for each in told["model_outputs"]],
        "datasets": sorted(told["datasets"], key=repr),
    }


def _moment(point: tuple[str, int, int]) -> tuple[int, int, float]:
    return point[1], point[2], float(point[0])


def test_every_run_is_as_mlflows_client_reads_it(
    real_store: RealStore, store: SqliteStore, summary: ImportSummary
) -> None:
    told = real_store.told["runs"]
    assert run_ids(store) == told.keys()
    assert len(told) == 8
    for run_id, run in told.items():
        here = described(store, run_id)
        here["datasets"] = sorted(here["datasets"], key=repr)
        here["history"] = {key: sorted(points, key=_moment) for key, points in here["history"].items()}
        assert here == expected(run), run["run_name"]


def test_what_the_store_held_is_what_the_test_is_about(real_store: RealStore) -> None:
    runs = {run["run_name"]: run for run in real_store.told["runs"].values()}
    assert runs["child 0"]["tags"]["mlflow.parentRunId"] in real_store.told["runs"]
    assert len(runs["child 0"]["history"]["loss/train"]) == 7
    assert {"nan", "0.1"} <= {value for value, _, _ in runs["child 1"]["history"]["loss/train"]}
    assert runs["deleted"]["lifecycle_stage"] == "deleted"
    assert runs["deleted"]["files"]
    assert {run["status"] for run in runs.values()} == {"FINISHED", "FAILED", "RUNNING", "KILLED"}
    assert len(runs["parent"]["datasets"]) == 2
    assert len(runs["parent"]["files"]) > 3


def test_experiments_keep_their_ids_names_times_and_tags(
    real_store: RealStore, store: SqliteStore, summary: ImportSummary
) -> None:
    for told in real_store.told["experiments"]:
        here = store.get_experiment(told["experiment_id"])
        for key in ("name", "lifecycle_stage", "tags"):
            assert getattr(here, key) == told[key]
        if here.name != "Default":  # which was here before
            assert (here.creation_time, here.last_update_time) == (told["creation_time"], told["last_update_time"])
    assert summary.experiments == 2


def test_the_last_points_are_where_searches_look(
    real_store: RealStore, store: SqliteStore, summary: ImportSummary
) -> None:
    assert rows(store, "SELECT count(*) FROM runs WHERE live = 1 OR owner IS NOT NULL") == [(0,)]
    mltrack.set_tracking_uri(store.path)
    client = mltrack.MltrackClient()
    ids = [each["experiment_id"] for each in real_store.told["experiments"]]
    found = client.search_runs(ids, "metrics.`loss/train` = 0.1 AND tags.mlflow.parentRunId != ''")
    assert {run.info.run_name for run in found} == {"child 0", "child 1"}


def test_models_and_their_registry(real_store: RealStore, store: SqliteStore, summary: ImportSummary) -> None:
    (told,) = real_store.told["models"]
    query = (
        "SELECT m.uuid, e.id, m.name, m.source_run_id, m.created_at, m.updated_at, m.status"
        " FROM logged_models m JOIN experiments e ON e.id = m.experiment_id"
    )
    keys = ("model_id", "name", "source_run_id", "creation_timestamp", "last_updated_timestamp")
    ((model_id, experiment, *rest, status),) = rows(store, query)
    assert [model_id, *rest] == [told[key] for key in keys]
    assert (str(experiment), status) == (told["experiment_id"], told["status"])
    assert dict(rows(store, "SELECT key, value FROM logged_model_params")) == told["params"]
    assert dict(rows(store, "SELECT key, value FROM logged_model_tags")) == told["tags"]
    query = (
        "SELECT k.name, l.value, l.step, l.dataset_name FROM logged_model_metrics l"
        " JOIN metric_keys k ON k.id = l.key_id ORDER BY 1"
    )
    assert [(key, repr(value), *more) for key, value, *more in rows(store, query)] == list(map(tuple, told["metrics"]))
    root = store.path.parent / "mlartifacts" / told["experiment_id"] / "models" / told["model_id"] / "artifacts"
    assert sorted(f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_file()) == told["files"]
    (registered,) = real_store.told["registered"]
    query = (
        "SELECT v.version, v.source, v.source_run_id, v.stage, v.created_at, v.logged_model_id FROM model_versions v"
    )
    ((version, *_),) = registered["versions"]
    assert rows(store, query) == [(*registered["versions"][0][:5], told["model_id"])]
    assert rows(store, "SELECT name, description, last_version FROM registered_models") == [
        (registered["name"], registered["description"], version)
    ]
    assert dict(rows(store, "SELECT alias, version FROM model_aliases")) == registered["aliases"]
    assert dict(rows(store, "SELECT key, value FROM model_version_tags")) == registered["versions"][0][5]


def test_files_have_digests(store: SqliteStore, real_store: RealStore, summary: ImportSummary) -> None:
    total = 0
    for run_id, told in real_store.told["runs"].items():
        records = store.artifact_records(run_id)
        assert records.keys() == told["files"].keys()
        for path, in_hexadecimal in told["files"].items():
            content = bytes.fromhex(in_hexadecimal)
            assert records[path] == (len(content), hashlib.sha256(content).hexdigest())
            total += len(content)
    assert summary.artifacts == sum(len(run["files"]) for run in real_store.told["runs"].values()) + len(
        real_store.told["models"][0]["files"]
    )
    assert summary.size > total > 1000


def test_a_version_is_loaded_and_refused_once_its_files_have_changed(
    real_store: RealStore, store: SqliteStore, summary: ImportSummary
) -> None:
    mltrack.set_tracking_uri(store.uri)
    (told,) = real_store.told["models"]
    version = store.get_model_version("flowers", "2")
    assert version.digest == digest_of(store.logged_model_records(told["model_id"]))
    assert store.logged_model_records(told["model_id"]).keys() == set(told["files"])
    with pytest.raises(UntrustedModelError, match=r"the pickle model\.pkl .*mltrack models trust models:/flowers@best"):
        mltrack.pyfunc.load_model("models:/flowers@best")
    loaded = mltrack.pyfunc.load_model("models:/flowers@best", allow_pickle=True)
    assert len(loaded.predict(np.random.default_rng(0).random((4, 3)))) == 4
    with (find_model("models:/flowers@best").fetch() / "requirements.txt").open("a") as writer:
        writer.write("another\n")
    with pytest.raises(ArtifactChangedError):
        mltrack.pyfunc.load_model("models:/flowers@best")


def test_twice_adds_nothing(real_store: RealStore, store: SqliteStore, summary: ImportSummary) -> None:
    before = all_of_it(store)
    again = import_mlflow(real_store.path, store=store)
    assert all_of_it(store) == before
    assert (again.runs_new, again.runs_updated, again.runs_unchanged) == (0, 0, 8)
    assert "added: nothing" in str(again)
    assert again.to_dict().items() >= {"points": 0, "params": 0, "tags": 0, "artifacts": 0, "size": 0}.items()


def test_the_summary(real_store: RealStore, store: SqliteStore, summary: ImportSummary) -> None:
    runs = real_store.told["runs"].values()
    assert summary.points == sum(len(points) for run in runs for points in run["history"].values())
    assert summary.params == sum(len(run["params"]) for run in runs)
    assert summary.tags == sum(len(run["tags"]) for run in runs)
    assert (summary.inputs, summary.models, summary.model_versions, summary.masked) == (2, 1, 1, 1)
    assert "8 new" in str(summary)
    assert str(real_store.path) in str(summary)
    assert "1 of the runs had not ended there" in str(summary)
    assert json.loads(json.dumps(summary.to_dict()))["runs_new"] == 8


def test_the_foreign_store_is_not_touched(real_store: RealStore, tmp_path: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = [path for path in real_store.folder.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

    before = state()
    import_mlflow(real_store.path, store=tmp_path / "other.db")
    assert state() == before


def test_one_experiment_only(real_store: RealStore, store: SqliteStore) -> None:
    summary = import_mlflow(real_store.path, experiment="dropped", store=store)
    assert (summary.runs_new, summary.experiments, summary.model_versions) == (1, 1, 0)
    with pytest.raises(NotFoundError, match="no experiment 'nothing'"):
        import_mlflow(real_store.path, experiment="nothing", store=store)


def test_artifacts_that_stay_where_they_are(real_store: RealStore, store: SqliteStore) -> None:
    summary = import_mlflow(real_store.path, copy_artifacts=False, store=store)
    assert (summary.artifacts, list(store.path.parent.glob("mlartifacts/*"))) == (0, [])
    run_id, told = next((i, run) for i, run in real_store.told["runs"].items() if run["run_name"] == "parent")
    assert described(store, run_id)["files"] == told["files"]


def test_a_store_that_was_moved(real_store: RealStore, store: SqliteStore, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(real_store.folder, moved)
    real_store.folder.rename(tmp_path / "hidden")
    try:
        summary = import_mlflow(moved, store=store)
    finally:
        (tmp_path / "hidden").rename(real_store.folder)
    run_id, told = next((i, run) for i, run in real_store.told["runs"].items() if run["run_name"] == "parent")
    assert described(store, run_id)["files"] == told["files"]
    assert not any("not found" in reason for reason in summary.skipped)
