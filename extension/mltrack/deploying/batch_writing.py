"""Predictions as a file, written as they come: JSON as a model server answers, JSON lines, CSV, or Parquet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pandas as pd

from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.serving.answers import plain, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMN = "prediction"
"""What the only column of predictions is called that have no name."""


class Writer(ABC):
    """Writes predictions, a block of rows at a time; the file itself stays open."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._begun = False

    @abstractmethod
    def write(self, predictions: Any) -> None:
        """Write the predictions for a block of rows."""

    @abstractmethod
    def close(self) -> None:
        """Write what ends the file."""


class JsonWriter(Writer):
    """``{"predictions": [...]}``."""

    _alone = False

    def write(self, predictions: Any) -> None:
        """Write them as items of the one list; what is no list can only be the only one."""
        found = plain(predictions)
        text = write_json(found)
        self._alone = not isinstance(found, list)
        if self._alone and self._begun:
            raise InvalidParameterError("The model gives no list of predictions, so it has to have all rows at once.")
        if not self._alone:
            text = text[1:-1]
        self._target.write((b", " if self._begun else b'{"predictions": ' + b"[" * (not self._alone)) + text)
        self._begun = True

    def close(self) -> None:
        """Close the list and the object."""
        if not self._begun:
            self._target.write(b'{"predictions": [')
        self._target.write(b"}\n" if self._alone else b"]}\n")


class LinesWriter(Writer):
    """A line of JSON for each prediction."""

    def write(self, predictions: Any) -> None:
        """Write a line for each."""
        found = plain(predictions)
        rows = found if isinstance(found, list) else [found]
        self._target.write(b"".join(write_json(row) + b"\n" for row in rows))

    def close(self) -> None:
        """Write nothing more."""


class CsvWriter(Writer):
    """CSV with a line of names; numbers are written so that they read back as they are."""

    def write(self, predictions: Any) -> None:
        """Write the rows, before the first the names."""
        text = as_frame(predictions).to_csv(index=False, header=not self._begun, lineterminator="\n")
        self._target.write(text.encode())
        self._begun = True

    def close(self) -> None:
        """Write nothing more."""


class ParquetWriter(Writer):
    """Parquet, with the types of the first block."""

    _writer: Any = None

    def write(self, predictions: Any) -> None:
        """Write a group of rows."""
        try:
            import pyarrow as pa  # heavy, and only files of this sort need it
            from pyarrow import parquet
        except ModuleNotFoundError:
            raise MissingLibraryError("Writing Parquet needs pyarrow: `pip install pyarrow`.") from None
        try:
            table = pa.Table.from_pandas(as_frame(predictions), preserve_index=False)
            if self._writer is None:
                self._writer = parquet.ParquetWriter(self._target, table.schema)
            self._writer.write_table(table.cast(self._writer.schema))
        except pa.ArrowException as error:
            raise InvalidParameterError(
                f"The predictions do not go into Parquet, or not with those before: {str(error)[:200]}."
            ) from error

    def close(self) -> None:
        """Write what Parquet has at its end."""
        if self._writer is not None:
            self._writer.close()


WRITERS: Mapping[str, type[Writer]] = {
    "json": JsonWriter,
    "jsonl": LinesWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}


def as_frame(predictions: Any) -> pd.DataFrame:
    """Give predictions as a frame with text for names: ``prediction``, or ``prediction_0``, … for a matrix.

    Raises
    ------
    InvalidParameterError
        When they are no table, as arrays of three dimensions are not.
    """
    frame = _framed(predictions).reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    return frame


def _framed(predictions: Any) -> pd.DataFrame:
    if isinstance(predictions, pd.DataFrame):
        return predictions
    if isinstance(predictions, pd.Series):
        return predictions.to_frame(COLUMN if predictions.name is None else predictions.name)
    found = predictions if isinstance(predictions, np.ndarray) else plain(predictions)
    if isinstance(found, np.ndarray) and found.ndim == 2:
        return pd.DataFrame(found, columns=[f"{COLUMN}_{number}" for number in range(found.shape[1])])
    if isinstance(found, dict) or (isinstance(found, list) and found and isinstance(found[0], dict)):
        return pd.DataFrame(found)
    if isinstance(found, list) or (isinstance(found, np.ndarray) and found.ndim == 1):
        return pd.DataFrame({COLUMN: found})
    raise InvalidParameterError("The predictions are no table, so they do not go into CSV or Parquet; use JSON.")
