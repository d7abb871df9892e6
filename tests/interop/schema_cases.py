"""What a tracker says of the cases of signatures and enforcement: ``python -m tests.interop.schema_cases mlflow``.

The same file runs in a Python that has MLflow and in one that has mltrack.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from tests.interop.enforcement_cases import verdicts
from tests.interop.signature_cases import SAMPLES, examples, params


def described(module: str) -> dict[str, dict[str, Any]]:
    """Say what a tracker makes of everything here, as plain values; a refusal is ``{"refused": …}``."""
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    tracker = _Tracker(module)
    found = {
        "signatures": {name: tracker.signature(data) for name, data in SAMPLES.items()},
        "params": {name: tracker.params(given) for name, given in params().items()},
        "examples": {name: tracker.example(given) for name, given in examples().items()},
        "verdicts": {name: tracker.verdict(*case) for name, case in verdicts().items()},
    }
    plain: dict[str, dict[str, Any]] = json.loads(json.dumps(found))
    return plain


class _Tracker:
    def __init__(self, module: str) -> None:
        self.is_mlflow = module == "mlflow"
        self.infer = importlib.import_module(f"{module}.models.signature").infer_signature
        self.schema = importlib.import_module(f"{module}.types.schema").Schema
        private = "utils" if self.is_mlflow else "enforcement"
        self.models = importlib.import_module(f"{module}.models.{private}")

    def signature(self, data: Any) -> Any:
        return json.loads(self.infer(data).to_dict()["inputs"])

    def params(self, given: dict[str, Any]) -> Any:
        try:
            return json.loads(self.infer(params=given).to_dict()["params"])
        except Exception as error:
            return {"refused": str(error)[:300]}

    def example(self, given: Any) -> Any:
        with tempfile.TemporaryDirectory() as name:
            if self.is_mlflow:
                made = self.models._Example(given)
                made.save(name)
                info = made.info
            else:
                info = importlib.import_module("mltrack.models.example").save_example(name, given)
            return {"info": info, **{path.name: path.read_text() for path in Path(name).iterdir()}}

    def verdict(self, columns: list[Any], data: Any) -> Any:
        schema = self.schema.from_json(json.dumps(columns))
        enforce = self.models._enforce_schema if self.is_mlflow else self.models.enforce_schema
        try:
            return _shape(enforce(data, schema))
        except Exception as error:
            return {"refused": str(error)[:300]}


def _shape(data: Any) -> Any:
    """Say what enforced data is: columns with types and values."""
    if isinstance(data, pd.DataFrame):
        return {str(name): _shape(data[name]) for name in data}
    if isinstance(data, pd.Series):
        return [str(data.dtype), _plain(data.tolist()), _plain(data.index.tolist())]
    if isinstance(data, dict):
        return {name: _shape(each) for name, each in data.items()}
    if sparse.issparse(data):
        return [type(data).__name__, str(data.dtype), list(data.shape)]
    return [type(data).__name__, str(getattr(data, "dtype", "")), _plain(data)]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return value if isinstance(value, (str, int, float, bool)) else str(value)


if __name__ == "__main__":
    print(json.dumps(described(sys.argv[1])))
