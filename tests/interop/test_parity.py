"""The same calls through the real mlflow and through mltrack give the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CALLS = Path(__file__).with_name("parity_calls.py")
REFUSED = {"error": "INVALID_PARAMETER_VALUE"}
OURS_ON_PURPOSE: dict[str, Any] = {
    "infinity as it is read": "inf",  # mlflow keeps the largest float instead
    "log a metric called 'a\\n'": REFUSED,  # a key that ends in a line break passes mlflow's pattern by accident
    # mlflow's client cuts a batch in several, of which some may fail; ours is all or nothing, as mlflow's server is
    "log batch, too many metrics": REFUSED,
    "log batch, too many params": REFUSED,
    "search by params.p = 1": ["renamed again"],  # a bare number is compared with params as one
}
"""What mltrack gives where it differs from mlflow."""


def results(python: str, module: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    script = shutil.copy(CALLS, folder.parent)  # of one in a checkout mlflow notes the branch, if it has GitPython
    done = subprocess.run([python, script, module, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULTS "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULTS "))
    return found


@pytest.fixture(scope="module")
def both(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("parity").resolve()
    return results(mlflow_python, "mlflow", folder / "theirs"), results(sys.executable, "mltrack", folder / "ours")


def test_many_calls_were_made(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = both
    assert list(theirs) == list(ours)
    assert len(theirs) >= 100
    assert sum(isinstance(each, dict) and "error" in each for each in theirs.values()) >= 20


def test_each_call_gives_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = both
    different = {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}
    assert {name: mine for name, (_, mine) in different.items()} == OURS_ON_PURPOSE
