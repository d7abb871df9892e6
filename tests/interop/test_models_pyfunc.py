"""Models of the user's own: what mltrack writes the real mlflow loads, and the reverse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("pyfunc_models.py")
NAMES = ["adder", "from code", "function", "with file", "without context"]
EXPECTED = {
    "adder": [[7.0], [8.5], [3.0]],
    "from code": [[1001.0], [1002.5], [997.0]],
    "function": [[11.0], [22.5], [27.0]],
    "with file": [[5.5, 28.0], [9.25, 53.0], [-4.5, 78.0]],
    "without context": [[2], [2], [2]],
}


def run(python: str, module: str, what: str, folder: Path) -> str:
    allowed = {**os.environ, "MLTRACK_ALLOW_PICKLE": "true"}  # the folders of others are trusted here
    done = subprocess.run(
        [python, str(SCRIPT), module, what, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=allowed,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def read(python: str, module: str, folder: Path) -> dict[str, Any]:
    line = next(line for line in run(python, module, "read", folder).splitlines() if line.startswith("RESULTS "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULTS "))
    return found


@pytest.fixture(scope="module")
def told(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each reader says of what each writer wrote, by "WRITER READER"."""
    pythons = {"mlflow": mlflow_python, "mltrack": sys.executable}
    found = {}
    for writer, python in pythons.items():
        folder = tmp_path_factory.mktemp(writer)
        run(python, writer, "write", folder)
        for reader, other in pythons.items():
            if "mlflow" in (writer, reader):
                found[f"{writer} {reader}"] = read(other, reader, folder)
    return found


@pytest.mark.parametrize("pair", ["mlflow mlflow", "mlflow mltrack", "mltrack mlflow"])
@pytest.mark.parametrize("name", NAMES)
def test_the_predictions_are_the_same(told: dict[str, dict[str, Any]], pair: str, name: str) -> None:
    assert told[pair][name]["predictions"] == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_examples_are_read_alike(told: dict[str, dict[str, Any]], name: str) -> None:
    theirs, ours = told["mlflow mltrack"][name], told["mlflow mlflow"][name]
    assert theirs["signature"] == ours["signature"]
    assert theirs["example"] == ours["example"]


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_written_alike(told: dict[str, dict[str, Any]], name: str) -> None:
    assert told["mltrack mlflow"][name]["signature"] == told["mlflow mlflow"][name]["signature"]
