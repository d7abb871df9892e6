"""Modules that MLflow's users import by name are found under that name, and are the same as under their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

STATEMENTS = {
    "import": "import mltrack.xgboost as found",
    "from": "from mltrack import xgboost as found",
    "attribute": "import mltrack; found = mltrack.xgboost",
    "name in it": "from mltrack.xgboost import autolog; import mltrack; found = mltrack.xgboost",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_library_is_found_under_mlflows_name(statement: str) -> None:
    code = (
        f"{statement}\nimport sys, importlib, mltrack.frameworks.xgboost as own\n"
        "assert found is own, (found, own)\n"
        "assert (own.__name__, own.__spec__.name) == ('mltrack.frameworks.xgboost',) * 2\n"
        "assert importlib.import_module('mltrack.xgboost') is own\n"
        "assert 'xgboost' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


MLFLOWS = (
    "from mltrack.entities.model_registry import ModelVersion, RegisteredModel",
    "from mltrack.entities.model_registry.model_version_status import ModelVersionStatus",
    "from mltrack.models.evaluation import EvaluationResult, MetricThreshold, evaluate",
    "from mltrack.models.model import Model, ModelInfo",
    "from mltrack.models.signature import ModelSignature, infer_signature, set_signature",
    "from mltrack.pyfunc.model import PythonModel, PythonModelContext, PyFuncModel",
    "from mltrack.tracking import MlflowClient",
    "from mltrack.tracking.client import MlflowClient",
    "from mltrack.tracking.fluent import log_metric, start_run",
    "from mltrack.types import ColSpec, DataType, Schema, TensorSpec",
    "from mltrack.types.schema import Array, Map, Object, ParamSchema, ParamSpec, Property",
)


@pytest.mark.parametrize("statement", MLFLOWS)
def test_what_mlflow_has_in_modules_of_its_own_is_found_there(statement: str) -> None:
    code = (
        f"{statement}\nimport sys, mltrack, mltrack.tracking, mltrack.entities\n"
        "assert (mltrack.__spec__.name, mltrack.tracking.__spec__.name) == ('mltrack', 'mltrack.tracking')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_there_is_still_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"mltrack\.nothing"):
        __import__("mltrack.nothing")
