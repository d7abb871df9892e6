"""What was found of a model: metrics by name, tables column by column, and remarks."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Table = Mapping[str, Sequence[Any]]


@dataclass(slots=True)
class Findings:
    """Metrics, tables (columns of equal length, plain values, None for what is not defined) and remarks."""

    metrics: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, words: str) -> None:
        """Remark something, once."""
        if words not in self.notes:
            self.notes.append(words)


def sklearn_metrics() -> Any:
    """Give ``sklearn.metrics``.

    Raises
    ------
    MissingLibraryError
        When scikit-learn is not installed.
    """
    try:
        import sklearn.metrics  # a second, and only an evaluation needs it
    except ImportError:
        raise MissingLibraryError("An evaluation needs scikit-learn: `pip install scikit-learn`.") from None
    return sklearn.metrics


def finite(values: Any) -> list[float | None]:
    """Give an array's numbers as a table's column: NaN and infinities become None."""
    return [value if math.isfinite(value) else None for value in map(float, values)]


def table_json(table: Table) -> str:
    """Write a table as the JSON that ``log_table`` and the tables of autolog have."""
    rows = list(zip(*table.values(), strict=True))
    return json.dumps({"columns": list(table), "data": rows}, allow_nan=False)
