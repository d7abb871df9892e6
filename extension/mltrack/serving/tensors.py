"""Arrays as a body has them, as the tensors of a model's signature."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.serving.bodies import json_kind, short
from mltrack.serving.strict_json import BodyError
from mltrack.serving.tables import MissingColumnError, check_records, check_widths, read_split

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mltrack.types.schema import Schema
    from mltrack.types.tensors import TensorSpec

_MOST_TEXT, _BYTES_OF_A_CHARACTER = 1 << 28, 4
_REALS = {int, float, type(None)}


class Tensors:
    """The arrays of a signature, and how what bodies have becomes such arrays.

    Parameters
    ----------
    schema
        The model's inputs: arrays, not columns.
    """

    def __init__(self, schema: Schema) -> None:
        self._specs: dict[Any, TensorSpec] = dict(zip(schema.input_names(), schema.inputs, strict=True))
        self.named = schema.has_input_names()
        self._only: TensorSpec = schema.inputs[0]
        self.joinable = all(each.shape[:1] == (-1,) for each in schema.inputs)

    def from_split(self, given: Any) -> Any:
        """Make the arrays of a ``dataframe_split``: a matrix of its rows, or an array of each column."""
        split = read_split(given)
        width = check_widths(split)
        if not self.named:
            return self._from_rows(split.rows if width != 1 else [row[0] for row in split.rows])
        if split.columns is None:
            raise BodyError("'dataframe_split' must name its columns: the model's arrays have names.")
        return self._by_name(dict(zip(split.columns, map(list, zip(*split.rows, strict=True)), strict=True)))

    def from_records(self, given: Any, field: str = "dataframe_records") -> Any:
        """Make the arrays of a list of records: what each has under a name is one element of that name's array."""
        records = check_records(given, field)
        names = [*records[0]]
        if any(record.keys() != records[0].keys() for record in records):
            raise BodyError(f"The records of {field!r} must all have the same names.")
        if not self.named:
            rows = [[record[name] for name in names] for record in records]
            return self._from_rows(rows if len(names) != 1 else [row[0] for row in rows])
        return self._by_name({name: [record[name] for record in records] for name in names})

    def from_values(self, given: Any, field: str) -> Any:
        """Make the arrays of ``instances`` or ``inputs``: the array itself, arrays by name, or a list of records."""
        if type(given) is list and dict in {*map(type, given)}:
            return self.from_records(given, field)
        if type(given) is dict:
            if not self.named:
                raise BodyError(f"{field!r} must be an array: the model's only input has no name.")
            return self._by_name(given)
        if type(given) is not list:
            raise BodyError(f"{field!r} must be an array; it is {json_kind(given)}.")
        if self.named and len(self._specs) > 1:
            raise BodyError(f"{field!r} must be an object of arrays: the model takes {len(self._specs)} of them.")
        return self._by_name(dict.fromkeys(self._specs, given)) if self.named else _tensor(given, self._only)

    def from_frame(self, frame: pd.DataFrame) -> Any:
        """Make the arrays of a frame, as a CSV body is one."""
        if self.named:
            return self._by_name({name: frame[name].tolist() for name in frame.columns})
        return self._from_rows(frame.to_numpy().tolist())

    def _from_rows(self, rows: list[Any]) -> NDArray[Any]:
        """Elements that are flat lists get the shape that the signature gives each."""
        made = _typed(rows, self._only)
        return _shaped(made, self._only)

    def _by_name(self, given: dict[Any, Any]) -> dict[Any, NDArray[Any]]:
        if missing := [name for name in self._specs if name not in given]:
            names = ", ".join(map(short, missing[:20]))
            raise MissingColumnError(f"Failed to enforce schema: the body lacks the arrays {names}.")
        return {name: _shaped(_typed(given[name], spec), spec) for name, spec in self._specs.items()}


def array_of(given: Any) -> NDArray[Any]:
    """Make an array of lists in lists; refuse texts that are short but for a few, since each gets the longest's room.

    Raises
    ------
    ValueError, OverflowError
        The lists are not of equal lengths within each other, or a number is too large.
    """
    values = np.array(given, dtype=object)
    if str in set(map(type, values.flat)):
        longest = max(len(each) for each in values.flat if type(each) is str)
        if _BYTES_OF_A_CHARACTER * longest * values.size > _MOST_TEXT:
            raise BodyError(f"An array of {values.size} values cannot hold texts of {longest} characters.")
    return np.array(given)


def _tensor(given: Any, spec: TensorSpec) -> NDArray[Any]:
    made = _typed(given, spec)
    check_shape(made, spec)
    return made


def _shaped(made: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Give an array the signature's shape, if its elements are that many."""
    if len(made.shape) != len(spec.shape) and made.ndim in (1, 2) and spec.shape.count(-1) == 1:
        with suppress(ValueError):  # said below
            made = made.reshape(spec.shape)
    check_shape(made, spec)
    return made


def check_shape(made: NDArray[Any], spec: TensorSpec) -> None:
    """Refuse an array whose shape is not the signature's, where -1 stands for any length."""
    wanted = spec.shape
    if len(wanted) != made.ndim or any(want not in (-1, has) for want, has in zip(wanted, made.shape, strict=True)):
        raise BodyError(f"{_name(spec)} must have the shape {list(wanted)}; it has {list(made.shape)}.")
    if made.ndim and not made.shape[0]:
        raise BodyError(f"{_name(spec)} has no elements; send at least one.")


def _typed(given: Any, spec: TensorSpec) -> NDArray[Any]:
    try:
        raw = array_of(given)
    except (ValueError, OverflowError):
        raise BodyError(f"{_name(spec)} must be lists of equal lengths within each other.") from None
    kind = spec.type.kind
    if kind == "f":
        return _real(raw, spec)
    if kind in "iu":
        return _whole(raw, spec)
    if kind == "b" and raw.dtype.kind != "b":
        raise _refused(spec)
    if kind == "U" and raw.dtype.kind != "U":
        raise _refused(spec)
    if kind == "O":
        return np.array(given, dtype=object)
    try:
        return raw.astype(spec.type)
    except (ValueError, TypeError, OverflowError):
        raise _refused(spec) from None


def _real(raw: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    if raw.dtype.kind not in "iufb" and not (raw.dtype.kind == "O" and {*map(type, raw.ravel())} <= _REALS):
        raise _refused(spec)
    try:
        with np.errstate(over="ignore"):
            made = raw.astype(spec.type)
    except OverflowError:
        raise _refused(spec) from None
    if bool(np.isinf(made).any()):
        raise _refused(spec)
    return made


def _whole(raw: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    if raw.dtype.kind not in "iuf":
        raise _refused(spec)
    limits = np.iinfo(spec.type)
    if raw.size and not (limits.min <= raw.min() and raw.max() <= limits.max):
        raise _refused(spec)
    made = raw.astype(spec.type)
    if not np.array_equal(made, raw):
        raise _refused(spec)
    return made


def _refused(spec: TensorSpec) -> BodyError:
    return BodyError(f"{_name(spec)} must hold values of the type {spec.type.name}; it holds others.")


def _name(spec: TensorSpec) -> str:
    return "The array" if spec.name is None else f"The array {short(spec.name)}"
