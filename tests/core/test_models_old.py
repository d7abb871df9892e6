"""Models that MLflow 0, 1 and 2 wrote: their MLmodel files say less than today's."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.core.strangers import both_ways, refused

import mltrack
from mltrack.exceptions import UntrustedModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")
from sklearn.linear_model import LinearRegression  # noqa: E402 - only where it is

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0]


def joblibbed(thing: Any) -> bytes:
    target = io.BytesIO()
    joblib.dump(thing, target, compress=3)
    return target.getvalue()


MLFLOW_1 = """artifact_path: model
flavors:
  python_function:
    env: conda.yaml
    loader_module: mlflow.sklearn
    model_path: model.pkl
    python_version: 3.7.3
  sklearn:
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 0.20.3
run_id: 0123456789abcdef0123456789abcdef
signature:
  inputs: '[{"name": "a", "type": "double"}, {"name": "b", "type": "double"}]'
  outputs: '[{"type": "double"}]'
utc_time_created: '2019-09-12 09:41:21.391561'
"""
MLFLOW_0 = "flavors: {python_function: {data: model.pkl, loader_module: mlflow.sklearn}}\n"
MLFLOW_2 = """artifact_path: model
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.10.12
  sklearn: {code: null, pickled_model: model.pkl, serialization_format: cloudpickle, sklearn_version: 1.3.0}
mlflow_version: 2.9.2
model_size_bytes: 800
model_uuid: 0123456789abcdef0123456789abcdef
run_id: 0123456789abcdef0123456789abcdef
utc_time_created: '2023-12-20 09:41:21.391561'
"""


@pytest.mark.parametrize("text", [MLFLOW_0, MLFLOW_1, MLFLOW_2])
@pytest.mark.parametrize("write", [pickle.dumps, joblibbed])
def test_old_models_load_once_they_are_trusted(text: str, write: Callable[[Any], bytes], tmp_path: Path) -> None:
    data = pd.DataFrame(X[:, :2], columns=["a", "b"])
    model = LinearRegression().fit(data, Y)
    place = tmp_path / "m"
    place.mkdir()
    (place / "MLmodel").write_text(text)
    (place / "model.pkl").write_bytes(write(model))
    refused(both_ways(place)[0], UntrustedModelError)
    loaded = mltrack.pyfunc.load_model(str(place), allow_pickle=True)
    np.testing.assert_allclose(loaded.predict(data), model.predict(data), rtol=1e-12)
