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


def test_what_is_not_there_is_still_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"mltrack\.nothing"):
        __import__("mltrack.nothing")
