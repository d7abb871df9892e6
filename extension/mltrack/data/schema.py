"""What columns and arrays are called and hold, in the words and JSON of ``mlflow.types``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.types.words import plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Schema:
    """Columns, or tensors: MLflow's ``Schema`` as far as a dataset has use for it."""

    def __init__(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        self.inputs = [dict(each) for each in inputs]

    def input_names(self) -> list[str | int]:
        """Give the names, or the numbers where there are none."""
        return [each.get("name", number) for number, each in enumerate(self.inputs)]

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the columns or tensors as JSON-compatible values."""
        return self.inputs

    def to_json(self) -> str:
        """Give ``to_dict`` as JSON text."""
        return json.dumps(self.inputs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.inputs == other.inputs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Schema({self.inputs})"


class TensorDatasetSchema:
    """The arrays of a dataset: its features, and its targets if it has any."""

    def __init__(self, features: Schema, targets: Schema | None = None) -> None:
        self.features = features
        self.targets = targets

    def to_dict(self) -> dict[str, Any]:
        """Give it as MLflow writes it; the two schemas are JSON texts inside it."""
        targets = self.targets.to_json() if self.targets is not None else None
        return {"mlflow_tensorspec": {"features": self.features.to_json(), "targets": targets}}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorDatasetSchema) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"features: {self.features!r} targets: {self.targets!r}"


def column(name: Any, kind: str, *, required: bool) -> dict[str, Any]:
    """Give the words for a column; ``required`` when no value is missing. A name that JSON lacks becomes text."""
    return {"type": kind, "name": plain_name(name), "required": required}


def tensor(dtype: str, shape: Sequence[int], *, name: str | None = None) -> dict[str, Any]:
    """Give the words for an array whose first axis may have any length."""
    spec = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape[1:]]}}
    return spec if name is None else {"name": name, **spec}
