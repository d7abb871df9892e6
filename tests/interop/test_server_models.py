"""The real mlflow's client with models and artifacts behind our tracking server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.core import s3_server
from tests.core.tracking_servers import running_server, server_environment

CLIENT = Path(__file__).with_name("mlflow_models_client.py")
SECONDS = 900

pytestmark = pytest.mark.slow


def told_by(
    python: str, folder: Path, how_much: str, *options: str, env: dict[str, str] | None = None
) -> dict[str, Any]:
    with running_server(folder / "server", *options, env=env) as server:
        given = server_environment(folder) | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "GIT_PYTHON_REFRESH": "quiet"}
        done = subprocess.run(
            [python, str(CLIENT), server.url, how_much],
            capture_output=True,
            text=True,
            cwd=folder,
            env=given,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert server.log.read_text() == ""
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_files(told: dict[str, Any]) -> None:
    assert told["artifacts"] == {
        "root": True,
        "listed": [["tree/empty", False, 0], ["tree/sub", True, None]],
        "text": "<b>text</b>",
        "json": {"a": 1},
        "large": 3_000_000,
        "all": ["a.json", "dir", "empty", "large.bin", "page.html", "sub", "tree"],
        "left": ["dir"],
    }
    assert set(map(tuple, told["uris"].values())) == {(6.0, 6.0)}
    assert len(told["uris"]) == 7


def check_registry(told: dict[str, Any]) -> None:
    assert told["sources"] == {
        "same place": True,
        "numbers": ["1", "2", "3", "1"],
        "source": True,
        "noted": [["house prices", "1"], ["sources", "1"], ["sources", "2"]],
    }
    assert told["registry"] == {
        "model": ["described", {"team": "a"}, {"best": "2"}],
        "stages": [["1", "Archived"], ["2", "Staging"], ["3", "None"]],
        "latest": ["2"],
        "alias": "2",
        "tagged": ["1"],
        "found": ["sources"],
        "paged": [2, 2],
        "renamed": [{}, {}, 2],
        "deleted": ["copied", "house prices"],
    }
    assert "training_r2_score" in told["autolog"]["metrics"]
    assert (told["autolog"]["predicts"], told["autolog"]["by run"]) == (6.0, 6.0)
    assert told["errors"] == {
        **dict.fromkeys(("model", "version"), "RESOURCE_DOES_NOT_EXIST"),
        **dict.fromkeys(("alias", "name", "stage", "source", "place"), "INVALID_PARAMETER_VALUE"),
        "twice": "RESOURCE_ALREADY_EXISTS",
        "artifact": told["errors"]["artifact"],
    }


def test_models_of_the_real_client(mlflow_python: str, tmp_path: Path) -> None:
    told = told_by(mlflow_python, tmp_path, "all")
    check_files(told)
    check_registry(told)


def test_models_of_the_real_client_in_an_object_store(mlflow_python: str, tmp_path: Path) -> None:
    """The client has no credentials of the object store: all goes through the server."""
    place = f"s3://{s3_server.BUCKET}/{tmp_path.name}"
    assert s3_server.client()
    check_files(
        told_by(mlflow_python, tmp_path, "files", "--artifacts-destination", place, env=s3_server.environment())
    )
    names = s3_server.objects(f"{tmp_path.name}/1/models/")
    assert len([name for name in names if name.endswith("/MLmodel")]) == 1
    assert not (tmp_path / "server" / "mlartifacts").exists()
    assert s3_server.uploads() == []
