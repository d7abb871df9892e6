"""Predictions for whole files, a block of rows at a time, so that a file may be larger than the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import pandas as pd

from mltrack.deploying.batch_reading import BLOCK, read_blocks
from mltrack.deploying.batch_writing import WRITERS
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.serving.parts import joined
from mltrack.serving.reading import Reader
from mltrack.serving.scoring import takes_batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.deploying.batch_reading import Block
    from mltrack.pyfunc.model import PyFuncModel
    from mltrack.serving.messages import Request


@dataclass(frozen=True, slots=True)
class Batch:
    """What is read and written.

    Parameters
    ----------
    name
        The input's, for messages.
    read, write
        Of ``file_kinds.KINDS``.
    whole
        True predicts from all rows at once, False from blocks. None takes blocks for models of libraries, whose
        prediction for a row depends on that row alone, and all rows at once for a class or function of the user's.
    """

    name: str
    read: str = "csv"
    write: str = "json"
    whole: bool | None = None


def predict_file(
    model: PyFuncModel,
    source: BinaryIO,
    target: BinaryIO,
    *,
    batch: Batch,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Write a model's predictions for the rows of a file, and give how many rows there were.

    Parameters
    ----------
    on_progress
        Called with the bytes that have been read, after each block.

    Raises
    ------
    InvalidParameterError
        When a row does not fit the signature, or the model fails on it; the message names the row, counted from 1, and
        the column.
    """
    whole = not takes_batches(model.metadata) if batch.whole is None else batch.whole
    predictor = _Predictor(model, batch.name)
    writer = WRITERS[batch.write](target)
    done = 0
    for block in read_blocks(source, batch.read, size=None if whole else BLOCK):
        predictions, rows = predictor.predict(block, done)
        if not whole and batch.read != "json":
            _check_length(predictions, rows)
        writer.write(predictions)
        done += rows
        if on_progress is not None:
            on_progress(block.position)
    writer.close()
    return done


def _check_length(predictions: Any, rows: int) -> None:
    found = len(predictions) if hasattr(predictions, "__len__") else None
    if found != rows:
        given = "one value" if found is None else f"{found} predictions"
        raise InvalidParameterError(
            f"The model gives {given} for {rows} rows, so it looks at rows together; predict from all rows at once "
            "(--whole)."
        )


class _Predictor:
    """Predicts from blocks, and finds the row to blame when that fails."""

    def __init__(self, model: PyFuncModel, name: str) -> None:
        self._model = model
        self._reader = Reader(model)
        self._name = name

    def predict(self, block: Block, before: int) -> tuple[Any, int]:
        """Give the predictions and how many rows there are; ``before`` is the number of rows before the block."""
        try:
            data, params, rows = self._read(block.request())
        except MltrackError as error:
            raise self._located(block, before, error, attempt=self._read) from error
        try:
            return self._model.predict_enforced(data, params), rows
        except Exception as error:
            raise self._located(block, before, error, attempt=self._try) from error

    def _read(self, request: Request | pd.DataFrame) -> tuple[Any, Any, int]:
        if isinstance(request, pd.DataFrame):
            data, params = self._model.enforce(request)
            return data, params, len(request)
        part = self._reader.read(request)
        return joined([part], self._reader.columns), part.params, part.rows

    def _try(self, request: Request | pd.DataFrame) -> Any:
        data, params, _ = self._read(request)
        return self._model.predict_enforced(data, params)

    def _located(
        self, block: Block, before: int, error: Exception, *, attempt: Callable[[Any], Any]
    ) -> InvalidParameterError:
        """Halve the block until one row is left that fails by itself, or none does; what all rows have is no row's."""
        begin, end = 0, block.count()
        if end > 1:
            ends = [_fault(block, 0, 1, attempt), _fault(block, end - 1, end, attempt)]
            if ends[0] is not None and str(ends[0]) == str(ends[1]):
                return InvalidParameterError(f"{self._name}: {_short(ends[0])}")
        while end - begin > 1:
            middle = (begin + end) // 2
            if (found := _fault(block, begin, middle, attempt)) is not None:
                end, error = middle, found
            elif (found := _fault(block, middle, end, attempt)) is not None:
                begin, error = middle, found
            else:
                break
        first, last = before + begin + 1, before + end
        where = f"row {first:,}" if first == last else f"rows {first:,} to {last:,}"
        return InvalidParameterError(f"{self._name}, {where}: {_short(error)}")


def _fault(block: Block, begin: int, end: int, attempt: Callable[[Any], Any]) -> Exception | None:
    try:
        attempt(block.request(begin, end))
    except Exception as error:
        return error
    return None


def _short(error: Exception) -> str:
    if isinstance(error, MltrackError):
        return str(error).replace("; row 0 has ", "; it has ")  # of the one row that the body had
    return f"the model raised {type(error).__name__}: {str(error)[:500]}"
