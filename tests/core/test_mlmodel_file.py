"""The MLmodel file: what is written, and what of other versions is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models import Model, ModelSignature
from mltrack.models.mlmodel import MLFLOW_VERSION, PYFUNC
from mltrack.types.schema import ColSpec, Schema

if TYPE_CHECKING:
    from pathlib import Path

# As MLflow 1.x wrote it: no signature's `required`, no model id, an environment that is one file.
OLD = """\
artifact_path: model
flavors:
  python_function:
    data: model.pkl
    env: conda.yaml
    loader_module: mlflow.sklearn
    python_version: 3.7.3
  sklearn:
    pickled_model: model.pkl
    sklearn_version: 0.22.2
run_id: 8ad1ddf2a11c4d1b8f0c1c4c2b1c5c3e
signature:
  inputs: '[{"name": "a", "type": "double"}, {"name": "b", "type": "long"}]'
  outputs: '[{"type": "long"}]'
utc_time_created: '2020-05-13 12:47:39.713912'
"""


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    signature = ModelSignature(inputs=Schema([ColSpec("double", "a")]))
    model = Model(metadata={"team": "risk"}, signature=signature, pickles=["model.pkl"], others={"resources": {"a": 1}})
    model.add_flavor(PYFUNC, loader_module="mlflow.sklearn").save(tmp_path / "MLmodel")
    assert Model.load(tmp_path) == Model.load(tmp_path / "MLmodel") == model
    assert model.get_input_schema() == signature.inputs
    assert model.get_output_schema() is None


def test_a_new_model_says_when_and_in_which_format() -> None:
    first, second = Model().to_dict(), Model().to_dict()
    assert first["mlflow_version"] == MLFLOW_VERSION
    assert first["model_uuid"] != second["model_uuid"]
    assert "run_id" not in first
    assert "mltrack" not in first


def test_a_file_of_mlflow_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(OLD)
    model = Model.load(tmp_path)
    assert model.flavors["sklearn"]["pickled_model"] == "model.pkl"
    assert model.signature is not None
    assert model.signature.inputs is not None
    assert [each.required for each in model.signature.inputs.inputs] == [True, True]
    assert (model.model_uuid, model.model_id, model.saved_input_example_info) == (None, None, None)
    assert model.utc_time_created.startswith("2020")


def test_keys_that_are_not_known_stay(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\nauth_policy: {a: [1, 2]}\nsomething_new: 3\n")
    found = Model.load(tmp_path).to_dict()
    assert (found["auth_policy"], found["something_new"]) == ({"a": [1, 2]}, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no mapping 'flavors'"),
        ("[1, 2]", "no mapping 'flavors'"),
        ("flavors: 3", "no mapping 'flavors'"),
        ("flavors: {sklearn: 3}", "'sklearn'"),
        ("flavors: {1: {}}", "'1'"),
        ("flavors: !!python/object/apply:os.system ['true']", "is no YAML"),
        ("flavors: {a: !!js/function 'x'}", "is no YAML"),
        ("a: &a [1]\nflavors: {b: *a}", "alias"),
        ("flavors: {}\nsignature: {inputs: 'no json'}", "signature|JSON|inputs"),
        ("flavors: {", "is no YAML"),
        ("flavors: " + "[" * 100, "nests over"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InvalidParameterError, match=said):
        Model.load(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a" * (5 << 20)])
def test_a_file_that_is_no_text_or_too_long_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "MLmodel").write_bytes(content)
    with pytest.raises(InvalidParameterError):
        Model.load(tmp_path)


def test_a_folder_without_the_file_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no MLmodel file"):
        Model.load(tmp_path)


@pytest.mark.parametrize("key", ["flavors", "metadata", "run_id", "model_uuid", "mlflow_version"])
def test_info_has_the_fields_of_the_model(key: str) -> None:
    from mltrack.models import ModelInfo

    model = Model(metadata={"a": 1}, run_id="r")
    info: Any = ModelInfo(model, "models:/m-1")
    assert getattr(info, key) == getattr(model, key)
    with pytest.raises(AttributeError, match="pickles"):
        _ = info.pickles
