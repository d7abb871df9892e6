"""Model folders to test with, made without any model library."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from mltrack.plain_yaml import write_yaml

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "marker"


class Doubler:
    """A model without a library: it gives twice what it is given."""

    def predict(self, data: Any) -> Any:
        return data * 2


class Malice:
    """What makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.marker, "w")


def write_folder(folder: Path, conf: dict[str, Any], *, files: dict[str, bytes] | None = None, **more: Any) -> Path:
    """Write a model folder whose MLmodel file says ``conf`` for pyfunc."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(write_yaml({"flavors": {"python_function": conf}, **more}))
    for name, content in (files or {}).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def hostile_folder(folder: Path, marker: Path) -> Path:
    """Write the folder of a PythonModel that makes ``marker`` when it is unpickled."""
    content = pickle.dumps(Malice(marker))
    conf = {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}
    return write_folder(folder, conf, files={"python_model.pkl": content})
