"""Run by the real mlflow's Python against a tracking server: models logged, registered, loaded; artifacts; autolog.

Prints JSON: what each step gave.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sklearn.linear_model import LinearRegression

if TYPE_CHECKING:
    from collections.abc import Callable

X = np.arange(10.0).reshape(-1, 1)
Y = 2 * X.ravel()


def main(uri: str, how_much: str) -> dict[str, Any]:
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("real client")
    client, told = MlflowClient(), {}
    told["artifacts"] = artifacts(client)
    run_id, model_id = log_model()
    told["uris"] = load(client, run_id, model_id)
    if how_much == "files":
        return told
    told["sources"] = register(client, run_id, model_id)
    told["registry"] = registry(client)
    told["autolog"] = autolog()
    told["errors"] = errors(client)
    return told


def artifacts(client: MlflowClient) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    (folder / "sub").mkdir()
    (folder / "sub" / "large.bin").write_bytes(b"x" * 3_000_000)
    (folder / "empty").write_bytes(b"")
    with mlflow.start_run() as run:
        mlflow.log_text("<b>text</b>", "dir/page.html")
        mlflow.log_dict({"a": 1}, "dir/a.json")
        mlflow.log_artifacts(str(folder), "tree")
    run_id, root = run.info.run_id, run.info.artifact_uri
    repository = get_artifact_repository(root)
    found = {
        "root": root == f"mlflow-artifacts:/{run.info.experiment_id}/{run_id}/artifacts",
        "listed": [(each.path, each.is_dir, each.file_size) for each in client.list_artifacts(run_id, "tree")],
        "text": mlflow.artifacts.load_text(f"{root}/dir/page.html"),
        "json": mlflow.artifacts.load_dict(f"runs:/{run_id}/dir/a.json"),
        "large": len(Path(client.download_artifacts(run_id, "tree/sub/large.bin")).read_bytes()),
        "all": sorted(each.name for each in Path(mlflow.artifacts.download_artifacts(run_id=run_id)).rglob("*")),
    }
    repository.delete_artifacts("tree")
    return found | {"left": [each.path for each in client.list_artifacts(run_id)]}


def log_model() -> tuple[str, str]:
    with mlflow.start_run() as run:
        mlflow.log_metric("a", 1.0)
        info = mlflow.sklearn.log_model(
            LinearRegression().fit(X, Y),
            name="model",
            input_example=X[:2],
            pip_requirements=["scikit-learn"],
            registered_model_name="house prices",
        )
    return run.info.run_id, info.model_id


def load(client: MlflowClient, run_id: str, model_id: str) -> dict[str, Any]:
    client.set_registered_model_alias("house prices", "champion", "1")
    client.transition_model_version_stage("house prices", "1", "Production")
    root = client.get_logged_model(model_id).artifact_location
    found = {}
    for uri in (
        "models:/house prices/1",
        "models:/house prices@champion",
        "models:/house prices/Production",
        "models:/house prices/latest",
        f"models:/{model_id}",
        f"runs:/{run_id}/model",
        root,
    ):
        native = mlflow.sklearn.load_model(uri).predict([[3.0]])
        generic = mlflow.pyfunc.load_model(uri).predict(np.array([[3.0]]))
        found[uri.replace(model_id, "MODEL").replace(run_id, "RUN")] = [
            round(float(each[0]), 6) for each in (native, generic)
        ]
    return found


def register(client: MlflowClient, run_id: str, model_id: str) -> dict[str, Any]:
    name = "sources"
    root = client.get_logged_model(model_id).artifact_location
    by_run = mlflow.register_model(f"runs:/{run_id}/model", name)
    by_model = mlflow.register_model(f"models:/{model_id}", name, tags={"k": "v"})
    by_place = client.create_model_version(name, root, run_id=run_id)
    copied = client.copy_model_version(f"models:/{name}/1", "copied")
    places = [
        client.get_model_version_download_uri(each.name, each.version) for each in (by_run, by_model, by_place, copied)
    ]
    mlflow.sklearn.load_model("models:/copied/1")
    versions = json.loads(client.get_logged_model(model_id).tags["mlflow.modelVersions"])
    return {
        "same place": {each == root for each in places} == {True},
        "numbers": [each.version for each in (by_run, by_model, by_place, copied)],
        "source": by_place.source == root,
        "noted": sorted((each["name"], each["version"]) for each in versions),
    }


def registry(client: MlflowClient) -> dict[str, Any]:
    client.update_registered_model("sources", "described")
    client.set_registered_model_tag("sources", "team", "a")
    client.set_model_version_tag("sources", "1", "checked", "yes")
    client.update_model_version("sources", "1", "the first")
    client.transition_model_version_stage("sources", "1", "Staging")
    client.transition_model_version_stage("sources", "2", "Staging", archive_existing_versions=True)
    client.set_registered_model_alias("sources", "best", "2")
    found = client.get_registered_model("sources")
    told = {
        "model": [found.description, found.tags, found.aliases],
        "stages": sorted(
            (each.version, each.current_stage) for each in client.search_model_versions("name = 'sources'")
        ),
        "latest": [each.version for each in client.get_latest_versions("sources", ["Staging"])],
        "alias": client.get_model_version_by_alias("sources", "best").version,
        "tagged": [each.version for each in client.search_model_versions("name = 'sources' and tags.checked = 'yes'")],
        "found": [each.name for each in client.search_registered_models("tags.team = 'a'")],
        "paged": [len(client.search_model_versions("name = 'sources'", max_results=2)), 2],
    }
    client.rename_registered_model("sources", "renamed")
    client.delete_registered_model_alias("renamed", "best")
    client.delete_model_version("renamed", "3")
    client.delete_registered_model_tag("renamed", "team")
    renamed = client.get_registered_model("renamed")
    told["renamed"] = [renamed.tags, renamed.aliases, len(client.search_model_versions("name = 'renamed'"))]
    client.delete_registered_model("renamed")
    told["deleted"] = [each.name for each in client.search_registered_models()]
    return told


def autolog() -> dict[str, Any]:
    mlflow.sklearn.autolog()
    with mlflow.start_run() as run:
        LinearRegression().fit(X, Y)
    mlflow.sklearn.autolog(disable=True)
    found = mlflow.get_run(run.info.run_id)
    models = [each.model_id for each in found.outputs.model_outputs]
    return {
        "metrics": sorted(found.data.metrics),
        "predicts": round(float(mlflow.sklearn.load_model(f"models:/{models[0]}").predict([[3.0]])[0]), 6),
        "by run": round(float(mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict([[3.0]])[0]), 6),
    }


def errors(client: MlflowClient) -> dict[str, str]:
    run_id = client.create_run(client.get_experiment_by_name("real client").experiment_id).info.run_id
    cases: dict[str, Callable[[], object]] = {
        "model": lambda: client.get_registered_model("nothing"),
        "version": lambda: client.get_model_version("house prices", "99"),
        "alias": lambda: client.get_model_version_by_alias("house prices", "nothing"),
        "twice": lambda: client.create_registered_model("house prices"),
        "name": lambda: client.create_registered_model("a/b"),
        "stage": lambda: client.transition_model_version_stage("house prices", "1", "Bogus"),
        "source": lambda: client.create_model_version("house prices", "/etc", run_id=run_id),
        "place": lambda: client.create_experiment("elsewhere", artifact_location="/tmp/elsewhere"),
        "artifact": lambda: client.download_artifacts(run_id, "nothing"),
    }
    found = {}
    for name, call in cases.items():
        try:
            call()
        except MlflowException as error:
            found[name] = error.error_code
        except Exception as error:  # what it is, is what is asked
            found[name] = type(error).__name__
    return found


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    print(json.dumps(main(*sys.argv[1:])))
