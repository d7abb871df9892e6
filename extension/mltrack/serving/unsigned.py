"""What bodies say to a model without a signature: nothing tells which types are meant, so pandas and numpy find them.

Source: ``mlflow.utils.proto_json_utils``: frames from the ``dataframe_`` forms, arrays by name from ``instances`` that
are records, and from ``inputs`` an array, arrays by name, or records as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.serving.bodies import json_kind
from mltrack.serving.strict_json import BodyError
from mltrack.serving.tables import check_fields, check_records, check_widths, read_split
from mltrack.serving.tensors import array_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mltrack.serving.bodies import Body


def read_unsigned(body: Body) -> Any:
    """Give what the body has as a frame, an array, arrays by name or a list of records.

    Raises
    ------
    BodyError
        Its rows are of several lengths, or it has none.
    """
    try:
        if body.form == "dataframe_split":
            return _frame(body.data)
        if body.form == "dataframe_records":
            records = check_records(body.data, body.form)
            return pd.DataFrame(records, columns=[*check_fields(records, body.form)])
        return _values(body.data, body.form)
    except (ValueError, TypeError, OverflowError) as error:
        raise BodyError(f"{body.form!r} cannot be read as a frame or an array: {type(error).__name__}.") from None


def _frame(given: Any) -> pd.DataFrame:
    split = read_split(given)
    check_widths(split)
    return pd.DataFrame(split.rows, columns=split.columns, index=split.labels)


def _values(given: Any, field: str) -> Any:
    if type(given) is dict:
        return {name: array_of(value) for name, value in given.items()}
    if type(given) is not list:
        if given is None or field == "instances":
            raise BodyError(f"{field!r} must be a list; it is {json_kind(given)}.")
        return np.array(given)
    if set(map(type, given)) != {dict}:
        return _array(given, field)
    if field == "inputs":
        return given
    records = check_records(given, field)
    names = check_fields(records, field)
    return {name: _array([record[name] for record in records if name in record], field) for name in names}


def _array(given: list[Any], field: str) -> NDArray[Any]:
    if not given:
        raise BodyError(f"{field!r} has no rows; send at least one.")
    return array_of(given)
