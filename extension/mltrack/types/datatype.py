"""The types of single values, by MLflow's names."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.exceptions import InvalidParameterError
from mltrack.types.words import module_of, type_name

if TYPE_CHECKING:
    import numpy as np


class DataType(Enum):
    """The type of a column's values; names and numbers are MLflow's (``mlflow.types.DataType``)."""

    boolean = 1
    """True or False."""
    integer = 2
    """Whole numbers of 32 bits."""
    long = 3
    """Whole numbers of 64 bits."""
    float = 4
    """Floating point numbers of 32 bits."""
    double = 5
    """Floating point numbers of 64 bits."""
    string = 6
    """Text."""
    binary = 7
    """Bytes."""
    datetime = 8
    """Points in time, to the nanosecond, without a time zone."""

    def __repr__(self) -> str:
        return self.name

    def to_numpy(self) -> np.dtype[Any]:
        """Give numpy's type for such values: ``str`` and ``bytes`` without a length, ``datetime64[ns]``."""
        import numpy as np  # heavy; whoever asks has data at hand

        return np.dtype(_FORMS[self.name].numpy)

    def to_pandas(self) -> np.dtype[Any]:
        """Give the type of a pandas column of such values; text and bytes are objects."""
        import numpy as np  # heavy; whoever asks has data at hand

        return np.dtype("O") if self in (DataType.string, DataType.binary) else self.to_numpy()

    def to_python(self) -> type:
        """Give the Python type of such values."""
        return _FORMS[self.name].python

    @classmethod
    def all_types(cls) -> list[DataType]:
        """Give all of them."""
        return list(cls)

    @classmethod
    def from_numpy_type(cls, np_type: Any) -> DataType | None:
        """Give the one that is exactly this type of numpy's, or None."""
        return next((each for each in cls if each.to_numpy() == np_type), None)

    @classmethod
    def check_type(cls, data_type: DataType, value: object) -> bool:
        """Tell whether a value is of Python's or numpy's very type for it: True is no integer, 1 no double."""
        kind = type(value)
        forms = _FORMS[data_type.name]
        return kind in forms.accepted or (type_name(kind) in forms.scalars and module_of(kind) == "numpy")


class _Forms(NamedTuple):
    """How numpy names a type, what Python has for it, and which types a value of it may be of."""

    numpy: str
    python: type
    accepted: tuple[type, ...]
    scalars: tuple[str, ...]  # the names of numpy's


_FORMS = {
    "boolean": _Forms("bool", bool, (bool,), ("bool", "bool_")),
    "integer": _Forms("int32", int, (int,), ("int32",)),
    "long": _Forms("int64", int, (int,), ("int64",)),
    "float": _Forms("float32", float, (float,), ("float32",)),
    "double": _Forms("float64", float, (float,), ("float64",)),
    "string": _Forms("str", str, (str,), ("str_",)),
    "binary": _Forms("bytes", bytes, (bytes, bytearray), ("bytes_",)),
    "datetime": _Forms("datetime64[ns]", dt.date, (dt.date, dt.datetime), ("datetime64",)),
}


def datatype(word: object) -> DataType:
    """Give the type of that name; the error for any other lists them."""
    if isinstance(word, DataType):
        return word
    found = DataType.__members__.get(word) if isinstance(word, str) else None
    if found is None:
        names = ", ".join(DataType.__members__)
        raise InvalidParameterError(f"There is no type {str(word)[:60]!r}; the types are {names}.")
    return found
