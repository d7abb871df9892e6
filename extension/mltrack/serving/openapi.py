"""What a model server takes and gives, as OpenAPI 3.1: made from the model's signature and its input example.

Source: https://spec.openapis.org/oas/v3.1.0, whose schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mltrack
from mltrack.plain_text import visible
from mltrack.serving.bodies import CSV, FORMS, JSON, PARQUET
from mltrack.types.datatype import DataType
from mltrack.types.nested import Array, Map, Object

if TYPE_CHECKING:
    from mltrack.types.params import ParamSchema
    from mltrack.types.schema import Schema
    from mltrack.types.tensors import TensorSpec

_DOUBLE, _FLOAT = math.nextafter(math.inf, 0), 3.4028234663852886e38
_PLAIN: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": ["number", "null"], "format": "float", "minimum": -_FLOAT, "maximum": _FLOAT},
    "double": {"type": ["number", "null"], "format": "double", "minimum": -_DOUBLE, "maximum": _DOUBLE},
    "string": {"type": ["string", "null"]},
    "binary": {"type": ["string", "null"], "contentEncoding": "base64"},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
}
_TENSORS = {"f": "double", "i": "long", "u": "long", "b": "boolean", "U": "string", "M": "datetime"}
_PROBLEMS = {
    400: "What was sent is wrong; the message says what, and names the column",
    413: "The body is larger than the server takes",
    500: "The model failed; the message has the id under which the server's log says why",
    503: "Too many requests wait already, or the model is not ready",
    504: "The model took too long",
}


def describe(model: Any) -> dict[str, Any]:
    """Give the OpenAPI document of a server of a ``PyFuncModel``, with its input example as the body's."""
    metadata = model.metadata
    example = _example(model)
    return openapi(metadata, title=str(getattr(metadata, "artifact_path", None) or "model"), example=example)


def _example(model: Any) -> dict[str, Any] | None:
    """The example helps, and that it cannot be read must not keep a model from being served."""
    from mltrack.models.example import as_request  # needs numpy and pandas; the front reads only what is made here

    try:
        example = getattr(model, "input_example", None)
        return None if example is None else as_request(example)
    except Exception:  # of whatever library reads the file
        return None


def openapi(metadata: Any, *, title: str = "model", example: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give the OpenAPI document of a model server.

    Parameters
    ----------
    metadata
        What the model's MLmodel file says; of it the ``signature``.
    title
        What the model is called.
    example
        A body for ``/invocations``.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": visible(title)[:200],
            "version": mltrack.__version__,
            "description": "A model behind MLflow's scoring protocol.",
        },
        "paths": {
            "/ping": {"get": _health("ping")},
            "/health": {"get": _health("health")},
            "/version": {"get": _version()},
            "/invocations": {"post": _invocations(metadata, example)},
        },
        "components": {"schemas": {"Error": _ERROR}},
    }


_ERROR = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
}


def _health(name: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": "Tell whether the model is ready.",
        "responses": {"200": {"description": "It is"}, "503": _problem(503)},
    }


def _version() -> dict[str, Any]:
    answer = {"description": "The version of mltrack", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"operationId": "version", "summary": "Give the server's version.", "responses": {"200": answer}}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": _PROBLEMS[status], "content": {JSON: {"schema": schema}}}


def _invocations(metadata: Any, example: dict[str, Any] | None) -> dict[str, Any]:
    signature = getattr(metadata, "signature", None)
    inputs, params = (signature.inputs, signature.params) if signature else (None, None)
    json_body: dict[str, Any] = {"schema": _body(inputs, params)}
    if example is not None:
        json_body["example"] = example
    content: dict[str, Any] = {JSON: json_body, CSV: {"schema": {"type": "string"}}, PARQUET: {"schema": {}}}
    wrong_type = {
        "description": "The Content-Type is not read",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "predict",
        "summary": "Predict for the rows, or arrays, of the body.",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _predictions(signature),
            **{str(status): _problem(status) for status in _PROBLEMS},
            "415": wrong_type,
        },
    }


def _predictions(signature: Any) -> dict[str, Any]:
    outputs = getattr(signature, "outputs", None)
    said = f"; by the signature {visible(repr(outputs))[:1000]}" if outputs else ""
    wrapped = {"type": "object", "required": ["predictions"], "properties": {"predictions": {}}}
    # without an object around them they answer the bodies of MLflow 1, and those of language models
    return {"description": f"The predictions{said}", "content": {JSON: {"schema": {"anyOf": [wrapped, {}]}}}}


def _body(inputs: Schema | None, params: ParamSchema | None) -> dict[str, Any]:
    """Exactly one of the four fields: each alternative forbids the three others."""
    given = _params(params)
    alternatives = []
    for form, schema in _forms(inputs).items():
        others = {other: False for other in FORMS if other != form}
        properties = {form: schema, "params": given, **others}
        alternatives.append({"title": form, "type": "object", "required": [form], "properties": properties})
    return {"oneOf": alternatives}


def _forms(inputs: Schema | None) -> dict[str, Any]:
    if inputs is None:
        return {
            "dataframe_split": _split({}),
            "dataframe_records": _rows({"type": "object"}),
            "instances": {},
            "inputs": {},
        }
    if inputs.is_tensor_spec():
        return _tensor_forms(inputs)
    if not inputs.has_input_names():
        types = [column(each.type) for each in inputs.inputs]
        values = _rows(types[0]) if len(types) == 1 else _rows(_row(types))
        return {"dataframe_split": _split(_row(types)), "instances": values, "inputs": values}
    return _named_forms(inputs)


def _named_forms(inputs: Schema) -> dict[str, Any]:
    columns = {each.name: column(each.type) for each in inputs.inputs}
    needed = inputs.required_input_names()
    shown, required = (
        {visible(str(name)): each for name, each in columns.items()},
        [visible(str(name)) for name in needed],
    )
    splits = [_split(_row([columns[name] for name in names]), names) for names in ([*columns], needed) if names]
    record = {"type": "object", "properties": shown, "required": required}
    records = _rows(record)
    by_column = {**record, "properties": {name: _rows(each) for name, each in shown.items()}}
    only = [_rows(each) for each in columns.values()] if len(columns) == 1 else []
    return {
        "dataframe_split": splits[0] if len(needed) == len(columns) else {"anyOf": splits},
        "dataframe_records": records,
        "instances": {"anyOf": [records, *only]} if only else records,
        "inputs": {"anyOf": [records, by_column, record, *only]},
    }


def _rows(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": items}


def _row(types: list[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "array", "minItems": len(types), "maxItems": len(types)}
    if all(each == types[0] for each in types):
        return {**row, "items": types[0]}
    return {**row, "prefixItems": types}


def _split(row: dict[str, Any], names: list[Any] | None = None) -> dict[str, Any]:
    columns = {"type": "array"} if names is None else {"const": names}
    properties = {"columns": columns, "data": _rows(row), "index": {"type": ["array", "null"]}}
    required = ["data"] if names is None else ["columns", "data"]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _tensor_forms(inputs: Schema) -> dict[str, Any]:
    arrays = {visible(str(name)): tensor(each) for name, each in zip(inputs.input_names(), inputs.inputs, strict=True)}
    if not inputs.has_input_names():
        only = tensor(inputs.inputs[0])
        return {"instances": only, "inputs": only, "dataframe_split": _split({})}
    by_name = {"type": "object", "properties": arrays, "required": [*arrays]}
    one = {name: each.get("items", {}) for name, each in arrays.items()}
    records = _rows({"type": "object", "properties": one, "required": [*one]})
    return {"instances": records, "inputs": by_name}


def column(kind: Any) -> dict[str, Any]:
    """Give the JSON Schema of a column's values."""
    if isinstance(kind, DataType):
        return _PLAIN[kind.name]
    if isinstance(kind, Array):
        return {"type": "array", "items": column(kind.dtype)}
    if isinstance(kind, Map):
        return {"type": "object", "additionalProperties": column(kind.value_type)}
    if isinstance(kind, Object):
        properties = {visible(str(each.name)): column(each.dtype) for each in kind.properties}
        required = [visible(str(each.name)) for each in kind.properties if each.required]
        return {"type": "object", "properties": properties, "required": required}
    return {}


def tensor(spec: TensorSpec) -> dict[str, Any]:
    """Give the JSON Schema of an array: lists in lists, of the lengths that the shape gives."""
    kind = _TENSORS.get(spec.type.kind)
    schema = dict(_PLAIN[kind]) if kind else {}
    for length in reversed(spec.shape):
        lengths = {"minItems": 1} if length == -1 else {"minItems": length, "maxItems": length}
        schema = {"type": "array", "items": schema, **lengths}
    return schema


def _params(params: ParamSchema | None) -> dict[str, Any]:
    schemas = {}
    for each in params or ():
        schema = column(each.dtype)
        schema = {"type": "array", "items": schema} if each.shape is not None else dict(schema)
        schemas[visible(each.name)] = {**schema, "default": each.to_dict()["default"]}
    return {"type": ["object", "null"], "properties": schemas}
