"""Evaluations have the metrics of the real mlflow's, to the last digits, and each reads what the other saved."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.interop.autolog import needs

needs("sklearn")
from tests.interop.evaluations import CASES  # noqa: E402 - needs the library

from mltrack.evaluation.result import EvaluationResult  # noqa: E402 - as the next

SCRIPT = Path(__file__).with_name("evaluations.py")
READS = """
import json, sys
from mlflow.models import EvaluationResult
told = {}
for name in sys.argv[2:]:
    found = EvaluationResult.load(f"{sys.argv[1]}/saved {name}")
    told[name] = [found.metrics, {key: each.content for key, each in found.artifacts.items()}]
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Told:
    """What a package said of each case, and the folder in which it saved the results."""

    cases: dict[str, Any]
    folder: Path


@pytest.fixture(scope="module")
def told(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    found = {}
    for package, python in {"mlflow": mlflow_python, "mltrack": sys.executable}.items():
        folder = tmp_path_factory.mktemp(package)
        command = [python, str(SCRIPT), package, str(folder)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found[package] = Told(json.loads(done.stdout.splitlines()[-1]), folder)
    return found


@pytest.mark.parametrize("name", CASES)
def test_metrics_are_the_same(told: dict[str, Told], name: str) -> None:
    ours, theirs = (told[package].cases[name] for package in ("mltrack", "mlflow"))
    assert ours["metrics"] == pytest.approx(theirs["metrics"], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_metrics_of_each_class_are_the_same(told: dict[str, Told], name: str) -> None:
    ours, theirs = (told[package].cases[name]["per_class"] for package in ("mltrack", "mlflow"))
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert list(ours) == list(theirs)
        assert ours.pop("positive_class") == theirs.pop("positive_class")
        for column, values in theirs.items():
            assert ours[column] == pytest.approx(values, rel=1e-12, abs=1e-12), column


def test_the_real_mlflow_reads_our_results(told: dict[str, Told], mlflow_python: str) -> None:
    names = ["binary", "three classes", "regression"]
    command = [mlflow_python, "-c", READS, str(told["mltrack"].folder), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, (metrics, artifacts) in json.loads(done.stdout.splitlines()[-1]).items():
        ours = EvaluationResult.load(told["mltrack"].folder / f"saved {name}")
        assert metrics == ours.metrics
        assert artifacts == {key: each.content for key, each in ours.artifacts.items()}


def test_we_read_the_real_mlflows_results(told: dict[str, Told]) -> None:
    folder = told["mlflow"].folder
    for name, case in told["mlflow"].cases.items():
        found = EvaluationResult.load(folder / f"saved {name}")
        assert found.metrics == case["metrics"]
        assert ("per_class_metrics" in found.tables) == (case["per_class"] is not None)
