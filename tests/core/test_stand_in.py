"""In a project's children ``import mlflow`` is mltrack, module for module, and says what it has not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mltrack.projects import stand_in

if TYPE_CHECKING:
    from pathlib import Path

SAME = {
    "mlflow.sklearn": "mltrack.frameworks.sklearn",
    "mlflow.pyfunc": "mltrack.pyfunc",
    "mlflow.models.signature": "mltrack.models.signature",
    "mlflow.models.model": "mltrack.models.mlmodel",
    "mlflow.entities": "mltrack.entities",
    "mlflow.entities.model_registry": "mltrack.model_entities",
    "mlflow.exceptions": "mltrack.exceptions",
    "mlflow.tracking": "mltrack.tracking",
    "mlflow.tracking.client": "mltrack.client",
    "mlflow.client": "mltrack.client",
    "mlflow.data.pandas_dataset": "mltrack.data.pandas_dataset",
    "mlflow.utils.mlflow_tags": "mltrack.projects.stand_in.parts.mlflow_tags",
}
STATEMENTS = (
    "import mlflow; assert mlflow.__version__.startswith('3.'); assert '+mltrack.' in mlflow.__version__",
    "from mlflow import MlflowClient, log_artifact, log_metric, log_param, log_params, set_tag, start_run",
    "from mlflow.tracking import MlflowClient; import mltrack; assert MlflowClient is mltrack.MlflowClient",
    "from mlflow.tracking.fluent import _get_experiment_id, log_metric; assert _get_experiment_id() == '0'",
    "from mlflow.utils import mlflow_tags as t; assert t.MLFLOW_PROJECT_ENTRY_POINT == 'mlflow.project.entryPoint'",
    "from mlflow.utils.logging_utils import eprint; eprint('heard')",
    "import mlflow; assert mlflow.utils.validation.MAX_PARAM_VAL_LENGTH == 6000",
    "import mlflow; mlflow.sklearn.autolog; mlflow.exceptions.MlflowException; mlflow.version.VERSION",
    "import mlflow; assert {'log_metric', 'sklearn'} <= set(dir(mlflow)); assert not hasattr(mlflow, 'nothing')",
    "from importlib.util import find_spec; assert find_spec('mlflow').origin.endswith('__init__.py')",
)
MISSING = (
    "import mlflow.spark",
    "from mlflow.spark import log_model",
    "import mlflow.utils.rest_utils",
    "import mlflow; import mlflow.store.tracking",
)


def child(code: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    uri = f"sqlite:///{folder}/mltrack.db"
    variables = {**os.environ, "MLTRACK_TRACKING_URI": uri, **stand_in.variables(uri), **more}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


def test_each_module_is_the_very_same(tmp_path: Path) -> None:
    code = f"import importlib as i\nfor a, b in {SAME}.items():\n    assert i.import_module(a) is i.import_module(b), a"
    code += "\n    assert i.import_module(b).__spec__.name == b, b"
    done = child(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_mlflows_users_write_runs(tmp_path: Path) -> None:
    script = "\n".join(f"exec({statement!r}, {{}})" for statement in STATEMENTS)
    done = child(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "heard" in done.stderr


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    script = (
        f"for statement in {MISSING}:\n    try:\n        exec(statement, {{}})\n"
        "    except ImportError as error:\n        print(error.name, '|', error)\n"
    )
    lines = child(script, tmp_path).stdout.splitlines()
    assert [line.partition(" | ")[0] for line in lines] == [
        "mlflow.spark",
        "mlflow.spark",
        "mlflow.utils.rest_utils",
        "mlflow.store.tracking",
    ]
    assert all("mltrack, which stands in for mlflow" in line and "MLTRACK_STAND_IN=false" in line for line in lines)


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1:5000", "databricks", ""])
def test_only_stores_of_mltrack_have_a_stand_in(uri: str) -> None:
    assert stand_in.variables(uri, {"PATH": "/bin"}) == {}


def test_a_server_needs_none_where_mlflow_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "http://127.0.0.1:5000"
    assert stand_in.variables(uri, {"PATH": "/bin"})
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert stand_in.variables(uri, {"PATH": "/bin"}) == {}
    assert stand_in.variables("postgresql://host/db", {"PATH": "/bin"})


def test_one_may_do_without(tmp_path: Path) -> None:
    assert stand_in.variables(f"sqlite:///{tmp_path}/a.db", {"MLTRACK_STAND_IN": "False"}) == {}


def test_the_folders_come_first_and_once(tmp_path: Path) -> None:
    base = {"PYTHONPATH": f"/a{os.pathsep}{stand_in.FOLDER}{os.pathsep}/b", "PATH": "/bin"}
    found = stand_in.variables(str(tmp_path), base)
    assert found["PYTHONPATH"].split(os.pathsep) == [str(stand_in.FOLDER), "/a", "/b"]
    assert found["PATH"].split(os.pathsep) == [str(stand_in.PROGRAMS), "/bin"]
    assert stand_in.variables(str(tmp_path), {**base, **found}) == found


@pytest.mark.parametrize("command", ["mlflow", "python -m mlflow"])
def test_the_command_is_mltracks(tmp_path: Path, command: str) -> None:
    base = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"}
    variables = {**base, **stand_in.variables(str(tmp_path), base)}
    done = subprocess.run(
        ["bash", "-c", f"{command} --version"], env=variables, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "mltrack" in done.stdout) == (0, True), done.stderr


def test_a_python_without_mltrack_is_told_what_to_do(tmp_path: Path) -> None:
    code = "import sys; sys.modules['mltrack'] = None\nimport mlflow"
    done = child(code, tmp_path)
    assert "has no mltrack, which stands in for mlflow" in done.stderr
    assert "--env-manager uv" in done.stderr
