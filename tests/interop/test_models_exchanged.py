from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop import exchanged_models as cases
from tests.interop.autolog import needs

import mltrack

torch, keras, onnx, statsmodels = (needs(name) for name in ("torch", "keras", "onnx", "statsmodels"))
needs("onnxruntime")
SCRIPT = Path(cases.__file__)
OURS: dict[str, Any] = {
    "net": lambda path: mltrack.pytorch.save_model(cases.net(), path, input_example=cases.X),
    "net_frame": lambda path: mltrack.pytorch.save_model(cases.net(), path, input_example=cases.FRAME),
    "net_pickle": lambda path: mltrack.pytorch.save_model(cases.net(), path, serialization_format="pickle"),
    "script": lambda path: mltrack.pytorch.save_model(cases.script(), path, input_example=cases.X),
    "keras_net": lambda path: mltrack.keras.save_model(cases.keras_net(), path, input_example=cases.X),
    "onnx_net": lambda path: mltrack.onnx.save_model(cases.onnx_net(), path, input_example=cases.X),
    "onnx_two": lambda path: mltrack.onnx.save_model(
        cases.onnx_net("a", "b"), path, save_as_external_data=False, input_example=cases.FRAME[["a", "b"]]
    ),
    "line": lambda path: mltrack.statsmodels.save_model(cases.line(), path, input_example=cases.FRAME[["a", "b"]]),
    "series": lambda path: mltrack.statsmodels.save_model(cases.series(), path),
}
THEIRS = sorted({*OURS} - {"net_frame"})


@pytest.fixture(scope="session")
def exchanged(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that were written here and read there, and the other way round; one process of mlflow's for all."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("ours", "theirs", "read"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLTRACK_DATA_DIR", str(folder / "data"))
        for name, save in OURS.items():
            save(folder / "ours" / name)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    given = [mlflow_python, str(SCRIPT), str(folder)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    missing = re.search(r"^ModuleNotFoundError: No module named '(\w+)'", done.stderr, re.MULTILINE)
    if missing and not os.environ.get("CI"):
        pytest.skip(f"the environment of the real mlflow has no {missing[1]}")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def predicted(folder: Path, **options: Any) -> Any:
    model = mltrack.pyfunc.load_model(str(folder), **options)
    return cases.values_of(model.predict(cases.DATA.get(folder.name, cases.X)))


def same(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())


@pytest.mark.parametrize("name", OURS)
def test_the_real_mlflow_predicts_with_ours_to_the_last_bit(name: str, exchanged: Path) -> None:
    ours = predicted(exchanged / "ours" / name, allow_pickle=True)
    assert ours.size
    assert same(np.load(exchanged / "read" / f"{name}.npy"), ours)


@pytest.mark.parametrize("name", THEIRS)
def test_we_predict_with_the_real_mlflows_to_the_last_bit(name: str, exchanged: Path) -> None:
    theirs = np.load(exchanged / "theirs" / f"{name}.npy")
    assert theirs.size
    assert same(predicted(exchanged / "theirs" / name, allow_pickle=True), theirs)


def test_a_frame_keeps_its_index(exchanged: Path) -> None:
    model = mltrack.pyfunc.load_model(str(exchanged / "ours" / "net_frame"))
    assert list(model.predict(cases.FRAME).index) == list(cases.FRAME.index)


@pytest.mark.parametrize("name", ["net", "keras_net", "onnx_net", "onnx_two"])
def test_what_needs_no_pickle_needs_no_trust(name: str, exchanged: Path) -> None:
    assert predicted(exchanged / "theirs" / name).size


@pytest.mark.parametrize("name", ["net_pickle", "script", "line", "series"])
def test_what_needs_a_pickle_needs_trust(name: str, exchanged: Path) -> None:
    with pytest.raises(mltrack.exceptions.UntrustedModelError, match="would run code"):
        predicted(exchanged / "theirs" / name)


@pytest.mark.parametrize("name", THEIRS)
def test_the_librarys_own_loader_gives_its_model(name: str, exchanged: Path) -> None:
    place = str(exchanged / "theirs" / name)
    if name.startswith("onnx"):
        assert isinstance(mltrack.onnx.load_model(place), onnx.ModelProto)
    elif name == "keras_net":
        assert isinstance(mltrack.keras.load_model(place), keras.Model)
    elif name in ("line", "series"):
        assert mltrack.statsmodels.load_model(place, allow_pickle=True).params.size
    else:
        assert isinstance(mltrack.pytorch.load_model(place, allow_pickle=True), torch.nn.Module)


def test_a_state_dict_of_mlflows_is_read(exchanged: Path) -> None:
    state = mltrack.pytorch.load_state_dict(str(exchanged / "theirs" / "state"))
    assert all(torch.equal(value, state[name]) for name, value in cases.net().state_dict().items())
