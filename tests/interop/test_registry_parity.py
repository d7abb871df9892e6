"""The same calls to the model registry through the real mlflow and through mltrack give the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CALLS = Path(__file__).with_name("registry_calls.py")
MISSING = {"error": "RESOURCE_DOES_NOT_EXIST"}
GIVEN_BACK = ("rename", "rename to its own name", "rename with versions")  # mlflow's client gives None
OURS_ON_PURPOSE: dict[str, Any] = {
    "by a version": ["from version", "1", "None", "", "READY", "models:/from model/1", "RUN", {}, []],  # keeps the run
    "by a run without it": MISSING,
    "by a model that is not": MISSING,
    "delete model again": MISSING,
}
"""What mltrack gives where it differs from mlflow."""


def results(python: str, module: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    done = subprocess.run(
        [python, str(CALLS), module, str(folder)], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULTS "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULTS "))
    return found


@pytest.fixture(scope="module")
def both(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("registry").resolve()
    return results(mlflow_python, "mlflow", folder / "theirs"), results(sys.executable, "mltrack", folder / "ours")


def test_many_calls_were_made(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = both
    assert list(theirs) == list(ours)
    assert len(theirs) >= 190
    assert sum(isinstance(each, dict) and "error" in each for each in theirs.values()) >= 60


def test_each_call_gives_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = both
    different = {name: ours[name] for name in theirs if theirs[name] != ours[name]}
    assert all(theirs[name] is None and different.pop(name)[0] for name in GIVEN_BACK)
    assert different == OURS_ON_PURPOSE
