"""What a model takes or gives as a whole: its columns, or its arrays. All names of ``mlflow.types.schema`` are here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import InvalidParameterError
from mltrack.types.columns import ColSpec
from mltrack.types.dataclass_schema import convert_dataclass_to_schema
from mltrack.types.datatype import DataType
from mltrack.types.documents import read_list
from mltrack.types.nested import AnyType, Array, Map, Object, Property, SparkMLVector
from mltrack.types.params import ParamSchema, ParamSpec
from mltrack.types.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "SparkMLVector",
    "TensorSpec",
    "convert_dataclass_to_schema",
]


class Schema:
    """The columns, or the arrays, of what goes into a model or comes out of it. It does not change once made.

    Parameters
    ----------
    inputs
        A list of ``ColSpec`` or of ``TensorSpec``: all of one sort, all named or none; several arrays, and optional
        columns, are named.

    Raises
    ------
    InvalidParameterError
        When they are not so.
    """

    __slots__ = ("_inputs", "prepared")

    def __init__(self, inputs: list[ColSpec] | list[TensorSpec] | list[ColSpec | TensorSpec]) -> None:
        self._inputs: tuple[ColSpec | TensorSpec, ...] = _checked(inputs)
        self.prepared: Any = None  # what enforcement works out once for all calls

    @property
    def inputs(self) -> list[Any]:
        """The columns or arrays, in order."""
        return [*self._inputs]

    def __len__(self) -> int:
        return len(self._inputs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inputs)

    def is_tensor_spec(self) -> bool:
        """Tell whether it is of arrays."""
        return isinstance(self._inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Tell whether the columns or arrays have names."""
        return self._inputs[0].name is not None

    def input_names(self) -> list[Any]:
        """Give the names, or the positions from 0 where there are none."""
        return [number if each.name is None else each.name for number, each in enumerate(self._inputs)]

    def required_input_names(self) -> list[Any]:
        """Give the names, or positions, of those that must be there."""
        return self._names(required=True)

    def optional_input_names(self) -> list[Any]:
        """Give the names of those that may be absent."""
        return self._names(required=False)

    def _names(self, *, required: bool) -> list[Any]:
        return [name for name, each in zip(self.input_names(), self._inputs, strict=True) if each.required is required]

    def input_types(self) -> list[Any]:
        """Give the types, in order."""
        return [each.type for each in self._inputs]

    def input_types_dict(self) -> dict[Any, Any]:
        """Give the types by name; an error where there are no names."""
        return {name: each.type for name, each in self.input_dict().items()}

    def input_dict(self) -> dict[Any, Any]:
        """Give the columns or arrays by name; an error where there are no names."""
        if not self.has_input_names():
            raise InvalidParameterError("The columns of this schema have no names, only positions: use `inputs`.")
        return {each.name: each for each in self._inputs}

    def numpy_types(self) -> list[np.dtype[Any]]:
        """Give numpy's type of each; an error when one is nested."""
        return [each.type if isinstance(each, TensorSpec) else _plain(each).to_numpy() for each in self._inputs]

    def pandas_types(self) -> list[np.dtype[Any]]:
        """Give the type that pandas has for each column; an error for arrays and for nested ones."""
        return [_plain(each).to_pandas() for each in self._inputs]

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the columns or arrays as plain values."""
        return [each.to_dict() for each in self._inputs]

    def to_json(self) -> str:
        """Give ``to_dict`` as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> Self:
        """Read what ``to_json``, or MLflow since 1.8, wrote; an error for anything else."""
        return cls([_read(each) for each in read_list(json_str, "A schema")])

    @classmethod
    def from_dict(cls, documents: list[dict[str, Any]]) -> Self:
        """Make it of plain values; see ``to_dict``."""
        return cls([_read(each) for each in documents])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._inputs == other._inputs

    def __hash__(self) -> int:
        return hash(self._inputs)

    def __repr__(self) -> str:
        return repr(self.inputs)


def _read(document: dict[str, Any]) -> ColSpec | TensorSpec:
    kind = TensorSpec if document.get("type") == "tensor" else ColSpec
    return kind.from_json_dict(**document)


def _plain(spec: ColSpec | TensorSpec) -> DataType:
    if isinstance(spec.type, DataType):
        return spec.type
    raise InvalidParameterError(f"Neither numpy nor pandas has a type for {spec!r:.120}.")


def _checked(inputs: Any) -> tuple[ColSpec | TensorSpec, ...]:
    if not isinstance(inputs, list) or not inputs:
        raise InvalidParameterError(f"A schema is made of a list of at least one column or array; got {inputs!r:.80}.")
    kind = type(inputs[0])
    if kind not in (ColSpec, TensorSpec) or any(type(each) is not kind for each in inputs):
        raise InvalidParameterError("A schema is made of columns (ColSpec) or of arrays (TensorSpec), not of both.")
    unnamed = sum(each.name is None for each in inputs)
    if 0 < unnamed < len(inputs):
        raise InvalidParameterError(f"All columns of a schema have names, or none; here {unnamed} have none.")
    if unnamed > 1 and kind is TensorSpec:
        raise InvalidParameterError(f"Several arrays need names; here {unnamed} have none.")
    if unnamed and any(not each.required for each in inputs):
        raise InvalidParameterError("Optional columns need names; here they have none.")
    return tuple(inputs)
