"""Scripts in the style of MLflow's documentation run unchanged where mltrack stands in for mlflow."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.interop.test_tutorials import FOLDER, printed, with_mltrack

import mltrack
from mltrack.projects import stand_in

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
# Of all scripts, those that do not take long; what the others import is imported by these.
NAMES = ("client", "model_custom", "model_registry", "nested_runs", "quickstart", "searching", "sklearn_autolog")


@pytest.mark.parametrize("name", NAMES)
def test_a_script_prints_what_it_does_with_its_import_changed(name: str, tmp_path: Path) -> None:
    source = (FOLDER / f"{name}.py").read_text()
    ours = printed(sys.executable, with_mltrack(source), tmp_path / "ours")
    folder = tmp_path / "unchanged"
    folder.mkdir()
    (folder / "script.py").write_text(source)
    uri = f"sqlite:///{folder}/mlflow.db"
    variables = {"MLFLOW_TRACKING_URI": uri, "MLTRACK_TRACKING_URI": uri, "MLTRACK_DATA_DIR": str(folder / "user")}
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, **variables, **stand_in.variables(uri)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ours), done.stderr[-3000:]


def test_the_mlflow_package_does_not_touch_the_store(
    mlflow_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing stands in for it, a child's mlflow would make tables of its own in the store that it is given."""
    monkeypatch.setenv("MLTRACK_STAND_IN", "false")
    mltrack.create_experiment("x")  # makes the store
    before = _schema(tmp_path / "mltrack.db")
    (tmp_path / "real.py").write_text("import mlflow\nprint(mlflow.__file__)\nmlflow.start_run()\n")
    (tmp_path / "MLproject").write_text(f"entry_points: {{main: {{command: '{mlflow_python} real.py'}}}}")
    submitted = mltrack.run(".", synchronous=False, env_manager="local")
    assert not submitted.wait()
    assert "site-packages/mlflow/" in submitted.logs()
    assert "unsupported URI 'mltrack+sqlite:///" in submitted.logs()
    assert _schema(tmp_path / "mltrack.db") == before


def _schema(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as opened:
        return opened.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
