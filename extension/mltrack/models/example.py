"""Input examples of models: kept in the model's folder as JSON, and as a body of ``/invocations``.

Source of the format: ``mlflow.models.utils._Example``, of 3.17. Unlike there, a missing number is written as ``null``
and not as ``NaN``, which is no JSON and which no server takes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models.example_json import plain_array, plain_frame, plain_sparse, plain_value, read_constant
from mltrack.models.example_reading import read_data
from mltrack.types.infer import is_sparse
from mltrack.types.infer_frames import is_frame
from mltrack.types.infer_params import infer_param_schema
from mltrack.types.infer_values import is_array
from mltrack.types.words import type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.types.schema import Schema

FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"
_CHAT_KEYS = ("messages", "prompt", "input")  # bodies of language models, which are sent as they are
_LARGEST = 256 << 20


def save_example(folder: str | Path, example: Any) -> dict[str, Any]:
    """Write an input example into a model folder, as ``input_example.json`` and ``serving_input_example.json``.

    Parameters
    ----------
    folder
        The model folder.
    example
        A DataFrame of pandas or polars, an array, a dict of arrays, a sparse matrix (CSR, CSC), a dict, a list, one
        value; or a tuple of such data and a dict of params.

    Returns
    -------
    dict
        What the MLmodel file says of it (``saved_input_example_info``).

    Raises
    ------
    InvalidParameterError
        When JSON cannot hold it.
    """
    data, params = split_params(example)
    document, info = _document(data)
    if params is not None:
        document = {"inputs": document, "params": params}
        info = {"params": "true", **info} if params else info
    place = Path(folder)
    (place / FILE).write_text(_json(document), encoding="utf-8")
    (place / SERVING_FILE).write_text(_json(as_request(example), indent=2), encoding="utf-8")
    return {"artifact_path": FILE, **info, "serving_input_path": SERVING_FILE}


def split_params(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """Give the data and the params of an example; None without params, which a tuple of data and a dict has."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        if example[1]:
            infer_param_schema(example[1])  # whose error names what can be no param
        return example[0], plain_value(example[1])
    return example, None


def as_request(example: Any, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give an example as a body of ``/invocations``, of plain values.

    Parameters
    ----------
    example
        As ``save_example`` takes it.
    params
        Params of ``predict``, unless the example is a tuple that has them.

    Raises
    ------
    InvalidParameterError
        When JSON cannot hold it.
    """
    data, own = split_params(example)
    given = own if own is not None else None if params is None else plain_value(dict(params))
    if is_sparse(data):
        body: dict[str, Any] = {"inputs": plain_array(data.toarray())}
    else:
        document, info = _document(data)
        if info["type"] == "dataframe":
            body = {"dataframe_split": document}
        elif (
            isinstance(document, dict) and info["type"] == "json_object" and any(key in document for key in _CHAT_KEYS)
        ):
            return {**document, **(given or {})}
        else:
            body = {"inputs": document}
    return body if given is None else {**body, "params": given}


def convert_input_example_to_serving_input(input_example: Any) -> str | None:
    """Give an example as the JSON text of a body of ``/invocations``; None of None. See ``as_request``."""
    return None if input_example is None else _json(as_request(input_example), indent=2)


def _document(data: Any) -> tuple[Any, dict[str, str]]:
    """Give the data as plain values, and what the MLmodel file says of them."""
    if is_frame(data, "pydantic", "BaseModel"):
        data = data.model_dump()
    if is_frame(data, "pandas", "DataFrame") or is_frame(data, "polars", "DataFrame"):
        document = plain_frame(data)
        return document, {"type": "dataframe", "pandas_orient": "split" if "columns" in document else "values"}
    if is_array(data):
        return plain_array(data), {"type": "ndarray"}
    if is_sparse(data):
        return plain_sparse(data), {"type": f"sparse_matrix_{data.format}"}
    if isinstance(data, dict) and any(map(is_array, data.values())):
        if not all(map(is_array, data.values())):
            raise InvalidParameterError("An input example is a dict of arrays or of other values, not of both.")
        return {name: plain_array(each) for name, each in data.items()}, {"type": "ndarray"}
    if data is None or isinstance(data, tuple) or is_frame(data, "pandas", "Series"):
        raise InvalidParameterError(
            "An input example is a DataFrame, an array, a dict of arrays, a sparse matrix, a dict, a list or one "
            f"value; got a {type_name(type(data))}."
        )
    plain = plain_value(data)
    if isinstance(data, list) and _holds_arrays(data):
        raise InvalidParameterError("A list of arrays cannot be an input example; stack them: `numpy.stack(…)`.")
    return plain, {"type": "json_object"}


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(map(_holds_arrays, value.values() if isinstance(value, dict) else value))
    return is_array(value)


def _json(document: Any, *, indent: int | None = None) -> str:
    try:
        return json.dumps(document, indent=indent, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameterError(f"JSON cannot hold this input example: {error}.") from None


def load_example(folder: str | Path, info: Mapping[str, Any], schema: Schema | None = None) -> Any:
    """Read the data of an input example from a model folder, as it was given.

    Parameters
    ----------
    folder
        The model folder.
    info
        What its MLmodel file says of the example.
    schema
        The signature's inputs, which say the types of what is read; without it they are those of JSON.

    Raises
    ------
    NotFoundError
        When there is no such file.
    InvalidParameterError
        When it is outside of the folder, or no such example.
    """
    document = _read(folder, info, "artifact_path")
    if info.get("params"):
        document = document.get("inputs") if isinstance(document, dict) else document
    return read_data(document, str(info.get("type")), schema)


def load_example_params(folder: str | Path, info: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the params of an input example from a model folder, or give None when it has none; see ``load_example``."""
    if not info.get("params"):
        return None
    document = _read(folder, info, "artifact_path")
    params = document.get("params") if isinstance(document, dict) else None
    return params if isinstance(params, dict) else None


def load_serving_example(folder: str | Path, info: Mapping[str, Any] | None = None) -> str:
    """Read an input example as the JSON text of a body of ``/invocations``; see ``load_example``."""
    return _text(Path(folder), (info or {}).get("serving_input_path") or SERVING_FILE)


def _read(folder: str | Path, info: Mapping[str, Any], key: str) -> Any:
    name = info.get(key) or FILE
    try:
        return json.loads(_text(Path(folder), name), parse_constant=read_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterError(f"The input example {name} is no JSON: {error}.") from None


def _text(folder: Path, name: Any) -> str:
    place = folder / str(name)
    if not place.resolve().is_relative_to(folder.resolve()):
        raise InvalidParameterError(f"The input example {str(name)[:80]!r} is not in the model's folder.")
    try:
        if place.stat().st_size > _LARGEST:
            raise InvalidParameterError(f"The input example {name} is over {_LARGEST >> 20} MiB large.")
        return place.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise NotFoundError(f"There is no input example {name} in {folder}.") from None
    except UnicodeDecodeError as error:
        raise InvalidParameterError(f"The input example {name} is no text: {error}.") from None


def validate_serving_input(model_uri: str, serving_input: str | dict[str, Any]) -> Any:
    """Load a model and give its predictions for a body of ``/invocations``, as a server would read it.

    Raises
    ------
    MltrackError
        When the model cannot be loaded, or the body does not fit its signature.
    """
    from mltrack import pyfunc  # loads the model's library

    body = json.loads(serving_input) if isinstance(serving_input, str) else serving_input
    model = pyfunc.load_model(model_uri)
    schema = model.metadata.get_input_schema()
    if "dataframe_split" in body:
        data = read_data(body["dataframe_split"], "dataframe", schema)
    elif "dataframe_records" in body:
        data = read_data({"data": body["dataframe_records"]}, "dataframe", schema)
    else:
        data = read_data(body.get("inputs", body.get("instances", body)), "ndarray", schema)
    return model.predict(data, params=body.get("params"))
