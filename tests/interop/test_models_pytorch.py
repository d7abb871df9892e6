from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop.autolog import needs
from tests.interop.exchanged_models import FRAME, X, net

import mltrack
from mltrack.exceptions import InvalidParameterError, UntrustedModelError
from mltrack.frameworks.pytorch import program_texts, weights
from mltrack.models.writing import ModelWarning

torch = needs("torch")
Module: Any = torch.nn.Module


class Net(Module):  # type: ignore[misc]
    """A class that can be made anew by its name."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, width)
        self.tied = self.layer

    def forward(self, data: Any, scale: float = 1.0) -> Any:
        return self.tied(data) * scale


class Several(Module):  # type: ignore[misc]
    def forward(self, one: Any, other: Any) -> Any:
        return one + other


class Branching(Module):  # type: ignore[misc]
    """What no export can follow, and no name alone makes anew."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, data: Any) -> Any:
        return data * 2 if data.sum().item() > self.limit else data


def told(model: Any, data: Any = X) -> Any:
    return model.eval()(torch.from_numpy(data)).detach().numpy()


def same(one: Any, other: Any) -> bool:
    return bool(np.asarray(one).tobytes() == np.asarray(other).tobytes())


def pickles_of(place: Path) -> list[str]:
    return mltrack.models.Model.load(place).pickles


EXAMPLES = {
    "an array": X,
    "a tensor": torch.from_numpy(X),
    "one row": X[:1],
    "a frame": FRAME,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_with_an_example_it_is_exported_and_predicts_for_any_number_of_rows(name: str, tmp_path: Path) -> None:
    model = net()
    mltrack.pytorch.save_model(model, tmp_path / "m", input_example=EXAMPLES[name])
    assert (tmp_path / "m" / "data" / "model.pt2").is_file()
    assert pickles_of(tmp_path / "m") == []
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"), allow_pickle=False)
    for rows in (1, 2, 6):
        given = FRAME.iloc[:rows] if name == "a frame" else X[:rows]
        found = loaded.predict(given)
        assert isinstance(found, type(given))
        assert np.allclose(found, told(model, X[:rows]), atol=1e-6)  # the layout of a frame's values decides how


def test_a_module_that_takes_params_is_not_exported_without_them(tmp_path: Path) -> None:
    mltrack.pytorch.save_model(Net(), tmp_path / "m", input_example=(X, {"scale": 2.0}))
    assert (tmp_path / "m" / "data" / "model.safetensors").is_file()
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    model = loaded.get_raw_model()
    assert same(loaded.predict(X, {"scale": 3.0}), told(model) * np.float32(3))
    assert same(loaded.predict(X), told(model) * np.float32(2))


def test_a_module_in_training_stays_so_and_is_kept_as_it_predicts(tmp_path: Path) -> None:
    model = net().train()
    model[1].eval()
    before = [each.training for each in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    mltrack.pytorch.save_model(model, tmp_path / "m", input_example=X)
    assert [each.training for each in model.modules()] == before
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert same(mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(X), told(model))


def test_sizes_that_the_signature_fixes_are_fixed(tmp_path: Path) -> None:
    inputs = mltrack.types.Schema([mltrack.types.TensorSpec(np.dtype("float32"), (6, 4))])
    signature = mltrack.models.ModelSignature(inputs)
    mltrack.pytorch.save_model(net(), tmp_path / "m", input_example=X, signature=signature)
    model = mltrack.pytorch.load_model(str(tmp_path / "m"))
    assert model(torch.from_numpy(X)).shape == (6, 2)
    with pytest.raises(Exception, match=r"6"):
        model(torch.from_numpy(X[:2]))


def test_without_an_example_a_class_with_a_name_is_kept_as_its_weights(tmp_path: Path) -> None:
    model = Net()
    mltrack.pytorch.save_model(model, tmp_path / "m")
    assert (tmp_path / "m" / "data" / "model.safetensors").is_file()
    assert pickles_of(tmp_path / "m") == []
    assert same(mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(X), told(model))
    assert type(mltrack.pytorch.load_model(str(tmp_path / "m"))).__name__ == "Net"


def test_weights_alone_need_a_module_to_go_into(tmp_path: Path) -> None:
    mltrack.pytorch.save_model(net(), tmp_path / "m", serialization_format="state_dict")
    with pytest.raises(InvalidParameterError, match="model=MODULE"):
        mltrack.pytorch.load_model(str(tmp_path / "m"))
    into = torch.nn.Sequential(*(type(each)(4, 8) if isinstance(each, torch.nn.Linear) else each for each in net()[:1]))
    with pytest.raises(InvalidParameterError, match="do not fit a Sequential"):
        mltrack.pytorch.load_model(str(tmp_path / "m"), model=into)
    twin = net()
    torch.nn.init.zeros_(twin[0].weight)
    assert same(told(mltrack.pytorch.load_model(str(tmp_path / "m"), model=twin)), told(net()))


def test_a_class_is_not_imported_without_trust(tmp_path: Path) -> None:
    mltrack.pytorch.save_model(Net(), tmp_path / "m")
    (tmp_path / "m" / "note.txt").write_text("changed")
    with pytest.raises(UntrustedModelError, match=f"the module {Net.__module__}"):
        mltrack.pytorch.load_model(str(tmp_path / "m"))
    assert isinstance(mltrack.pytorch.load_model(str(tmp_path / "m"), model=Net()), Net)


def test_what_can_be_nothing_else_is_a_pickle_and_says_so(tmp_path: Path) -> None:
    with pytest.warns(ModelWarning, match="could not be exported"):
        mltrack.pytorch.save_model(Branching(1.0), tmp_path / "m", input_example=X)
    assert pickles_of(tmp_path / "m") == ["data/model.pth"]
    assert (tmp_path / "m" / "data" / "pickle_module_info.txt").read_text() == "mlflow.pytorch.pickle_module"
    assert "cloudpickle" in (tmp_path / "m" / "requirements.txt").read_text()
    assert same(mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(X), told(Branching(1.0)))


@pytest.mark.parametrize("given", [{"serialization_format": "pt2"}, {"export_model": True}])
def test_an_export_that_was_asked_for_fails_aloud(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="needs an input_example"):
        mltrack.pytorch.save_model(net(), tmp_path / "m", **given)
    with pytest.raises(Exception, match="data-dependent"):
        mltrack.pytorch.save_model(Branching(1.0), tmp_path / "m", input_example=X, **given)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"serialization_format": "onnx"}, "must be one of"),
        ({"serialization_format": "pickle", "export_model": True}, "not both"),
    ],
)
def test_formats_that_do_not_go_are_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        mltrack.pytorch.save_model(net(), tmp_path / "m", **given)


def test_what_is_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"no torch\.nn\.Module"):
        mltrack.pytorch.save_model(net().state_dict(), tmp_path / "m")


def test_a_module_of_several_inputs_is_exported_and_has_no_pyfunc(tmp_path: Path) -> None:
    one, other = torch.ones(3, 2), torch.ones(3, 2)
    mltrack.pytorch.save_model(Several(), tmp_path / "m", input_example=[one, other])
    assert [*mltrack.models.Model.load(tmp_path / "m").flavors] == ["pytorch"]
    loaded = mltrack.pytorch.load_model(str(tmp_path / "m"))
    assert torch.equal(loaded(torch.ones(7, 2), torch.ones(7, 2)), torch.full((7, 2), 2.0))


@pytest.mark.parametrize("data", [[[1.0, 2.0, 3.0, 4.0]], {"a": 1}, "text"])
def test_without_a_signature_it_takes_frames_and_arrays(data: Any, tmp_path: Path) -> None:
    mltrack.pytorch.save_model(net(), tmp_path / "m", input_example=X, signature=False)
    with pytest.raises(InvalidParameterError, match="takes a DataFrame or an array"):
        mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(data)


def test_arrays_of_any_layout_go(tmp_path: Path) -> None:
    mltrack.pytorch.save_model(net(), tmp_path / "m", input_example=X, signature=False)
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    frozen = X.copy()
    frozen.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in (frozen, X[::-1], X[:, ::-1], X.astype("float64").astype("float32")):
            assert np.allclose(loaded.predict(given), told(net(), given.copy()))


def test_the_device_is_not_a_param(tmp_path: Path) -> None:
    mltrack.pytorch.save_model(Net(), tmp_path / "m")
    with pytest.raises(InvalidParameterError, match="chosen when the model is loaded"):
        mltrack.frameworks.pytorch.predictor.PytorchPredictor(Net()).predict(X, {"device": "cpu"})
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"), model_config={"device": "cpu"})
    assert same(loaded.predict(X), told(loaded.get_raw_model()))


def test_a_logged_model_is_found_again() -> None:
    with mltrack.start_run():
        info = mltrack.pytorch.log_model(net(), name="net", input_example=X, registered_model_name="nets")
    assert same(mltrack.pyfunc.load_model("models:/nets/1").predict(X), told(net()))
    assert "torch==" in Path(mltrack.pyfunc.get_model_dependencies(info.model_uri)).read_text()


def test_state_dicts_are_files_that_are_read_without_running_them(tmp_path: Path) -> None:
    state = {"model": net().state_dict(), "epoch": 3}
    with mltrack.start_run() as run:
        mltrack.pytorch.log_state_dict(state, "checkpoint")
    found = mltrack.pytorch.load_state_dict(f"runs:/{run.info.run_id}/checkpoint")
    assert found["epoch"] == 3
    assert all(torch.equal(value, found["model"][name]) for name, value in state["model"].items())
    mltrack.pytorch.save_state_dict({"model": net()}, tmp_path / "whole")
    with pytest.raises(UntrustedModelError, match="more than tensors"):
        mltrack.pytorch.load_state_dict(str(tmp_path / "whole"))
    assert isinstance(mltrack.pytorch.load_state_dict(str(tmp_path / "whole"), allow_pickle=True)["model"], Module)
    with pytest.raises(InvalidParameterError, match="is a dict"):
        mltrack.pytorch.save_state_dict(net(), tmp_path / "module")


def test_old_folders_are_read(tmp_path: Path) -> None:
    """MLflow 1.x had neither ``required`` in its signatures nor a model's id, and other keys besides."""
    mltrack.pytorch.save_model(net(), tmp_path / "m", serialization_format="pickle")
    (tmp_path / "m" / "MLmodel").write_text(
        "artifact_path: model\nflavors:\n  python_function:\n    data: data\n    env: conda.yaml\n"
        "    loader_module: mlflow.pytorch\n    pickle_module_name: mlflow.pytorch.pickle_module\n"
        "    python_version: 3.6.10\n  pytorch:\n    model_data: data\n    pytorch_version: 1.4.0\n"
        "run_id: 0123456789abcdef0123456789abcdef\nutc_time_created: '2020-03-05 12:00:00.000000'\n"
    )
    assert same(mltrack.pyfunc.load_model(str(tmp_path / "m"), allow_pickle=True).predict(X), told(net()))
    assert isinstance(mltrack.pytorch.load_model(str(tmp_path / "m"), allow_pickle=True), Module)


def test_the_functions_come_at_first_use() -> None:
    import subprocess

    text = "import sys, mltrack; mltrack.pytorch.log_model; print({'torch', 'numpy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


FORMULAS = {
    "Symbol('s77', positive=True, integer=True)": True,
    "Mul(Integer(2), Symbol('s77', positive=True, integer=True))": True,
    "2*s77 - 1": True,
    "Max(1, FloorDiv(s0, 2))": True,
    "s77.__class__": False,
    "__import__('os')": False,
    "Symbol('x y')": False,
    "eval('1')": False,
    "[x for x in (1,)]": False,
    "lambda: 1": False,
    "9**9**9**9": False,
    "Mul(Integer(2), exit())": False,
    "1\nimport os": False,
    "(" * 500: False,
    "1" + "+1" * 2000: False,
}


@pytest.mark.parametrize("text", FORMULAS)
def test_sizes_are_formulas_of_symbols_and_numbers(text: str) -> None:
    assert program_texts.is_formula(text) is FORMULAS[text]


GUARDS = {
    "(L['x'].size()[0] % 2) == 0": True,
    "L['x'].size()[0] <= 5 and L['y'].stride()[1] != 1": True,
    "Eq(L['args'][0].size()[1], 4)": True,
    "L['x'].__class__": False,
    "__import__('os').system('x') == 0": False,
    "L['x\"']": False,
    "L['x'].data.numpy().tofile('x')": False,
    "[L for L in ()]": False,
    "(x := 1) == 1": False,
    "f'{1}' == 1": False,
}


@pytest.mark.parametrize("text", GUARDS)
def test_guards_are_comparisons_of_sizes(text: str) -> None:
    assert program_texts.is_guard(text) is GUARDS[text]


TARGETS = {
    "torch.ops.aten.linear.default": True,
    "torch.ops.aten._softmax.default": True,
    "torch.ops.higher_order.cond": True,
    "_operator.getitem": True,
    "torch.sym_max": True,
    "torch.ops.aten.save.default": False,
    "torch.ops.aten.from_file.default": False,
    "torch.ops.prim.Print": False,
    "torch.ops.higher_order.triton_kernel_wrapper_mutation": False,
    "torch.serialization.os.system": False,
    "torch.hub.load": False,
    "_operator.methodcaller": False,
    "_operator.attrgetter": False,
    "math.__loader__.load_module": False,
    "#x:y": False,
    "builtins.eval": False,
}


@pytest.mark.parametrize("text", TARGETS)
def test_operators_are_those_that_compute(text: str) -> None:
    assert program_texts.is_target(text) is TARGETS[text]


def test_weights_that_share_memory_are_all_kept(tmp_path: Path) -> None:
    state = Net().state_dict()
    found = weights.read_weights(weights.write_weights(state), name="x")
    assert all(torch.equal(value, found[name]) for name, value in state.items())
    assert found.keys() == state.keys()
