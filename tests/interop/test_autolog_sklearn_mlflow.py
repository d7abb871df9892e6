"""What mltrack logs of scikit-learn is what the real mlflow logs, and some more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.interop.autolog import needs

needs("sklearn")
from tests.interop.sklearn_fits import FITS  # noqa: E402 - needs the library

SCRIPT = Path(__file__).with_name("sklearn_fits.py")
MORE = {"n_iter", "inertia", "n_components"}
"""What fitted models say of themselves, which mlflow leaves out."""


@pytest.fixture(scope="module")
def told(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pythons = {"mlflow": mlflow_python, "mltrack": sys.executable}
    found = {}
    for package, python in pythons.items():
        folder = tmp_path_factory.mktemp(package)
        command = [python, str(SCRIPT), package]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found[package] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", FITS)
def test_the_same_is_logged(told: dict[str, Any], name: str) -> None:
    ours, theirs = (told[package][name] for package in ("mltrack", "mlflow"))
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        if told["mltrack"]["version"] == told["mlflow"]["version"]:
            assert our["params"] == their["params"]
        assert {key: value for key, value in our["metrics"].items() if key not in MORE} == pytest.approx(
            their["metrics"], rel=1e-9
        )
        for part in ("tags", "times", "status"):
            assert our[part] == their[part], part
