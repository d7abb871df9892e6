"""What ``predict`` may be given beside the data: params with types and defaults."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import InvalidParameterError
from mltrack.types.datatype import DataType
from mltrack.types.documents import read_list
from mltrack.types.fitting import fit_param
from mltrack.types.nested import Object, checked_type, read_type, type_document

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, repr=False)
class ParamSpec:
    """A param of ``predict``.

    Parameters
    ----------
    name
        Its name.
    dtype
        The type of its value: a ``DataType`` but ``binary``, its name, or an ``Object``.
    default
        The value when none is given, of that type.
    shape
        None for one value, ``(-1,)`` for a list of them.

    Raises
    ------
    InvalidParameterError
        When type, default or shape are not so.
    """

    name: str
    dtype: Any
    default: Any
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        dtype = checked_type(self.dtype)
        object.__setattr__(self, "name", str(self.name))
        object.__setattr__(self, "shape", _checked_shape(self.shape, dtype, self.name))
        if not isinstance(dtype, (DataType, Object)) or dtype is DataType.binary:
            raise InvalidParameterError(f"The param {self.name!r:.80} cannot be of the type {dtype!r:.60}.")
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "default", self.fit(self.default))

    def fit(self, value: Any) -> Any:
        """Give a value as this param takes it; the error for one of another type names the param."""
        try:
            return fit_param(value, self.dtype, is_list=self.shape is not None)
        except InvalidParameterError as error:
            raise InvalidParameterError(f"The param {self.name!r:.80} does not fit: {error.message}") from None

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values: ``{"name": …, "default": …, "shape": …, "type": …}``."""
        shape = None if self.shape is None else [*self.shape]
        return {"name": self.name, "default": self._plain_default(), "shape": shape, **type_document(self.dtype)}

    def _plain_default(self) -> Any:
        if self.dtype is not DataType.datetime or self.default is None:
            return self.default
        is_list = isinstance(self.default, list)
        return [each.isoformat() for each in self.default] if is_list else self.default.isoformat()

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Self:
        """Make it of plain values; the type is under ``type``, in old files under ``dtype``."""
        if not {"name", "default"} <= kwargs.keys() or not isinstance(kwargs["name"], str):
            raise InvalidParameterError(
                f"A param has a 'name', a 'type' and a 'default'; got {', '.join(kwargs)[:80]}."
            )
        dtype = read_type({**kwargs, "type": kwargs.get("type") or kwargs.get("dtype")})
        return cls(kwargs["name"], dtype, kwargs["default"], kwargs.get("shape"))

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"


class ParamSchema:
    """The params of ``predict``: a list of ``ParamSpec``, each of a name of its own."""

    __slots__ = ("_params",)

    def __init__(self, params: list[ParamSpec]) -> None:
        if not all(isinstance(each, ParamSpec) for each in params):
            raise InvalidParameterError("A ParamSchema is made of a list of ParamSpec.")
        if twice := [name for name, count in Counter(each.name for each in params).items() if count > 1]:
            raise InvalidParameterError(f"These params occur twice: {', '.join(twice)[:200]}.")
        self._params = tuple(params)

    @property
    def params(self) -> list[ParamSpec]:
        """The params, in order."""
        return [*self._params]

    def __len__(self) -> int:
        return len(self._params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self._params)

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the params as plain values."""
        return [each.to_dict() for each in self._params]

    def to_json(self) -> str:
        """Give ``to_dict`` as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> Self:
        """Read what ``to_json``, or MLflow, wrote; an error for anything else."""
        return cls([ParamSpec.from_json_dict(**each) for each in read_list(json_str, "A params schema")])

    @classmethod
    def from_dict(cls, documents: list[dict[str, Any]]) -> Self:
        """Make it of plain values; see ``to_dict``."""
        return cls([ParamSpec.from_json_dict(**each) for each in documents])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParamSchema) and self._params == other._params

    __hash__ = None  # type: ignore[assignment]  # defaults may be lists

    def __repr__(self) -> str:
        return repr(self.params)


def _checked_shape(shape: Any, dtype: Any, name: Any) -> tuple[int, ...] | None:
    if shape is None:
        return None
    if not isinstance(shape, (list, tuple)) or tuple(shape) != (-1,) or isinstance(dtype, Object):
        raise InvalidParameterError(
            f"The shape of the param {name!r:.80} is None for one value, or (-1,) for a list of plain ones; "
            f"got {shape!r:.60}."
        )
    return (-1,)
