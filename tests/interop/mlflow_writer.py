"""Run by an environment that has the real mlflow: ``mlflow_writer.py FOLDER`` writes two stores there.

One is a database, in ``database``, one a folder, in ``files``. What mlflow's client reads back goes to ``told.json``
beside each: the tests hold the import against it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

os.environ.update(MLFLOW_ALLOW_FILE_STORE="true", GIT_PYTHON_REFRESH="quiet", MPLBACKEND="agg")

import mlflow  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from sklearn.linear_model import LogisticRegression

FLOATS = [1.0, math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1]


def write() -> None:
    client = mlflow.MlflowClient()
    with mlflow.start_run(run_name="in Default"):
        mlflow.log_param("place", "zero")
    mlflow.set_experiment("iris")
    mlflow.set_experiment_tags({"team": "biology", "mlflow.note.content": "flowers"})
    _autologged()
    with mlflow.start_run(run_name="deleted") as deleted:
        mlflow.log_metric("gone", 1)
        mlflow.log_text("still here", "left.txt")
    client.delete_run(deleted.info.run_id)
    client.create_run(client.get_experiment_by_name("iris").experiment_id, run_name="still open")
    with mlflow.start_run(run_name="failed", tags={"slash/ed key": "v", "long": "x" * 7900, "ü": "ß"}) as failed:
        mlflow.log_params({"a/b": "c", "empty": "", "api_key": "sk-proj-Abcdefghijklmnop0123456789", "lines": "1\n2\n"})
    client.set_terminated(failed.info.run_id, "FAILED")
    dropped = client.create_experiment("dropped")
    client.set_terminated(client.create_run(dropped).info.run_id, "KILLED")
    client.delete_experiment(dropped)


def _autologged() -> None:
    mlflow.sklearn.autolog()
    points = np.random.default_rng(0).random((40, 3))
    with mlflow.start_run(run_name="parent", description="the first"):
        LogisticRegression().fit(points, points[:, 0] > 0.5)
        mlflow.log_text("hällo", "notes/deep/a b.txt")
        mlflow.log_input(mlflow.data.from_numpy(points, name="points"), context="test", tags={"split": "1"})
        for number in range(2):
            with mlflow.start_run(run_name=f"child {number}", nested=True):
                for step, value in enumerate(FLOATS):
                    mlflow.log_metric("loss/train", value, step=step - 2)
                mlflow.log_metric("same", 0.5, step=1)
                mlflow.log_metric("same", 0.25, step=1)
    mlflow.sklearn.autolog(disable=True)
    model = mlflow.search_logged_models(output_format="list")[0]
    client = mlflow.MlflowClient()
    for _ in range(2):
        mlflow.register_model(model.model_uri, "flowers")
    client.delete_model_version("flowers", 1)
    client.set_registered_model_alias("flowers", "best", 2)
    client.set_model_version_tag("flowers", 2, "checked", "yes")
    client.update_registered_model("flowers", "knows flowers")


def tell() -> dict[str, Any]:
    client = mlflow.MlflowClient()
    experiments = client.search_experiments(view_type=mlflow.entities.ViewType.ALL)
    ids = [each.experiment_id for each in experiments]
    runs = client.search_runs(ids, run_view_type=mlflow.entities.ViewType.ALL, max_results=100)
    return {
        "experiments": [{**dict(each), "tags": dict(each.tags)} for each in experiments],
        "runs": {run.info.run_id: _run(client, run) for run in runs},
        "models": [_model(each) for each in mlflow.search_logged_models(ids, output_format="list")],
        "registered": [_registered(client, each) for each in client.search_registered_models()],
    }


def _run(client: Any, run: Any) -> dict[str, Any]:
    info = run.info
    keys = ("run_name", "experiment_id", "user_id", "status", "start_time", "end_time", "lifecycle_stage")
    root = Path(info.artifact_uri.removeprefix("file://"))
    return {
        **{key: getattr(info, key) for key in keys},
        "params": run.data.params,
        "tags": run.data.tags,
        "latest": {key: repr(value) for key, value in run.data.metrics.items()},
        "history": {
            key: [(repr(m.value), m.timestamp, m.step) for m in client.get_metric_history(info.run_id, key)]
            for key in run.data.metrics
        },
        "datasets": [
            {**each.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in each.tags}}
            for each in run.inputs.dataset_inputs
        ],
        "model_outputs": [(each.model_id, each.step) for each in (run.outputs.model_outputs if run.outputs else ())],
        "files": {f.relative_to(root).as_posix(): f.read_bytes().hex() for f in root.rglob("*") if f.is_file()},
    }


def _model(model: Any) -> dict[str, Any]:
    keys = ("model_id", "experiment_id", "name", "source_run_id", "creation_timestamp", "last_updated_timestamp")
    root = Path(model.artifact_location.removeprefix("file://"))
    return {
        **{key: getattr(model, key) for key in keys},
        "status": str(model.status),
        "params": model.params,
        "tags": model.tags,
        "metrics": sorted((m.key, repr(m.value), m.step, m.dataset_name) for m in model.metrics),
        "files": sorted(f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_file()),
    }


def _registered(client: Any, model: Any) -> dict[str, Any]:
    versions = client.search_model_versions(f"name = '{model.name}'")
    return {
        "name": model.name,
        "description": model.description,
        "aliases": {alias: int(version) for alias, version in model.aliases.items()},
        "versions": [
            (int(v.version), v.source, v.run_id, v.current_stage, v.creation_timestamp, dict(v.tags)) for v in versions
        ],
    }


for kind in ("database", "files"):
    folder = Path(sys.argv[1]) / kind
    folder.mkdir()
    os.chdir(folder)
    mlflow.set_tracking_uri("sqlite:///mlflow.db" if kind == "database" else str(folder / "mlruns"))
    mlflow.set_experiment("Default")
    write()
    Path("told.json").write_text(json.dumps(tell()))
