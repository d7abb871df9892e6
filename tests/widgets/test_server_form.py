"""The form that tries a served model: made of its signature and example, and turned into the body of a request."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.models.example import as_request
from mltrack.models.signature import ModelSignature
from mltrack.serving.openapi import openapi
from mltrack.types.schema import AnyType, Array, ColSpec, Object, ParamSchema, ParamSpec, Property, Schema, TensorSpec
from mltrack_widgets.panels.server_example import one_row, values_of
from mltrack_widgets.panels.server_form import MOST_FIELDS, FieldError, Form


def form_of(inputs: Schema | None, example: Any = None, params: ParamSchema | None = None) -> Form:
    metadata = SimpleNamespace(signature=ModelSignature(inputs, None, params) if inputs else None)
    return Form.read(openapi(metadata, example=None if example is None else as_request(example)))


def fields(form: Form) -> list[tuple[Any, ...]]:
    return [(each.name, each.kind, each.type, each.value) for each in (*form.columns, *form.params)]


def columns(*kinds: str) -> Schema:
    return Schema([ColSpec(kind, name) for kind, name in zip(kinds, "abcdefgh", strict=False)])


FRAME = pd.DataFrame(
    {
        "a": [True, False],
        "b": np.array([2, 3], "int32"),
        "c": [2**62, 1],
        "d": np.array([0.5, 1], "float32"),
        "e": [1e-9, 2.0],
        "f": ["tea", "x"],
        "g": pd.to_datetime(["2024-05-06 07:08:09", "2024-01-01 00:00:00"]),
    }
)
PLAIN = columns("boolean", "integer", "long", "float", "double", "string", "datetime")
OPTIONAL = Schema([ColSpec("boolean", "a", required=False), ColSpec("string", "b", required=False)])
NESTED = Schema([ColSpec(Array("double"), "a"), ColSpec(Object([Property("k", "long")]), "b"), ColSpec(AnyType(), "c")])
PARAMS = ParamSchema([ParamSpec("top", "long", 3), ParamSpec("weights", "double", [0.5, 1.0], (-1,))])
FORMS: list[tuple[Form, list[tuple[Any, ...]]]] = [
    (
        form_of(PLAIN, FRAME),
        [
            ("a", "box", "boolean", True),
            ("b", "whole", "integer", "2"),
            ("c", "whole", "long", "4611686018427387904"),
            ("d", "number", "float", "0.5"),
            ("e", "number", "double", "1e-09"),
            ("f", "text", "string", "tea"),
            ("g", "moment", "datetime", "2024-05-06T07:08:09"),
        ],
    ),
    (form_of(columns("double", "binary")), [("a", "number", "double", ""), ("b", "text", "binary, in base64", "")]),
    (form_of(OPTIONAL), [("a", "choice", "boolean", ""), ("b", "text", "string", "")]),
    (form_of(OPTIONAL, [{"a": False}]), [("a", "choice", "boolean", "false"), ("b", "text", "string", "")]),
    (
        form_of(NESTED, [{"a": [1.5], "b": {"k": 1}, "c": "ä"}]),
        [
            ("a", "json", "list, as JSON", "[1.5]"),
            ("b", "json", "object, as JSON", '{"k": 1}'),
            ("c", "json", "any, as JSON", '"ä"'),
        ],
    ),
    (
        form_of(columns("double"), pd.DataFrame({"a": [1.0]}), PARAMS),
        [
            ("a", "number", "double", "1.0"),
            ("top", "whole", "long", "3"),
            ("weights", "json", "list, as JSON", "[0.5, 1.0]"),
        ],
    ),
    (
        form_of(columns("long"), (pd.DataFrame({"a": [1]}), {"top": 9}), PARAMS),
        [
            ("a", "whole", "long", "1"),
            ("top", "whole", "long", "9"),
            ("weights", "json", "list, as JSON", "[0.5, 1.0]"),
        ],
    ),
    (
        form_of(Schema([ColSpec("long"), ColSpec("string")]), pd.DataFrame([[1, "x"]])),
        [(0, "whole", "long", "1"), (1, "text", "string", "x")],
    ),
    (form_of(Schema([TensorSpec(np.dtype("float32"), (-1, 2))]), np.ones((3, 2), "float32")), []),
    (form_of(Schema([TensorSpec(np.dtype("float32"), (-1,), "t")]), {"t": np.ones(3, "float32")}), []),
    (form_of(None), []),
    (form_of(Schema([ColSpec("long", f"c{at}") for at in range(MOST_FIELDS + 1)])), []),
]


@pytest.mark.parametrize(("form", "expected"), FORMS, ids=[str(each[1])[:40] for each in FORMS])
def test_the_form_is_made_of_the_signature(form: Form, expected: list[tuple[Any, ...]]) -> None:
    assert fields(form) == expected


def test_what_is_filled_in_is_the_body_of_one_row() -> None:
    form = FORMS[0][0]
    filled = {each["key"]: each["value"] for each in form.to_page()["columns"]}
    assert form.body(filled) == as_request(FRAME.head(1))
    assert form.body(filled) == form.example
    assert FORMS[7][0].body({"column 0": "5", "column 1": "y"}) == {"dataframe_split": {"data": [[5, "y"]]}}
    assert FORMS[2][0].body({"column 0": "true", "column 1": ""}) == {
        "dataframe_split": {"columns": ["a"], "data": [[True]]}
    }
    assert FORMS[5][0].body({"column 0": "2", "param 0": "1", "param 1": " "}) == {
        "dataframe_split": {"columns": ["a"], "data": [[2]]},
        "params": {"top": 1},
    }


WRONG = [
    ("column 1", "1.5", "not a whole number"),
    ("column 2", "1" * 5000, "not a whole number"),
    ("column 2", "1_0", "not a whole number"),
    ("column 4", "nan", "not a number"),
    ("column 4", "1e999", "not a number"),
    ("column 4", "[1]", "not a number"),
    ("column 4", "1,5", "not a number"),
]


@pytest.mark.parametrize(("key", "text", "message"), WRONG)
def test_what_is_no_value_is_not_sent(key: str, text: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as error:
        FORMS[0][0].body({key: text})
    assert error.value.key == key


@given(st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.integers() | st.text()), st.integers(0, 11))
def test_whatever_a_page_says_is_a_body_or_refused(values: dict[str, object], at: int) -> None:
    form = FORMS[at][0]
    try:
        body = form.body({**values, **{each.key: next(iter(values.values()), None) for each in form.columns}})
    except FieldError:
        return
    assert len(body["dataframe_split"]["data"]) == 1
    json.dumps(body, allow_nan=False)


def test_without_an_example_the_lines_send_what_the_signature_asks_for() -> None:
    frame = {"columns": [*"abcdefg"], "data": [[False, 0, 0, 0.0, 0.0, "", "2000-01-01T00:00:00"]]}
    assert form_of(PLAIN).sample == {"dataframe_split": frame}
    assert form_of(Schema([ColSpec("long")])).sample == {"dataframe_split": {"data": [[0]]}}
    assert form_of(None).sample == {"inputs": []}


EXAMPLES: list[tuple[dict[str, Any], dict[str, Any], dict[Any, Any]]] = [
    (
        {"dataframe_split": {"columns": ["a"], "index": [4, 5], "data": [[1], [2]]}, "params": {"k": 1}},
        {"dataframe_split": {"columns": ["a"], "data": [[1]]}, "params": {"k": 1}},
        {"a": 1},
    ),
    ({"inputs": [{"a": 1}, {"a": 2}]}, {"inputs": [{"a": 1}]}, {"a": 1}),
    ({"inputs": {"a": [1, 2], "b": [3, 4]}}, {"inputs": {"a": [1], "b": [3]}}, {"a": 1, "b": 3}),
    ({"inputs": {"a": [1, 2], "b": [3]}}, {"inputs": {"a": [1, 2], "b": [3]}}, {"a": 1, "b": 3}),
    ({"instances": [[1, 2], [3, 4]]}, {"instances": [[1, 2]]}, {"a": 1, "b": 2}),
    ({"inputs": [7, 8]}, {"inputs": [7]}, {"a": 7}),
    ({"inputs": "text"}, {"inputs": "text"}, {}),
    ({"dataframe_split": {"data": []}}, {"dataframe_split": {"data": []}}, {}),
    ({"messages": [{"role": "user"}]}, {"messages": [{"role": "user"}]}, {}),
]


@pytest.mark.parametrize(("body", "expected", "values"), EXAMPLES)
def test_one_row_of_an_example(body: dict[str, Any], expected: dict[str, Any], values: dict[Any, Any]) -> None:
    assert one_row(body) == expected
    assert values_of(one_row(body), ["a", "b"]) == values


NAMES = form_of(Schema([ColSpec("long", name) for name in ("age", "age in years", "it's", 'a "b"', "ü")]))
MESSAGES = [
    ("The column 'age' takes a whole number (long); row 0 has null.", "age"),
    ("row 3 of column 'age in years' has 'x'", "age in years"),
    ('The column "age" is missing', "age"),
    ('column "it\'s" is missing', "it's"),
    ("""column 'a "b"' is missing""", 'a "b"'),
    ("The column 'ü' is", "ü"),
    ('The column "\\u00fc" is', "ü"),
    ("the columns 'ü', 'age' are missing; add them to the data", "ü"),
    ("The model failed at that age.", None),
]


@pytest.mark.parametrize(("message", "name"), MESSAGES)
def test_the_field_that_a_message_names_is_found(message: str, name: str | None) -> None:
    key = NAMES.named_in(message)
    assert next((each.name for each in NAMES.columns if each.key == key), None) == name
