from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop.autolog import needs
from tests.interop.exchanged_models import FRAME, X, keras_net

import mltrack
from mltrack.exceptions import InvalidParameterError, UntrustedModelError

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = needs("keras")
Layer: Any = keras.layers.Layer


@keras.saving.register_keras_serializable()
class Twice(Layer):  # type: ignore[misc]
    def call(self, data: Any) -> Any:
        return data * 2


class Unregistered(Layer):  # type: ignore[misc]
    def call(self, data: Any) -> Any:
        return data * 3


def net_of(*layers: Any) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2)])


def told(model: Any) -> Any:
    return model.predict(X, verbose=0)


def pickles_of(place: Path) -> list[str]:
    return mltrack.models.Model.load(place).pickles


def changed(place: Path) -> Path:
    """The folder, with which the signature of who made it does not go any more."""
    (place / "note.txt").write_text("changed")
    return place


LAYERS = {
    "dense": lambda: keras.layers.Dense(3, activation="gelu", kernel_regularizer="l2"),
    "normalized": keras.layers.BatchNormalization,
    "functions of Keras": lambda: keras.layers.Dense(3, activation=keras.activations.softplus),
    "reshaped": lambda: keras.layers.Reshape((4,)),
    "noise": lambda: keras.layers.GaussianNoise(0.1, seed=1),
    "attention": lambda: keras.layers.Activation("softmax"),
    "policy": lambda: keras.layers.Dense(2, dtype="float32", kernel_initializer=keras.initializers.HeNormal(3)),
    "a model": lambda: keras.Sequential([keras.layers.Dense(4)]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_keras_need_no_trust(name: str, tmp_path: Path) -> None:
    model = net_of(LAYERS[name]())
    model.compile(loss=keras.losses.MeanSquaredError(), optimizer=keras.optimizers.SGD(0.1), metrics=["mae"])
    mltrack.keras.save_model(model, tmp_path / "m", input_example=X)
    assert pickles_of(tmp_path / "m") == []
    loaded = mltrack.pyfunc.load_model(str(changed(tmp_path / "m")))
    assert loaded.predict(X).tobytes() == told(model).tobytes()


def test_the_functional_api_is_read_as_well(tmp_path: Path) -> None:
    mltrack.keras.save_model(keras_net(), tmp_path / "m", input_example=X)
    loaded = mltrack.keras.load_model(str(changed(tmp_path / "m")))
    assert told(loaded).tobytes() == told(keras_net()).tobytes()
    assert loaded.compiled
    bare = mltrack.keras.load_model(str(tmp_path / "m"), load_model_kwargs={"compile": False})
    assert not bare.compiled


def test_frames_give_frames_and_arrays_arrays(tmp_path: Path) -> None:
    model = net_of()
    mltrack.keras.save_model(model, tmp_path / "m")
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    found = loaded.predict(FRAME)
    assert list(found.index) == list(FRAME.index)
    assert np.array_equal(found.to_numpy(), told(model))
    assert isinstance(loaded.predict(X), np.ndarray)
    with pytest.raises(InvalidParameterError, match="takes a DataFrame"):
        loaded.predict("text")


def test_a_lambda_needs_trust_and_is_marked(tmp_path: Path) -> None:
    model = net_of(keras.layers.Lambda(lambda data: data + 1))
    mltrack.keras.save_model(model, tmp_path / "m", input_example=X)
    assert pickles_of(tmp_path / "m") == ["data/model.keras"]
    assert mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(X).tobytes() == told(model).tobytes()
    with pytest.raises(UntrustedModelError, match="'Lambda' in data/model"):
        mltrack.keras.load_model(str(changed(tmp_path / "m")))
    with pytest.raises(UntrustedModelError):
        mltrack.keras.load_model(str(tmp_path / "m"), load_model_kwargs={"safe_mode": False})
    loaded = mltrack.keras.load_model(str(tmp_path / "m"), allow_pickle=True)
    assert told(loaded).tobytes() == told(model).tobytes()


def test_classes_of_the_users_are_known_by_name(tmp_path: Path) -> None:
    for model, objects in ((net_of(Twice()), None), (net_of(Unregistered()), {"Unregistered": Unregistered})):
        place = tmp_path / type(model.layers[0]).__name__
        mltrack.keras.save_model(model, place)
        assert pickles_of(place) == ["data/model.keras"]
        loaded = mltrack.keras.load_model(str(changed(place)), custom_objects=objects)
        assert told(loaded).tobytes() == told(model).tobytes()
    with pytest.raises(UntrustedModelError, match="the class"):
        mltrack.keras.load_model(str(tmp_path / "Unregistered"))


@pytest.mark.parametrize("library", ["keras", "tensorflow"])
def test_old_files_in_h5_are_read(library: str, tmp_path: Path) -> None:
    """MLflow 1.x wrote ``.h5`` with the loader ``mlflow.keras``, 2.x also with ``mlflow.tensorflow``."""
    model = net_of(keras.layers.Dense(3, activation="relu"))
    model.compile(loss="mse", optimizer="adam")
    data = tmp_path / "m" / "data"
    data.mkdir(parents=True)
    model.save(data / "model.h5")
    (data / "keras_module.txt").write_text("tensorflow.keras")
    conf = {"keras_module": "tensorflow.keras", "keras_version": "2.3.1", "data": "data", "save_format": "h5"}
    pyfunc = {"loader_module": f"mlflow.{library}", "data": "data", "env": "conda.yaml", "python_version": "3.6.10"}
    document = {"flavors": {library: conf, "python_function": pyfunc}, "utc_time_created": "2020-03-05 12:00:00"}
    (tmp_path / "m" / "MLmodel").write_text(json.dumps(document))
    assert mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(X).tobytes() == told(model).tobytes()
    assert not mltrack.keras.load_model(str(tmp_path / "m")).compiled


def test_a_saved_model_of_tensorflows_is_not_read(tmp_path: Path) -> None:
    mltrack.keras.save_model(net_of(), tmp_path / "m")
    (tmp_path / "m" / "data" / "model.keras").unlink()
    (tmp_path / "m" / "data" / "model").mkdir()
    with pytest.raises(InvalidParameterError, match="SavedModel"):
        mltrack.keras.load_model(str(tmp_path / "m"))
    with pytest.raises(InvalidParameterError, match=r"only \.keras"):
        mltrack.keras.save_model(net_of(), tmp_path / "other", save_exported_model=True)


def test_a_logged_model_is_found_again() -> None:
    with mltrack.start_run():
        info = mltrack.keras.log_model(net_of(), name="net", input_example=X)
    assert told(mltrack.keras.load_model(info.model_uri)).tobytes() == told(net_of()).tobytes()
    needed = Path(mltrack.pyfunc.get_model_dependencies(info.model_uri)).read_text()
    assert "keras==" in needed
    assert "torch==" in needed


SCRIPT = """
import os, sys
os.environ.pop("KERAS_BACKEND", None)
import mltrack, numpy
assert "keras" not in sys.modules
loaded = mltrack.pyfunc.load_model(sys.argv[1])
import keras
print(keras.backend.backend(), loaded.predict(numpy.ones((2, 4), "float32")).shape, "KERAS_BACKEND" in os.environ)
"""


@pytest.mark.slow
def test_elsewhere_it_is_loaded_on_the_backend_that_it_was_made_on(tmp_path: Path) -> None:
    mltrack.keras.save_model(net_of(), tmp_path / "m")
    given = [sys.executable, "-c", SCRIPT, str(tmp_path / "m")]
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    done = subprocess.run(given, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split("\n")[-2:] == ["torch (2, 2) False", ""], done.stderr[-2000:]
