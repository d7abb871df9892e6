"""Signatures, params, input examples and enforcement as the real MLflow makes them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.enforcement_cases import verdicts
from tests.interop.schema_cases import described
from tests.interop.signature_cases import SAMPLES, examples, params

from mltrack.models.example import load_example, load_serving_example, save_example
from mltrack.models.signature import ModelSignature, infer_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]

# What MLflow lets through, and we do not: what is in a column of objects that should be booleans, booleans that would
# become numbers, and arrays in a frame whose type is not the tensor's.
STRICTER = {
    *(f"{name} for boolean" for name in ("dates", "binaries", "boolean objects with gaps", "nothing")),
    "boolean objects with gaps for double",
    "a tensor from a column of other arrays",
}
# What MLflow refuses, and we do not: a model of categories can predict from its own frame.
KINDER = {"categories for string"}


@pytest.fixture(scope="module")
def theirs(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = subprocess.run(
        [mlflow_python, "-m", "tests.interop.schema_cases", "mlflow"],
        cwd=tmp_path_factory.mktemp("mlflow"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return described("mltrack")


def refused(found: Any) -> bool:
    return isinstance(found, dict) and "refused" in found


@pytest.mark.parametrize("name", SAMPLES)
def test_a_signature_is_the_same(theirs: Mapping[str, Any], ours: Mapping[str, Any], name: str) -> None:
    assert ours["signatures"][name] == theirs["signatures"][name]


@pytest.mark.parametrize("name", params())
def test_params_are_the_same(theirs: Mapping[str, Any], ours: Mapping[str, Any], name: str) -> None:
    mine, other = ours["params"][name], theirs["params"][name]
    assert refused(mine) == refused(other)
    assert refused(mine) or mine == other


@pytest.mark.parametrize("name", verdicts())
def test_data_fits_or_is_refused_alike(theirs: Mapping[str, Any], ours: Mapping[str, Any], name: str) -> None:
    mine, other = ours["verdicts"][name], theirs["verdicts"][name]
    if name in KINDER:
        assert (refused(mine), refused(other)) == (False, True)
        return
    assert refused(mine) == (refused(other) or name in STRICTER), (mine, other)
    assert refused(mine) or mine == other


@pytest.mark.parametrize("name", verdicts())
def test_a_refusal_says_so(ours: Mapping[str, Any], name: str) -> None:
    found = ours["verdicts"][name]
    if refused(found):
        assert found["refused"].startswith("Failed to enforce schema: ")
        assert "Traceback" not in found["refused"]


@pytest.mark.parametrize("name", examples())
def test_examples_are_the_same_files(theirs: Mapping[str, Any], ours: Mapping[str, Any], name: str) -> None:
    assert ours["examples"][name] == theirs["examples"][name]


READER = """
import json, sys
from mlflow.models import Model
from mlflow.models.utils import _read_example, _read_example_params
from mlflow.models.signature import ModelSignature
model = Model(signature=ModelSignature.from_dict(json.loads(sys.argv[2])))
model.saved_input_example_info = json.loads(sys.argv[3])
found = _read_example(model, sys.argv[1])
print(json.dumps([type(found).__name__, str(found), _read_example_params(model, sys.argv[1])]))
"""


@pytest.mark.parametrize(
    "name",
    [
        *("a frame and params", "csr"),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("a frame", "an array", "a dict of arrays", "records")
        ),
    ],
)
def test_mlflow_reads_our_examples(mlflow_python: str, tmp_path: Path, name: str) -> None:
    given = examples()[name]
    info = save_example(tmp_path, given)
    signature = infer_signature(given[0] if isinstance(given, tuple) else given)
    arguments = (str(tmp_path), json.dumps(signature.to_dict()), json.dumps(info))
    done = subprocess.run([mlflow_python, "-c", READER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kind, text, read_params = json.loads(done.stdout.splitlines()[-1])
    read = load_example(tmp_path, info, signature.inputs)
    assert (kind, text) == (type(read).__name__, str(read))
    assert read_params == (given[1] if isinstance(given, tuple) else None)


def test_we_read_their_files(theirs: Mapping[str, Any], tmp_path: Path) -> None:
    for name, given in theirs["examples"].items():
        for file, text in given.items():
            if file != "info":
                (tmp_path / file).write_text(text)
        load_example(tmp_path, given["info"])
        assert load_serving_example(tmp_path, given["info"]) == given["serving_input_example.json"], name


def test_their_signatures_are_read(theirs: Mapping[str, Any]) -> None:
    for columns in theirs["signatures"].values():
        read = ModelSignature.from_dict({"inputs": json.dumps(columns)})
        assert read.inputs is not None
        assert read.inputs.to_dict() == columns
