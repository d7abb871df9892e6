"""The params of ``predict`` by an example of their values."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from mltrack.exceptions import InvalidParameterError
from mltrack.types.datatype import DataType
from mltrack.types.infer_values import infer_type, is_array
from mltrack.types.nested import Object
from mltrack.types.params import ParamSchema, ParamSpec
from mltrack.types.words import kind_of, type_name


def infer_param_schema(parameters: Any) -> ParamSchema:
    """Say what params there are; the values are the defaults.

    Parameters
    ----------
    parameters
        Values by name: numbers, texts, True or False, datetimes, lists or arrays of these with one axis, dicts.

    Raises
    ------
    InvalidParameterError
        When a value is none of these; the message names it.
    """
    if not isinstance(parameters, dict):
        raise InvalidParameterError(f"Params are a dict of values by name; got a {type_name(type(parameters))}.")
    return ParamSchema([_spec(str(name), value) for name, value in parameters.items()])


def _spec(name: str, value: Any) -> ParamSpec:
    try:
        if isinstance(value, list) or is_array(value):
            return ParamSpec(name, _list_type(value), copy.deepcopy(value), (-1,))
        return ParamSpec(name, _type_of(value), copy.deepcopy(value))
    except InvalidParameterError as error:
        raise InvalidParameterError(f"The param {name!r:.80} cannot be in a signature: {error.message}") from None


def _list_type(values: Any) -> DataType:
    import numpy as np  # heavy; says, as in MLflow, what numbers have in common

    if all(DataType.check_type(DataType.datetime, each) for each in values):
        return DataType.datetime
    if any(isinstance(each, (list, dict)) or is_array(each) for each in values):
        raise InvalidParameterError("it is a list of lists or dicts; a list has plain values.")
    return _numpy_type(np.array(values).dtype)


def _type_of(value: Any) -> DataType | Object:
    import numpy as np  # heavy; says, as in MLflow, what type a number has

    if isinstance(value, dict):
        found = infer_type(value)
        if isinstance(found, Object):
            return found
        raise InvalidParameterError("it is an empty dict; one with values has a type.")
    if isinstance(value, (dt.date, np.datetime64)):
        return DataType.datetime
    if not np.isscalar(value):
        raise InvalidParameterError(f"it is a {type_name(type(value))}.")
    return _numpy_type(np.array(value).dtype)


def _numpy_type(dtype: Any) -> DataType:
    word = kind_of(dtype.kind, dtype.itemsize)
    if word is None:
        raise InvalidParameterError(f"it has numpy's type {dtype}, which MLflow's have no word for.")
    return DataType[word]
