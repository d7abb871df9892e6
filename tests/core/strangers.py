"""Model folders of strangers: written as MLflow writes them, by nobody that is trusted."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.quickness import assert_quick

import mltrack
from mltrack.exceptions import MltrackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def folder_of(place: Path, files: dict[str, bytes], conf: dict[str, Any], **pyfunc: Any) -> Path:
    """Write a model folder as MLflow has it, which nobody has signed; an MLmodel file may be JSON, which is YAML."""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    place.mkdir(exist_ok=True)
    flavors = {"sklearn": conf, "python_function": {"loader_module": "mlflow.sklearn", **pyfunc}}
    (place / "MLmodel").write_text(json.dumps({"flavors": flavors}))
    return place


def of_sklearn(place: Path, name: str, content: bytes, written: str | None) -> Path:
    conf = {"pickled_model": name, **({} if written is None else {"serialization_format": written})}
    return folder_of(place, {name: content}, conf, model_path=name)


def both_ways(place: Path, **options: Any) -> list[Callable[[], Any]]:
    return [
        lambda: mltrack.pyfunc.load_model(str(place), **options),
        lambda: mltrack.sklearn.load_model(str(place), **options),
    ]


def refused(work: Callable[[], Any], kind: type[MltrackError] = MltrackError) -> str:
    """Refused with the error, and soon: in some ms, where none of the libraries has to be loaded first."""

    def ask() -> pytest.ExceptionInfo[MltrackError]:
        with pytest.raises(kind) as caught:
            work()
        return caught

    caught = assert_quick(ask, 3, clock=time.process_time)
    assert len(caught.value.message) < 1500
    return caught.value.message


def edited(model: Any, edit: Callable[[Any], Any]) -> bytes:
    """A skops file whose ``schema.json`` was changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(pytest.importorskip("skops.io").dumps(model))) as source,
        zipfile.ZipFile(target, "w") as packed,
    ):
        for each in source.namelist():
            content = source.read(each)
            if each == "schema.json":
                schema = json.loads(content)
                edit(schema)
                content = json.dumps(schema).encode()
            packed.writestr(each, content)
    return target.getvalue()
