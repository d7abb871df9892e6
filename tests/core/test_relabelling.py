"""A signature set on a model that is there: in a folder, on a logged model, never on what was registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models.signature import ModelSignature
from mltrack.types.schema import ColSpec, DataType, Schema

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = ModelSignature(Schema([ColSpec(DataType.double, "a")]))


def double(data: Any) -> Any:
    return data * 2


def set_signature(uri: object) -> None:
    mltrack.models.set_signature(str(uri), SIGNATURE)


def test_a_signature_is_set_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        set_signature(tmp_path)
    (tmp_path / "MLmodel").write_text("flavors: {}\nmodel_uuid: abc\nodd: kept\n")
    set_signature(tmp_path)
    model = mltrack.models.Model.load(tmp_path)
    assert (model.signature, model.model_uuid, model.others) == (SIGNATURE, "abc", {"odd": "kept"})
    with pytest.raises(InvalidParameterError, match="ModelSignature"):
        mltrack.models.set_signature(str(tmp_path), {})  # type: ignore[arg-type]


def test_what_was_trusted_is_trusted_with_its_signature(tmp_path: Path) -> None:
    mltrack.pyfunc.save_model(tmp_path / "m", python_model=double)
    set_signature(tmp_path / "m")
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    assert loaded.metadata.signature == SIGNATURE
    with (tmp_path / "m" / "requirements.txt").open("a") as writer:
        writer.write("another\n")
    set_signature(tmp_path / "m")  # another has written to it, which this user never agreed to
    with pytest.raises(mltrack.MltrackError, match="would run code"):
        mltrack.pyfunc.load_model(str(tmp_path / "m"))


@pytest.mark.parametrize("in_run", [True, False])
def test_a_logged_model_is_given_one_until_it_is_registered(in_run: bool) -> None:
    if in_run:
        with mltrack.start_run() as run:
            info = mltrack.pyfunc.log_model(name="m", python_model=double)
        uri = f"runs:/{run.info.run_id}/m"
    else:
        info = mltrack.pyfunc.log_model(name="m", python_model=double)
        uri = info.model_uri
    set_signature(uri)
    assert mltrack.pyfunc.load_model(info.model_uri).metadata.signature == SIGNATURE
    mltrack.register_model(uri, "r")
    for registered in (uri, "models:/r/1"):
        with pytest.raises(InvalidParameterError, match="version 1 of 'r' is made of it"):
            set_signature(registered)
    assert mltrack.pyfunc.load_model("models:/r/1").metadata.signature == SIGNATURE


def test_what_is_nowhere_in_the_store_is_downloaded_first() -> None:
    with pytest.raises(InvalidParameterError, match="download the model"):
        set_signature("memory://tests/model")
