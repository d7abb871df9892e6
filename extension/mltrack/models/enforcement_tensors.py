"""Arrays checked against the tensors of a signature: types and shapes, exactly; and frames made arrays of.

Source: ``mlflow.models.utils._enforce_tensor_schema``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement_frames import pandas_frame
from mltrack.types.infer import is_sparse
from mltrack.types.infer_frames import is_frame
from mltrack.types.infer_values import is_array
from mltrack.types.words import type_name

if TYPE_CHECKING:
    import pandas as pd

    from mltrack.types.schema import Schema, TensorSpec


def enforce_tensors(data: Any, schema: Schema) -> Any:
    """Give an array, a sparse matrix, or a dict of arrays of the types and shapes of a signature.

    Parameters
    ----------
    data
        An array or sparse matrix; a dict of arrays; a DataFrame, each of whose columns is an array: of numbers for the
        shapes (-1,) and (-1, 1), else of lists or arrays, which are reshaped.
    schema
        Tensors.

    Raises
    ------
    InvalidParameterError
        When type or shape differ; the message names the tensor.
    """
    import pandas as pd  # heavy; a model's inputs come as frames as often as as arrays

    if is_frame(data, "pandas", "Series") or is_frame(data, "polars", "Series"):
        data = data.to_frame()
    if is_frame(data, "polars", "DataFrame"):
        data = pandas_frame(data)
    if not schema.has_input_names():
        spec = schema.inputs[0]
        return _fit_frame(data, spec) if isinstance(data, pd.DataFrame) else _fit_array(data, spec)
    if is_array(data) and len(schema) == 1:
        data = {schema.inputs[0].name: data}
    if not isinstance(data, (dict, pd.DataFrame)):
        raise InvalidParameterError(
            f"the signature has the tensors {', '.join(map(repr, schema.input_names()))[:200]}, and the data is a "
            f"{type_name(type(data))}; give a dict of arrays under these names, or a DataFrame."
        )
    if missing := [name for name in schema.input_names() if name not in data]:
        raise InvalidParameterError(f"the tensor {missing[0]!r:.80} is missing; add it under that name.")
    fit = _fit_column if isinstance(data, pd.DataFrame) else _fit_array
    return {spec.name: fit(data[spec.name], spec) for spec in schema.inputs}


def _called(spec: TensorSpec) -> str:
    return "the tensor" if spec.name is None else f"tensor {spec.name!r:.80}"


def _fit_array(array: Any, spec: TensorSpec) -> Any:
    if not is_array(array) and not is_sparse(array):
        raise InvalidParameterError(
            f"{_called(spec)} is a {type_name(type(array))}; the signature wants a numpy array of {spec.type.name} and "
            f"shape {spec.shape}: `numpy.asarray(…, {spec.type.name!r})`."
        )
    shape, dtype = array.shape, array.dtype if is_array(array) else array.data.dtype
    if _is_ragged(shape, dtype, spec):
        return array
    if len(shape) != len(spec.shape) or any(want not in (-1, got) for want, got in zip(spec.shape, shape, strict=True)):
        raise InvalidParameterError(
            f"{_called(spec)} has the shape {shape}; the signature wants {spec.shape}, where -1 is any length."
        )
    if dtype != spec.type and not (dtype.kind in "US" and dtype.kind == spec.type.kind):
        raise InvalidParameterError(
            f"{_called(spec)} holds {dtype.name}; the signature wants {spec.type.name}: "
            f"`array.astype({spec.type.name!r})`."
        )
    return array


def _is_ragged(shape: tuple[int, ...], dtype: Any, spec: TensorSpec) -> bool:
    """Tell whether nothing can be checked: objects are wanted, or rows of different shapes came as objects."""
    if spec.shape == (-1,) and spec.type == "O":
        return True
    return -1 in spec.shape[1:] and len(shape) == 1 and dtype == "O"


def _fit_frame(frame: pd.DataFrame, spec: TensorSpec) -> Any:
    width = frame.shape[1]
    if frame.empty:
        raise InvalidParameterError("the frame is empty: it has no rows, or no columns.")
    if width == 1:
        return _fit_column(frame.iloc[:, 0], spec)
    if spec.shape != (-1, width):
        raise InvalidParameterError(
            f"the frame has {width} columns, and the signature wants an array of the shape {spec.shape}; a frame of "
            f"numbers is one of the shape (-1, {width})."
        )
    return _fit_array(frame.to_numpy(), spec)


def _fit_column(column: pd.Series[Any], spec: TensorSpec) -> Any:
    """Give a frame's column as an array: numbers are cast, lists cast and reshaped, arrays reshaped and checked."""
    import numpy as np  # heavy; there is a frame already

    if spec.shape[0] != -1 or -1 in spec.shape[1:]:
        raise InvalidParameterError(
            f"{_called(spec)} has the shape {spec.shape}, which a frame's column cannot be: only its first length may "
            "be open. Give an array."
        )
    first = column.iloc[0] if len(column) else 0.0
    try:
        if np.isscalar(first):
            if spec.shape not in ((-1,), (-1, 1)):
                raise InvalidParameterError(
                    f"{_called(spec)} has the shape {spec.shape}, and the frame's column holds single values; it "
                    "should hold lists of numbers."
                )
            return _fit_array(np.array(column, dtype=spec.type).reshape(spec.shape), spec)
        if is_array(first) or (isinstance(first, list) and first and np.isscalar(first[0])):
            stacked = np.vstack(column.tolist()).reshape(spec.shape)
            if len(stacked) != len(column):
                raise ValueError(f"{len(column)} rows would become {len(stacked)}")
            return _fit_array(stacked, spec) if is_array(first) else stacked.astype(spec.type)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidParameterError(
            f"{_called(spec)} cannot be made of the frame's column: {str(error)[:160]}; the signature wants "
            f"{spec.type.name} of the shape {spec.shape}."
        ) from None
    raise InvalidParameterError(
        f"{_called(spec)} cannot be made of a frame's column of {type_name(type(first))}; it should hold numbers, or "
        "lists or arrays of numbers."
    )
