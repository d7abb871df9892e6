"""Run by the Python that has the real mlflow: loads the models of ours, and writes models of its own.

``exchanged_models.py FOLDER`` reads ``FOLDER/ours/NAME``, keeps what it predicts in ``FOLDER/read/NAME.npy``, writes
``FOLDER/theirs/NAME`` and what that should predict beside it.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.update(KERAS_BACKEND="torch", MLFLOW_ALLOW_PICKLE_DESERIALIZATION="true", MLFLOW_ENABLE_TELEMETRY="false")
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402 - what it brings along is told first what to be
import pandas as pd  # noqa: E402

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
FRAME = pd.DataFrame(X, columns=list("abcd"), index=[3, 1, 4, 15, 9, 2])
START_END = pd.DataFrame({"start": [28], "end": [33]})


def net() -> Any:
    import torch

    torch.manual_seed(0)
    layers = (
        torch.nn.Linear(4, 8),
        torch.nn.ReLU(),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(),
        torch.nn.Linear(8, 2),
    )
    return torch.nn.Sequential(*layers)


def script() -> Any:
    torch: Any = importlib.import_module("torch")
    return torch.jit.trace(net().eval(), torch.from_numpy(X))


def keras_net() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden) + 1.0)
    model.compile(loss="mse", optimizer="adam", metrics=["mae"])
    return model


def onnx_net(*names: str, columns: int = 300) -> Any:
    import onnx
    from onnx import helper

    weights = np.random.default_rng(1).normal(size=(4, columns)).astype("float32")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", 1, [None, 4])]
    if names:
        weights, nodes = weights[:0], [helper.make_node("Add", list(names), ["y"])]
        inputs = [helper.make_tensor_value_info(name, 1, [None]) for name in names]
    outputs = [helper.make_tensor_value_info("y", 1, [None] if names else [None, columns])]
    initial = [] if names else [onnx.numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def line() -> Any:
    import statsmodels.formula.api as smf

    return smf.ols("d ~ a + b", FRAME).fit()


def series() -> Any:
    from statsmodels.tsa.arima.model import ARIMA

    return ARIMA(np.random.default_rng(2).normal(size=30).cumsum(), order=(1, 1, 0)).fit()


# What is predicted for, by the model's name.
DATA: dict[str, Any] = {"onnx_two": FRAME, "line": FRAME[["a", "b"]], "series": START_END, "net_frame": FRAME}


def values_of(predicted: Any) -> Any:
    """One array of what any library's model gives."""
    if isinstance(predicted, dict):
        predicted = next(iter(predicted.values()))
    return np.asarray(predicted)


def write_theirs(folder: Path) -> None:
    mlflow = importlib.import_module("mlflow")
    given: dict[str, Any] = {"pip_requirements": []}
    example = {"input_example": X, **given}
    mlflow.pytorch.save_model(net().eval(), folder / "net", **example)
    mlflow.pytorch.save_model(net(), folder / "net_pickle", serialization_format="pickle", **given)
    mlflow.pytorch.save_model(script(), folder / "script", serialization_format="pickle", **given)
    signature = mlflow.models.infer_signature(X, keras_net().predict(X, verbose=0))
    mlflow.keras.save_model(keras_net(), str(folder / "keras_net"), signature=signature, **given)
    mlflow.onnx.save_model(onnx_net(), folder / "onnx_net", **example)
    mlflow.onnx.save_model(onnx_net("a", "b"), folder / "onnx_two", save_as_external_data=False, **given)
    mlflow.statsmodels.save_model(line(), folder / "line", **given)
    mlflow.statsmodels.save_model(series(), folder / "series", **given)
    mlflow.pytorch.save_state_dict(net().state_dict(), folder / "state")


def main(folder: Path) -> None:
    pyfunc = importlib.import_module("mlflow.pyfunc")
    for each in sorted((folder / "ours").iterdir()):
        predicted = pyfunc.load_model(str(each)).predict(DATA.get(each.name, X))
        np.save(folder / "read" / f"{each.name}.npy", values_of(predicted))
        predicted.to_pickle(folder / "read" / f"{each.name}.index") if each.name == "net_frame" else None
    write_theirs(folder / "theirs")
    for each in sorted((folder / "theirs").glob("*/MLmodel")):
        predicted = pyfunc.load_model(str(each.parent)).predict(DATA.get(each.parent.name, X))
        np.save(folder / "theirs" / f"{each.parent.name}.npy", values_of(predicted))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
