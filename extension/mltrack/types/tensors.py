"""An array: its name, the type of its numbers, and its shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import InvalidParameterError
from mltrack.types.columns import read_name
from mltrack.types.documents import member, text_member
from mltrack.types.words import plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

# The names that numpy gives its types: float64, str, datetime64[ns], timedelta64[25us], void16.
_DTYPE_NAME = re.compile(r"[a-z]+[0-9_a-z]{0,20}(\[[0-9]{0,6}[a-zA-Z]{1,2}\])?")
_MOST_AXES = 64


@dataclass(frozen=True, slots=True, repr=False)
class TensorSpec:
    """An array that goes into a model or comes out of it.

    Parameters
    ----------
    type
        numpy's type of its elements; for text and bytes without a length.
    shape
        The length of each axis, -1 where any will do.
    name
        Its name; None for the only array.
    """

    type: np.dtype[Any]
    shape: Sequence[int]
    name: Any = None

    def __post_init__(self) -> None:
        import numpy as np  # heavy; there are no arrays without it

        if not isinstance(self.type, np.dtype):
            raise InvalidParameterError(f"A tensor's type is a numpy.dtype; got {self.type!r:.60}.")
        if self.type.char in "US" and self.type.itemsize:
            kind = "str" if self.type.char == "U" else "bytes"
            raise InvalidParameterError(f"A tensor's {kind} type has no length: numpy.dtype({kind!r}).")
        if not isinstance(self.shape, (tuple, list)):
            raise InvalidParameterError(f"A tensor's shape is a tuple of lengths; got {self.shape!r:.60}.")
        object.__setattr__(self, "shape", tuple(self.shape))

    @property
    def required(self) -> bool:
        """True: an array is never optional."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{"type": "tensor", "tensor-spec": {"dtype": …, "shape": …}}``."""
        named = {} if self.name is None else {"name": plain_name(self.name)}
        shape = [int(length) for length in self.shape]
        return {**named, "type": "tensor", "tensor-spec": {"dtype": self.type.name, "shape": shape}}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; keys that are not known are left out."""
        if kwargs.get("type") != "tensor":
            raise InvalidParameterError(f"A TensorSpec has the type 'tensor'; got {kwargs.get('type')!r:.60}.")
        spec = member(kwargs, "tensor-spec", dict)
        shape = member(spec, "shape", (list, tuple))
        if len(shape) > _MOST_AXES or not all(type(length) is int and -1 <= length < 2**63 for length in shape):
            raise InvalidParameterError(
                f"A tensor's shape is a list of at most {_MOST_AXES} lengths, or -1; got another."
            )
        return cls(_read_dtype(text_member(spec, "dtype")), tuple(shape), read_name(kwargs))

    def __repr__(self) -> str:
        named = "" if self.name is None else f"{self.name!r}: "
        return f"{named}Tensor({self.type.name!r}, {self.shape!r})"


def _read_dtype(word: str) -> np.dtype[Any]:
    import numpy as np  # heavy; there are no arrays without it

    try:
        if _DTYPE_NAME.fullmatch(word):
            return np.dtype(word)
    except (TypeError, ValueError):
        pass
    raise InvalidParameterError(f"{word[:60]!r} is no type of numpy's.")
