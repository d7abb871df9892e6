"""What a script with the real mlflow does at a server with users; run by ``test_server_access``, it prints JSON."""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

# Its package needs what only the server of MLflow's has.
_auth = types.ModuleType("mlflow.server.auth")
_auth.__path__ = [os.path.join(os.path.dirname(mlflow.__file__), "server", "auth")]
sys.modules["mlflow.server.auth"] = _auth
from mlflow.server.auth.client import AuthServiceClient  # noqa: E402 - see above

URL, PASSWORD, TOKEN, FOLDER = sys.argv[1:]
CHOSEN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def as_user(name: str = "", password: str = PASSWORD, token: str = "") -> None:
    """Be somebody from now on."""
    for variable, value in zip(CHOSEN, (name, password if name else "", token), strict=True):
        os.environ.pop(variable, None)
        if value:
            os.environ[variable] = value


def outcome(work: Any, *arguments: Any, **options: Any) -> Any:
    """Give what a call gives, or the code of the error that it raises."""
    try:
        found = work(*arguments, **options)
    except MlflowException as error:
        return error.error_code
    return found if isinstance(found, (str, int, list, type(None))) else "done"


def looks(client: MlflowClient, run: Any, folder: str) -> list[Any]:
    """Give what somebody sees of Ann's objects, and may do with them."""
    run_id, experiment = run.info.run_id, run.info.experiment_id
    place = os.path.join(FOLDER, folder)
    os.makedirs(place)
    got = outcome(mlflow.artifacts.download_artifacts, run_id=run_id, artifact_path="a.txt", dst_path=place)
    return [
        outcome(client.get_run, run_id),
        outcome(client.log_metric, run_id, "x", 1.0),
        outcome(client.rename_experiment, experiment, "of ann"),
        len(client.search_runs([experiment])),
        [each.name for each in client.search_experiments()],
        [each.name for each in client.search_registered_models()],
        got == "PERMISSION_DENIED",
    ]


def make_objects(client: MlflowClient) -> Any:
    """Make a run with a file, and a registered model; gives the run."""
    mlflow.set_experiment("of ann")
    with mlflow.start_run() as run:
        mlflow.log_param("p", 1)
        mlflow.log_metric("m", 0.5)
        mlflow.log_text("text", "a.txt")
    client.create_registered_model("model of ann")
    return run


def main() -> dict[str, Any]:
    """Give what happened."""
    mlflow.set_tracking_uri(URL)
    client, people = MlflowClient(), AuthServiceClient(URL)
    told: dict[str, Any] = {}
    as_user()
    told["nobody"] = outcome(client.search_experiments)
    as_user("ann", "a wrong password")
    told["wrong"] = outcome(client.search_experiments)
    as_user("ann")
    run = make_objects(client)
    as_user(token=TOKEN)  # Bob's
    told["stranger"] = looks(client, run, "stranger")
    as_user("ann")
    people.grant_user_permission("bob", "experiment", run.info.experiment_id, "READ")
    people.grant_user_permission("bob", "registered_model", "model of ann", "EDIT")
    as_user(token=TOKEN)
    told["reader"] = looks(client, run, "reader")
    told["editor"] = outcome(client.set_registered_model_tag, "model of ann", "k", "v")
    told["users"] = outcome(people.create_user, "eve", PASSWORD)
    return told | administrate(client, people, run)


def administrate(client: MlflowClient, people: AuthServiceClient, run: Any) -> dict[str, Any]:
    """Let an administrator make another one, who changes the password."""
    told: dict[str, Any] = {}
    as_user("root")
    told["made"] = people.create_user("eve", PASSWORD).username
    people.update_user_admin("eve", True)
    told["admin"] = people.get_user("eve").is_admin
    as_user("eve")
    told["eve"] = looks(client, run, "eve")[:2]
    people.update_user_password("eve", "another password", current_password=PASSWORD)
    as_user("eve", "another password")
    told["changed"] = outcome(client.get_run, run.info.run_id)
    as_user("root")
    people.delete_user("eve")
    return told


print(json.dumps(main()))
