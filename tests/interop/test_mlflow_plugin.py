"""The plugin: the real mlflow's client and its own UI over an mltrack store."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.interop.mlflow_server import mlflow_server
from tests.interop.plugin_site import make_site

import mltrack

CALLS = Path(__file__).with_name("plugin_calls.py")
TOLD: dict[str, dict[str, Any]] = {
    "experiments": {"deleted": ["renamed"], "tags": {"a": "b", "c": "d"}, "stage": "active", "missing": None},
    "runs": {
        "params": {"C": "0.5", "kind": "a b", "n": "1"},
        "accuracy": 0.75,
        "nan": True,
        "tags": {"note": "é", "t": None, "mlflow.runName": "first"},
        "status": ["FINISHED", "FAILED"],
        "history": [[step, float(step)] for step in range(5)],
        "files": ["notes/a.txt"],
        "text": "hello",
        "inputs": ["iris"],
        "datasets": [["iris", "12", "train"]],
        "deleted": ["second"],
        "found": ["first"],
        "has_next": True,
        "codes": [
            "RESOURCE_DOES_NOT_EXIST",
            "INVALID_PARAMETER_VALUE",
            "INVALID_PARAMETER_VALUE",
            "RESOURCE_ALREADY_EXISTS",
        ],
    },
    "models": {
        "predicts": 4.0,
        "aliases": {"champion": "1"},
        "description": "a line",
        "versions": ["1"],
        "stage": "Staging",
        "names": ["straight"],
        "logged": ["model"],
        "codes": ["RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST"],
    },
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def told(mlflow_python: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("store")
    done = subprocess.run(
        [mlflow_python, str(CALLS), f"mltrack:///{folder}/mltrack.db"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "path": folder / "mltrack.db"}


@pytest.mark.slow
@pytest.mark.parametrize("part", TOLD)
def test_mlflows_client_is_told_the_same(told: dict[str, Any], part: str) -> None:
    assert told[part] == TOLD[part]


@pytest.mark.slow
def test_mltrack_reads_what_mlflow_wrote(told: dict[str, Any]) -> None:
    mltrack.set_tracking_uri(told["path"])
    client = mltrack.MlflowClient()
    experiment = client.get_experiment_by_name("plugin")
    assert experiment is not None
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert found["first"].data.params["kind"] == "a b"
    files = mltrack.artifacts.list_artifacts("models:/straight@champion")
    assert "MLmodel" in [each.path for each in files]


@pytest.mark.slow
def test_what_is_no_store_is_said(mlflow_python: str, environment: dict[str, str], tmp_path: Path) -> None:
    code = "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.search_experiments()"
    done = subprocess.run(
        [mlflow_python, "-c", code, "mltrack://host/x.db"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "names no mltrack store; give mltrack:///PATH/mltrack.db" in done.stderr


CHANGE = """
import sys
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent
from mlflow.webhooks.delivery import deliver_webhook
from mltrack.mlflow_plugin.registry import MltrackRegistryStore

store = MltrackRegistryStore(sys.argv[1])
event = WebhookEvent(WebhookEntity.REGISTERED_MODEL, WebhookAction.CREATED)
deliver_webhook(event=event, payload={"name": "m", "tags": {}, "description": ""}, store=store)
print(len(store.list_webhooks()))
"""


@pytest.mark.slow
def test_a_change_of_the_registry_finds_nobody_to_tell(
    mlflow_python: str, environment: dict[str, str], tmp_path: Path
) -> None:
    words = [mlflow_python, "-c", CHANGE, f"mltrack:///{tmp_path}/mltrack.db"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, "Failed to deliver" in done.stderr) == ("0\n", False), done.stderr[-2000:]


def asked(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in "{[" else text


@pytest.mark.slow
def test_mlflows_own_ui_opens_the_store(
    told: dict[str, Any], mlflow_python: str, environment: dict[str, str], tmp_path: Path
) -> None:
    uri = f"mltrack:///{told['path']}"
    with mlflow_server(mlflow_python, tmp_path, "--backend-store-uri", uri, path=environment["PYTHONPATH"]) as url:
        assert "<!doctype html>" in asked(f"{url}/").lower()
        api = f"{url}/ajax-api/2.0/mlflow"
        found = asked(f"{api}/experiments/search", {"max_results": 10})["experiments"]
        experiment = next(each["experiment_id"] for each in found if each["name"] == "plugin")
        runs = asked(f"{api}/runs/search", {"experiment_ids": [experiment], "max_results": 10})["runs"]
        assert {"first", "second"} <= {run["info"]["run_name"] for run in runs}
        first = next(run["info"]["run_id"] for run in runs if run["info"]["run_name"] == "first")
        assert asked(f"{api}/artifacts/list?run_id={first}")["files"][0]["path"] == "notes"
        assert asked(f"{url}/get-artifact?run_id={first}&path=notes/a.txt") == "hello"
        bulk = asked(f"{api}/metrics/get-history-bulk-interval?run_ids={first}&metric_key=loss&max_results=10")
        assert len(bulk["metrics"]) == 5
        datasets = asked(f"{api}/experiments/search-datasets", {"experiment_ids": [experiment]})
        assert datasets["dataset_summaries"][0]["name"] == "iris"
        assert asked(f"{api}/registered-models/search?max_results=5")["registered_models"][0]["name"] == "straight"
        models = asked(f"{api}/logged-models/search", {"experiment_ids": [experiment], "max_results": 5})
        assert models["models"][0]["info"]["name"] == "model"
