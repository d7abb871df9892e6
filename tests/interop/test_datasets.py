"""Datasets as the real MLflow makes them: the same digests, schemas, profiles and sources."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.interop.dataset_cases import described

CASES = Path(__file__).with_name("dataset_cases.py")
JSON_TEXTS = ("source", "schema", "profile")


@pytest.fixture(scope="module")
def theirs(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = subprocess.run(
        [mlflow_python, str(CASES), "mlflow"],
        cwd=tmp_path_factory.mktemp("mlflow"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def parsed(document: dict[str, Any]) -> dict[str, Any]:
    return {key: json.loads(value) if key in JSON_TEXTS and value else value for key, value in document.items()}


OURS = described("mltrack")


@pytest.mark.parametrize("name", OURS)
def test_a_dataset_is_the_same_in_both(theirs: dict[str, Any], name: str) -> None:
    if isinstance(theirs[name], str):
        pytest.skip(f"MLflow cannot make it: {theirs[name]}")
    assert parsed(OURS[name]) == parsed(theirs[name])
