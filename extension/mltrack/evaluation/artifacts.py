"""Files that an evaluation leaves: each has an address, and its content read by the kind of file it is."""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mltrack.artifacts.figures import figure_bytes
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

# Which class of MLflow's reads a file of this ending (mlflow.models.evaluation.artifacts).
_CLASSES = {
    **dict.fromkeys((".png", ".jpg", ".jpeg"), "ImageEvaluationArtifact"),
    ".csv": "CsvEvaluationArtifact",
    ".json": "JsonEvaluationArtifact",
    ".npy": "NumpyEvaluationArtifact",
    ".parquet": "ParquetEvaluationArtifact",
    ".txt": "TextEvaluationArtifact",
}


class EvaluationArtifact:
    """A file of an evaluation: ``uri`` says where it was logged, ``content`` is what is in it.

    A table (JSON of columns and rows) and other JSON is what JSON says, CSV and Parquet are DataFrames, an image is
    PIL's, ``.npy`` is an array, ``.txt`` is text. Nothing else is read, pickles least of all.
    """

    def __init__(self, uri: str, data: bytes) -> None:
        self.uri = uri
        self.data = data

    @property
    def file_name(self) -> str:
        """The last part of its address."""
        return PurePosixPath(unquote(urlsplit(self.uri).path)).name

    @property
    def mlflow_class(self) -> str:
        """The class of MLflow's that reads it."""
        name = _CLASSES.get(PurePosixPath(self.file_name).suffix.lower(), "TextEvaluationArtifact")
        return f"mlflow.models.evaluation.artifacts.{name}"

    @property
    def content(self) -> Any:
        """What is in the file.

        Raises
        ------
        InvalidParameterError
            For a kind of file that is not read.
        """
        ending = PurePosixPath(self.file_name).suffix.lower()
        reader = _READERS.get(ending)
        if reader is None:
            raise InvalidParameterError(f"{self.file_name!r} is not read; its bytes are in `data`.")
        return reader(self.data)

    def __repr__(self) -> str:
        return f"EvaluationArtifact(uri={self.uri!r})"


def _csv(data: bytes) -> Any:
    import pandas as pd  # for whoever looks at such a file

    return pd.read_csv(io.BytesIO(data))


def _parquet(data: bytes) -> Any:
    import pandas as pd  # as above

    return pd.read_parquet(io.BytesIO(data))


def _array(data: bytes) -> Any:
    import numpy as np  # as above

    return np.load(io.BytesIO(data), allow_pickle=False)


def _image(data: bytes) -> Any:
    from PIL import Image  # as above

    return Image.open(io.BytesIO(data))


_READERS: dict[str, Callable[[bytes], Any]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _image),
    ".csv": _csv,
    ".json": json.loads,
    ".npy": _array,
    ".parquet": _parquet,
    ".txt": lambda data: data.decode("utf-8"),
}


def file_of(name: str, made: Any, *, folder: Path) -> tuple[str, bytes]:
    """Write what a user's function made as a file, and give its name and content.

    Parameters
    ----------
    name
        What the function called it; the file is ``NAME`` with the ending of its kind.
    made
        The path of a file, a DataFrame (CSV), an array (.npy), a figure of matplotlib, plotly or Altair (.png), text of
        JSON, or anything that JSON holds.
    folder
        Where relative paths begin.

    Raises
    ------
    InvalidParameterError
        For anything else; nothing is pickled.
    """
    path = _path(made, folder)
    if path is not None:
        return f"{name}{path.suffix.lower()}", path.read_bytes()
    library = type(made).__module__.partition(".")[0]
    if library == "pandas" and hasattr(made, "to_csv"):
        return f"{name}.csv", made.to_csv(index=False).encode("utf-8")
    if library == "numpy" and hasattr(made, "dtype") and made.ndim:
        return f"{name}.npy", _array_bytes(made)
    if library in ("matplotlib", "plotly", "altair"):
        return f"{name}.png", figure_bytes(made, f"{name}.png")
    return f"{name}.json", _json(name, made)


def _path(made: Any, folder: Path) -> Path | None:
    if not isinstance(made, (str, Path)) or len(str(made)) > 4_000:
        return None
    path = folder / made
    try:
        return path if path.is_file() else None
    except OSError:  # text that is no path
        return None


def _array_bytes(array: Any) -> bytes:
    import numpy as np  # whoever has an array has loaded it

    target = io.BytesIO()
    np.save(target, array, allow_pickle=False)
    return target.getvalue()


def _json(name: str, made: Any) -> bytes:
    try:
        if isinstance(made, str):
            json.loads(made)
            return made.encode("utf-8")
        return json.dumps(made, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError):
        raise InvalidParameterError(
            f"The artifact {name!r} is a {type(made).__name__}; give the path of a file, a DataFrame, an array, a "
            "figure, or what JSON holds."
        ) from None
