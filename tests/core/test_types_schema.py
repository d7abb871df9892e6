"""Schemas as values: what they are made of, what they say, and their JSON, from anywhere."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mltrack.types
from mltrack.exceptions import InvalidParameterError
from mltrack.models.signature import ModelSignature
from mltrack.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
    convert_dataclass_to_schema,
)

PLAIN = st.sampled_from(list(DataType))
NAMES = st.text(max_size=8)
KINDS: st.SearchStrategy[Any] = st.recursive(
    PLAIN | st.just(AnyType()),
    lambda inner: (
        inner.map(Array)
        | inner.map(Map)
        | st.dictionaries(NAMES, st.tuples(inner, st.booleans()), min_size=1, max_size=3).map(
            lambda parts: Object([Property(name, kind, required) for name, (kind, required) in parts.items()])
        )
    ),
    max_leaves=6,
)
COLUMNS = st.dictionaries(NAMES, st.tuples(KINDS, st.booleans()), min_size=1, max_size=5).map(
    lambda found: Schema([ColSpec(kind, name, required) for name, (kind, required) in found.items()])
)
DTYPES = st.sampled_from(["float64", "float32", "int8", "uint64", "str", "bytes", "bool", "datetime64[ns]", "object"])
TENSORS = st.dictionaries(NAMES, st.tuples(DTYPES, st.lists(st.integers(-1, 9), max_size=4)), min_size=1).map(
    lambda found: Schema([TensorSpec(np.dtype(kind), shape, name) for name, (kind, shape) in found.items()])
)


@given(COLUMNS | TENSORS)
def test_a_schema_comes_back_from_its_json(schema: Schema) -> None:
    again = Schema.from_json(schema.to_json())
    assert again == schema
    assert hash(again) == hash(schema)
    assert Schema.from_dict(schema.to_dict()) == schema
    assert ModelSignature.from_dict(ModelSignature(schema).to_dict()) == ModelSignature(schema)


DOCUMENTS: dict[str, tuple[Schema, list[dict[str, Any]]]] = {
    "columns": (
        Schema([ColSpec("double", "a"), ColSpec(DataType.string, "b", required=False)]),
        [{"type": "double", "name": "a", "required": True}, {"type": "string", "name": "b", "required": False}],
    ),
    "no names": (Schema([ColSpec("long")]), [{"type": "long", "required": True}]),
    "numbers for names": (Schema([ColSpec("long", 0)]), [{"type": "long", "name": 0, "required": True}]),
    "names of several levels": (
        Schema([ColSpec("long", ("a", 1))]),
        [{"type": "long", "name": ["a", 1], "required": True}],
    ),
    "nested": (
        Schema([ColSpec(Array(Object([Property("y", Map("long")), Property("x", AnyType(), required=False)])), "a")]),
        [
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "x": {"type": "any", "required": False},
                        "y": {"type": "map", "values": {"type": "long"}, "required": True},
                    },
                },
                "name": "a",
                "required": True,
            }
        ],
    ),
    "a tensor": (
        Schema([TensorSpec(np.dtype("float32"), (-1, 3))]),
        [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}],
    ),
    "a named tensor": (
        Schema([TensorSpec(np.dtype(str), [-1], "t")]),
        [{"name": "t", "type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}}],
    ),
    "a vector of Spark": (
        Schema([ColSpec(SparkMLVector(), "v")]),
        [{"type": "sparkml_vector", "name": "v", "required": True}],
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_its_json_is_mlflows(name: str) -> None:
    schema, document = DOCUMENTS[name]
    assert json.loads(schema.to_json()) == schema.to_dict() == document
    assert Schema.from_json(json.dumps(document)) == schema


def test_old_and_newer_files_are_read() -> None:
    old = '[{"type": "double", "name": "a"}, {"type": "array", "items": {"type": "long", "new": 1}, "name": "b"}]'
    assert Schema.from_json(old) == Schema([ColSpec("double", "a"), ColSpec(Array("long"), "b")])
    newer = '[{"type": "double", "name": "a", "required": true, "unit": "m", "self": 1, "cls": 2}]'
    assert Schema.from_json(newer) == Schema([ColSpec("double", "a")])
    params = '[{"name": "n", "dtype": "long", "default": 1, "shape": null, "help": "n"}]'
    assert ParamSchema.from_json(params) == ParamSchema([ParamSpec("n", "long", 1)])


HOSTILE: dict[str, Any] = {
    "no JSON": "[",
    "no list": '{"type": "double"}',
    "no mappings": '["double"]',
    "nothing": "[]",
    "no text": 5,
    "no type": '[{"name": "a"}]',
    "an unknown type": '[{"type": "quaternion"}]',
    "a list for a type": '[{"type": ["double"]}]',
    "deep": "[" * 100_000,
    "a deep type": json.dumps([json.loads('{"type":"array","items":' * 40 + '{"type":"long"}' + "}" * 40)]),
    "an array of nothing": '[{"type": "array"}]',
    "an array of a text": '[{"type": "array", "items": "long"}]',
    "an object without properties": '[{"type": "object", "properties": {}}]',
    "an object of lists": '[{"type": "object", "properties": {"a": []}}]',
    "a text for required": '[{"type": "long", "required": "no"}]',
    "no tensor": '[{"type": "tensor"}]',
    "no shape": '[{"type": "tensor", "tensor-spec": {"dtype": "int8"}}]',
    "a shape of texts": '[{"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": ["1"]}}]',
    "a shape of many": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": [1] * 100}}]),
    "a shape of less than nothing": '[{"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": [-2]}}]',
    "a type of several": '[{"type": "tensor", "tensor-spec": {"dtype": "i4,i4", "shape": [1]}}]',
    "a type of code": '[{"type": "tensor", "tensor-spec": {"dtype": "__import__(1)", "shape": [1]}}]',
    "an unknown numpy type": '[{"type": "tensor", "tensor-spec": {"dtype": "float7", "shape": [1]}}]',
    "columns and tensors": '[{"type": "long", "name": "a"}, {"type": "tensor", "name": "b", '
    '"tensor-spec": {"dtype": "int8", "shape": [1]}}]',
    "some names": '[{"type": "long", "name": "a"}, {"type": "long"}]',
    "optional without a name": '[{"type": "long", "required": false}]',
    "two tensors without names": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": [1]}}] * 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_schema_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterError) as raised:
        Schema.from_json(HOSTILE[name])
    assert len(str(raised.value)) < 400


KEYS = ["type", "items", "properties", "values", "name", "required", "tensor-spec", "dtype", "shape"]
WORDS = ["array", "object", "long", "tensor", ""]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        )
    ),
)


@given(st.lists(st.dictionaries(st.sampled_from(["type", "items", "properties", "name", "default"]), JSON), max_size=3))
def test_other_json_is_read_or_refused(document: list[dict[str, Any]]) -> None:
    for kind in (Schema, ParamSchema):
        with contextlib.suppress(InvalidParameterError):
            kind.from_json(json.dumps(document)).to_json()


def test_what_a_schema_says() -> None:
    schema = Schema([ColSpec("double", "a"), ColSpec("string", "b", required=False)])
    assert (len(schema), [each.name for each in schema]) == (2, ["a", "b"])
    assert schema.input_names() == ["a", "b"]
    assert (schema.required_input_names(), schema.optional_input_names()) == (["a"], ["b"])
    assert schema.input_types() == [DataType.double, DataType.string]
    assert schema.input_types_dict() == {"a": DataType.double, "b": DataType.string}
    assert schema.input_dict()["b"] == ColSpec("string", "b", required=False)
    assert (schema.has_input_names(), schema.is_tensor_spec()) == (True, False)
    assert schema.numpy_types() == [np.dtype("f8"), np.dtype(str)]
    assert schema.pandas_types() == [np.dtype("f8"), np.dtype("O")]
    assert repr(schema) == "['a': double (required), 'b': string (optional)]"
    unnamed = Schema([ColSpec("double"), ColSpec("long")])
    assert unnamed.input_names() == [0, 1]
    with pytest.raises(InvalidParameterError, match="no names"):
        unnamed.input_dict()
    with pytest.raises(InvalidParameterError, match="has a type"):
        Schema([ColSpec(Array("long"), "a")]).pandas_types()
    tensor = Schema([TensorSpec(np.dtype("i4"), (-1, 2))])
    assert tensor.is_tensor_spec()
    assert tensor.numpy_types() == [np.dtype("i4")]
    assert repr(tensor) == "[Tensor('int32', (-1, 2))]"


def test_types_know_numpys_and_pythons() -> None:
    assert [each.name for each in DataType.all_types()] == [*DataType.__members__]
    assert DataType.from_numpy_type(np.dtype("int32")) is DataType.integer
    assert DataType.from_numpy_type(np.dtype("int8")) is None
    assert DataType.datetime.to_numpy() == np.dtype("datetime64[ns]")
    assert (DataType.long.to_python(), DataType.datetime.to_python()) == (int, dt.date)
    assert DataType.check_type(DataType.double, np.float64(1))
    assert not DataType.check_type(DataType.long, True)
    assert DataType["long"].value == 3


def test_dataclasses_say_schemas() -> None:
    assert convert_dataclass_to_schema(Person) == Schema(
        [
            ColSpec("string", "name"),
            ColSpec("long", "age", required=False),
            ColSpec(Array("float"), "sizes"),
            ColSpec(Object([Property("town", "string"), Property("since", "datetime", required=False)]), "home"),
        ]
    )
    assert ModelSignature(inputs=Person).inputs == convert_dataclass_to_schema(Person)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match=r"Odd\.x"):
        convert_dataclass_to_schema(Odd)
    with pytest.raises(InvalidParameterError, match="no dataclass"):
        convert_dataclass_to_schema(int)


@dataclass
class Home:
    town: str
    since: dt.date | None = None


@dataclass
class Person:
    name: str
    age: int | None
    sizes: list[float]
    home: Home


@dataclass
class Odd:
    x: int | str


def test_nothing_heavy_is_loaded() -> None:
    code = """
import sys, mltrack.types.schema, mltrack.types.infer, mltrack.models.signature, mltrack.models.enforcement
import mltrack.models.example, mltrack.types.hints
mltrack.types.schema.Schema.from_json('[{"type": "double", "name": "a"}]')
print([name for name in ("numpy", "pandas", "polars", "scipy", "pydantic") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_names_of_mlflow_types() -> None:
    assert mltrack.types.Schema is Schema
    assert mltrack.types.ParamSpec is ParamSpec
    assert mltrack.types.schema.AnyType is AnyType
    with pytest.raises(AttributeError, match="Quaternion"):
        mltrack.types.Quaternion  # noqa: B018
