"""What the real mlflow does with an mltrack store by the plugin; run in its environment, with the store's URI."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def code_of(call: Any, *arguments: Any) -> str:
    try:
        call(*arguments)
    except MlflowException as error:
        return str(error.error_code)
    return "none"


def experiments(client: mlflow.MlflowClient) -> dict[str, Any]:
    made = client.create_experiment("second", tags={"a": "b"})
    client.set_experiment_tag(made, "c", "d")
    client.rename_experiment(made, "renamed")
    client.delete_experiment(made)
    deleted = [each.name for each in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    client.restore_experiment(made)
    found = client.get_experiment_by_name("renamed")
    return {
        "deleted": deleted,
        "tags": found.tags,
        "stage": found.lifecycle_stage,
        "missing": client.get_experiment_by_name("x"),
    }


def runs(client: mlflow.MlflowClient) -> dict[str, Any]:
    mlflow.set_experiment("plugin")
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"C": 0.5, "kind": "a b"})
        mlflow.log_metrics({"accuracy": 0.5, "bad": math.nan}, step=1)
        mlflow.log_metric("accuracy", 0.75, step=2)
        mlflow.set_tag("note", "é")
        mlflow.log_text("hello", "notes/a.txt")
    run_id = run.info.run_id
    client.log_batch(
        run_id, [Metric("loss", value, 1, value) for value in range(5)], [Param("n", "1")], [RunTag("t", "u")]
    )
    client.log_inputs(
        run_id, [DatasetInput(Dataset("iris", "12", "local", "{}"), [InputTag("mlflow.data.context", "train")])]
    )
    client.delete_tag(run_id, "t")
    read = client.get_run(run_id)
    second = client.create_run(run.info.experiment_id, run_name="second")
    client.delete_run(second.info.run_id)
    deleted = [
        each.info.run_name for each in client.search_runs([run.info.experiment_id], run_view_type=ViewType.DELETED_ONLY)
    ]
    client.restore_run(second.info.run_id)
    client.set_terminated(second.info.run_id, "FAILED")
    found = client.search_runs([run.info.experiment_id], "metrics.accuracy > 0.7", max_results=1)
    pages = client.search_runs([run.info.experiment_id], max_results=1)
    datasets = client._tracking_client.store._search_datasets([run.info.experiment_id])
    return {
        "params": read.data.params,
        "accuracy": read.data.metrics["accuracy"],
        "nan": math.isnan(read.data.metrics["bad"]),
        "tags": {key: read.data.tags.get(key) for key in ("note", "t", "mlflow.runName")},
        "status": [read.info.status, client.get_run(second.info.run_id).info.status],
        "history": [(each.step, each.value) for each in client.get_metric_history(run_id, "loss")],
        "files": [each.path for each in client.list_artifacts(run_id, "notes")],
        "text": mlflow.artifacts.load_text(f"runs:/{run_id}/notes/a.txt"),
        "inputs": [each.dataset.name for each in read.inputs.dataset_inputs],
        "datasets": [(each.name, each.digest, each.context) for each in datasets],
        "deleted": deleted,
        "found": [each.info.run_name for each in found],
        "has_next": bool(pages.token),
        "codes": [
            code_of(client.get_run, "0" * 32),
            code_of(client.log_param, run_id, "C", "other"),
            code_of(client.search_runs, [run.info.experiment_id], "nonsense"),
            code_of(client.create_experiment, "plugin"),
        ],
    }


def models(client: mlflow.MlflowClient) -> dict[str, Any]:
    from sklearn.linear_model import LinearRegression  # the slow part

    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(fitted, name="model", pip_requirements=["scikit-learn"])
    version = mlflow.register_model(info.model_uri, "line")
    client.set_registered_model_alias("line", "champion", version.version)
    client.set_model_version_tag("line", version.version, "checked", "yes")
    client.transition_model_version_stage("line", version.version, "Staging")
    loaded = mlflow.sklearn.load_model("models:/line@champion")
    client.log_outputs(run.info.run_id, [LoggedModelOutput(info.model_id, 3)])
    client.update_registered_model("line", "a line")
    client.rename_registered_model("line", "straight")
    found = client.get_registered_model("straight")
    searched = mlflow.search_logged_models(experiment_ids=[run.info.experiment_id], output_format="list")
    return {
        "predicts": round(float(loaded.predict([[2.0]])[0]), 9),
        "aliases": found.aliases,
        "description": found.description,
        "versions": [each.version for each in client.search_model_versions("name = 'straight'")],
        "stage": client.get_model_version("straight", "1").current_stage,
        "names": [each.name for each in client.search_registered_models()],
        "logged": [each.name for each in searched],
        "codes": [code_of(client.get_registered_model, "none"), code_of(client.get_model_version, "straight", "9")],
    }


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    told = mlflow.MlflowClient()
    print(json.dumps({"experiments": experiments(told), "runs": runs(told), "models": models(told)}))
