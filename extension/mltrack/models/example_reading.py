"""Data read from JSON with the types of a signature.

Source: ``mlflow.utils.proto_json_utils``: ``dataframe_from_parsed_json`` and ``parse_inputs_data``.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.schema import ColSpec, DataType, Schema, TensorSpec

if TYPE_CHECKING:
    import pandas as pd


def read_data(document: Any, kind: str, schema: Schema | None = None) -> Any:
    """Give data of plain values in the form that it had.

    Parameters
    ----------
    document
        What the JSON file held.
    kind
        ``dataframe``, ``ndarray``, ``sparse_matrix_csr``, ``sparse_matrix_csc`` or ``json_object``.
    schema
        The types of the columns or arrays; without it they are those that numpy and pandas see.

    Raises
    ------
    InvalidParameterError
        When it is no such data.
    """
    try:
        if kind == "json_object":
            return document
        if kind == "dataframe":
            return _frame(document, schema)
        if kind == "ndarray":
            return _arrays(document, schema)
        if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
            return _sparse(document, kind[-3:])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InvalidParameterError(f"This is no input example of the type {kind}: {error}.") from None
    raise InvalidParameterError(f"There are no input examples of the type {kind[:60]!r}.")


def _frame(document: Any, schema: Schema | None) -> pd.DataFrame:
    import pandas as pd  # heavy; a frame is asked for

    frame = pd.DataFrame(document["data"], columns=document.get("columns"))
    if schema is None or schema.is_tensor_spec():
        return frame
    columns = frame.columns.tolist()
    for number, spec in enumerate(schema.inputs):
        name = columns[number] if spec.name is None and number < len(columns) else spec.name
        if name in columns and isinstance(spec.type, DataType):
            frame[name] = _cast(frame[name], spec.type, required=spec.required)
    return frame


def _cast(column: pd.Series[Any], kind: DataType, *, required: bool) -> Any:
    import pandas as pd  # heavy; there is a frame already

    if kind is DataType.binary:
        return column.map(lambda each: None if each is None else base64.decodebytes(each.encode()))
    if kind is DataType.datetime:
        return pd.to_datetime(column, format="ISO8601").astype("datetime64[ns]")
    if kind is DataType.string or (not required and column.isna().any()):
        return column
    return column.astype(kind.to_pandas())


def _arrays(document: Any, schema: Schema | None) -> Any:
    specs = {each.name: each for each in schema} if schema is not None else {}
    if isinstance(document, dict):
        return {name: _array(each, specs.get(name)) for name, each in document.items()}
    return _array(document, next(iter(specs.values()), None))


def _array(values: Any, spec: ColSpec | TensorSpec | None) -> Any:
    import numpy as np  # heavy; an array is asked for

    if isinstance(spec, TensorSpec):
        return np.array(values, dtype=spec.type)
    if spec is not None and isinstance(spec.type, DataType):
        return np.array(values, dtype=spec.type.to_numpy())
    return np.array(values)


def _sparse(document: Any, form: str) -> Any:
    from scipy import sparse  # heavy; a sparse matrix is asked for

    made = sparse.csr_matrix if form == "csr" else sparse.csc_matrix
    matrix = made((document["data"], document["indices"], document["indptr"]), shape=tuple(document["shape"]))
    matrix.check_format(full_check=True)  # indices outside of the shape would be read from outside of the memory
    return matrix
