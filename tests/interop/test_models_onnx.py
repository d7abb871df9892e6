from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.interop.autolog import needs
from tests.interop.exchanged_models import FRAME, X, onnx_net

import mltrack
from mltrack.exceptions import InvalidParameterError

onnx, onnxruntime = needs("onnx"), needs("onnxruntime")


def told(model: Any, **feeds: Any) -> Any:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0]


@pytest.mark.parametrize("external", [True, False])
def test_large_tensors_lie_beside_the_model_or_in_it(external: bool, tmp_path: Path) -> None:
    model = onnx_net()
    before = model.SerializeToString()
    mltrack.onnx.save_model(model, tmp_path / "m", save_as_external_data=external, input_example=X)
    assert model.SerializeToString() == before
    assert (tmp_path / "m" / "model.onnx.data").exists() is external
    assert (tmp_path / "m" / "model.onnx").stat().st_size < 4000 or not external
    found = mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(X)
    assert found["y"].tobytes() == told(model, x=X).tobytes()
    loaded = mltrack.onnx.load_model(str(tmp_path / "m"))
    assert told(loaded, x=X).tobytes() == found["y"].tobytes()


def test_the_same_model_is_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        mltrack.onnx.save_model(onnx_net(), tmp_path / name)
    for name in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_frames_give_frames_of_each_output_in_a_row(tmp_path: Path) -> None:
    mltrack.onnx.save_model(onnx_net(columns=1), tmp_path / "one")
    found = mltrack.pyfunc.load_model(str(tmp_path / "one")).predict(FRAME)
    assert isinstance(found, pd.DataFrame)
    assert found["y"].to_numpy().tobytes() == told(onnx_net(columns=1), x=X).tobytes()
    mltrack.onnx.save_model(onnx_net("a", "b"), tmp_path / "two")
    found = mltrack.pyfunc.load_model(str(tmp_path / "two")).predict(FRAME[["b", "a"]])
    assert np.array_equal(found["y"], FRAME["a"] + FRAME["b"])


def test_float64_becomes_what_the_model_takes(tmp_path: Path) -> None:
    mltrack.onnx.save_model(onnx_net(), tmp_path / "m")
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    given = {"x": X.astype("float64")}
    assert loaded.predict(given)["y"].tobytes() == loaded.predict(X)["y"].tobytes()
    assert given["x"].dtype == np.float64


@pytest.mark.parametrize(("data", "message"), [(X, "has the inputs a, b"), ("text", "takes a DataFrame")])
def test_what_does_not_fit_the_inputs_is_refused(data: Any, message: str, tmp_path: Path) -> None:
    mltrack.onnx.save_model(onnx_net("a", "b"), tmp_path / "m")
    with pytest.raises(InvalidParameterError, match=message):
        mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(data)


def test_a_model_that_is_not_valid_is_not_written(tmp_path: Path) -> None:
    model = onnx_net()
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(InvalidParameterError, match=r"onnx\.checker"):
        mltrack.onnx.save_model(model, tmp_path / "m")
    with pytest.raises(InvalidParameterError, match=r"no onnx\.ModelProto"):
        mltrack.onnx.save_model(b"text", tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_options_of_the_session_are_kept_and_taken(tmp_path: Path) -> None:
    options = {"intra_op_num_threads": 1, "execution_mode": "sequential", "graph_optimization_level": 99}
    mltrack.onnx.save_model(
        onnx_net(), tmp_path / "m", onnx_session_options=options, onnx_execution_providers=["CPUExecutionProvider"]
    )
    session = mltrack.pyfunc.load_model(str(tmp_path / "m")).get_raw_model()
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_providers() == ["CPUExecutionProvider"]
    with pytest.raises(InvalidParameterError, match="has no 'threads'"):
        mltrack.onnx.save_model(onnx_net(), tmp_path / "other", onnx_session_options={"threads": 1})


def test_providers_may_be_written_in_any_of_mlflows_ways(tmp_path: Path) -> None:
    mltrack.onnx.save_model(onnx_net(), tmp_path / "m")
    meta = mltrack.models.Model.load(tmp_path / "m")
    for given in (None, "CPUExecutionProvider", ["NoSuchProvider"], [["CPUExecutionProvider", {}]]):
        meta.flavors["onnx"]["providers"] = given
        meta.save(tmp_path / "m" / "MLmodel")
        loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"), allow_pickle=True)
        assert loaded.get_raw_model().get_providers() == ["CPUExecutionProvider"]


def test_a_logged_model_is_found_again() -> None:
    with mltrack.start_run():
        info = mltrack.onnx.log_model(onnx_net(), name="net", input_example=X)
    assert mltrack.models.get_model_info(info.model_uri).signature.inputs.inputs[0].shape == (-1, 4)
    assert isinstance(mltrack.onnx.load_model(info.model_uri), onnx.ModelProto)
    needed = Path(mltrack.pyfunc.get_model_dependencies(info.model_uri)).read_text().split()
    assert [each.partition("==")[0] for each in needed] == ["onnx", "onnxruntime"]
