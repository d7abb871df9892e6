"""Scripts in the style of MLflow's documentation run with one import changed, and print what they do with mlflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name("tutorials")
QUICK = {"client", "quickstart"}
SCRIPTS = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in sorted(path.stem for path in FOLDER.glob("*.py"))
]


def with_mltrack(source: str) -> str:
    """Change the import, and nothing else."""
    source = re.sub(r"^import mlflow$", "import mltrack as mlflow", source, flags=re.MULTILINE)
    return re.sub(r"^(from|import) mlflow(?=[. ])", r"\1 mltrack", source, flags=re.MULTILINE)


def printed(python: str, source: str, folder: Path) -> str:
    folder.mkdir()
    (folder / "script.py").write_text(source)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
    stores = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MLTRACK_TEST_MODE": "1"}
    stores["MLTRACK_DATA_DIR"] = str(folder / "user")
    done = subprocess.run(
        [python, "script.py"], cwd=folder, env={**kept, **stores}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_prints_the_same(script: str, mlflow_python: str, tmp_path: Path) -> None:
    source = (FOLDER / f"{script}.py").read_text()
    ours = printed(sys.executable, with_mltrack(source), tmp_path / "ours")
    assert ours == printed(mlflow_python, source, tmp_path / "theirs")


def test_the_import_is_all_that_changes() -> None:
    source = "import mlflow\nimport mlflow.xgboost\nfrom mlflow.entities import Metric\nmlflow.log_param('a', 1)\n"
    assert with_mltrack(source) == (
        "import mltrack as mlflow\nimport mltrack.xgboost\nfrom mltrack.entities import Metric\n"
        "mlflow.log_param('a', 1)\n"
    )
