"""The real mlflow, which lives in an environment of its own: its dependencies and ours need not agree."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.mlflow_server import mlflow_server

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "MLTRACK_MLFLOW_PYTHON"
CHOSEN = os.environ.get(VARIABLE)  # read before the tests' environment is cleared of what begins so
BESIDE = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "python"
HOW = (
    "python -m venv .venv-mlflow && .venv-mlflow/bin/pip install mlflow scikit-learn matplotlib xgboost lightgbm "
    f"torch==2.13.0 keras onnx onnxruntime statsmodels, or name a Python that has them in {VARIABLE}"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the real mlflow, so that they can be left out."""
    for item in items:
        if "mlflow_python" in getattr(item, "fixturenames", ()):
            item.add_marker("mlflow")


@pytest.fixture(autouse=True)
def patient_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give texts of params all time: on a busy machine 50 ms pass before the thread that makes them has begun."""
    monkeypatch.setattr("mltrack.values.TEXT_SECONDS", 60)


@pytest.fixture(scope="session")
def mlflow_python() -> str:
    """The Python of an environment with the real mlflow; tests that need it are skipped where there is none."""
    python = Path(CHOSEN).expanduser() if CHOSEN else BESIDE
    if not python.exists():
        reason = f"there is no real mlflow at {python}: {HOW}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return str(python)


@pytest.fixture(scope="session")
def shared_mlflow(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real ``mlflow server``, where tests look at nothing but what they made themselves."""
    with mlflow_server(mlflow_python, tmp_path_factory.mktemp("shared-mlflow")) as url:
        yield url


@dataclass(frozen=True)
class RealStore:
    """A store that the real mlflow wrote in ``folder``, and what its client read from it."""

    folder: Path
    path: Path
    told: dict[str, Any]


@pytest.fixture(scope="session")
def real_stores(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RealStore]:
    """A database and a folder that the real mlflow wrote; no test may change them."""
    folder = tmp_path_factory.mktemp("mlflow").resolve()
    script = Path(__file__).with_name("mlflow_writer.py")
    done = subprocess.run([mlflow_python, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {
        kind: RealStore(folder / kind, folder / kind / name, json.loads((folder / kind / "told.json").read_text()))
        for kind, name in (("database", "mlflow.db"), ("files", "mlruns"))
    }


@pytest.fixture(params=["database", "files"])
def real_store(request: pytest.FixtureRequest, real_stores: dict[str, RealStore]) -> RealStore:
    """Each of the two in turn."""
    return real_stores[request.param]
