"""Data as a body of ``/invocations``, and its answer as what the model would have given."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mltrack.models.example import as_request

if TYPE_CHECKING:
    from collections.abc import Mapping


def as_body(data: Any, params: Mapping[str, Any] | None = None) -> bytes:
    """Give the JSON of a request: a frame, series, array, list or dict, and the params of ``predict``."""
    pandas = sys.modules.get("pandas")
    rows = data.to_frame() if pandas is not None and isinstance(data, pandas.Series) else data
    return json.dumps(as_request(rows, params)).encode()


def as_predictions(answer: Any, data: Any) -> Any:
    """Give the predictions as the data came: for frames and arrays those are an array or a frame, else lists."""
    found = answer["predictions"] if isinstance(answer, dict) else answer
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if not isinstance(found, list) or numpy is None:
        return found
    is_frame = pandas is not None and isinstance(data, (pandas.DataFrame, pandas.Series))
    if not is_frame and not isinstance(data, numpy.ndarray):
        return found
    if pandas is not None and found and all(isinstance(row, dict) for row in found):
        return pandas.DataFrame(found)
    return numpy.asarray(found) if _is_regular(found) else found


def _is_regular(rows: list[Any]) -> bool:
    """Say whether lists in a list are all of one length, as an array's rows are."""
    return len({len(row) if isinstance(row, list) else None for row in rows}) <= 1
