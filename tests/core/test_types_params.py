"""Params: their types and defaults, and what fits them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import EnforcementWarning, enforce_params
from mltrack.types.infer_params import infer_param_schema
from mltrack.types.schema import Array, DataType, Object, ParamSchema, ParamSpec, Property

DAY = dt.datetime(2026, 1, 31, 12)
THING = Object([Property("x", "long"), Property("y", "string", required=False)])

FITS: list[tuple[Any, Any, Any, Any]] = [
    ("long", None, 3, 3),
    ("long", None, np.int32(3), 3),
    ("integer", None, 3, 3),
    ("double", None, 3, 3.0),
    ("double", None, np.float32(1.5), 1.5),
    ("float", None, np.int64(2), 2.0),
    ("string", None, "x", "x"),
    ("boolean", None, np.bool_(True), True),
    ("datetime", None, DAY, DAY),
    ("datetime", None, "2026-01-31T12:00:00", DAY),
    ("datetime", None, "2026-01-31", dt.date(2026, 1, 31)),
    ("datetime", None, np.datetime64("2026-01-31T12:00:00"), DAY),
    ("datetime", None, DAY.replace(tzinfo=dt.UTC), DAY),
    ("long", None, None, None),
    ("long", (-1,), [1, 2], [1, 2]),
    ("double", [-1], np.array([1, 2]), [1.0, 2.0]),
    ("datetime", (-1,), [DAY], [DAY]),
    (THING, None, {"x": 1}, {"x": 1}),
]


@pytest.mark.parametrize(("kind", "shape", "value", "fitted"), FITS)
def test_a_value_fits(kind: Any, shape: Any, value: Any, fitted: Any) -> None:
    spec = ParamSpec("p", kind, value, shape)
    assert spec.default == fitted
    assert type(spec.default) is type(fitted)
    schema = ParamSchema([spec])
    assert ParamSchema.from_json(schema.to_json()) == schema
    assert enforce_params({"p": value}, schema) == enforce_params(None, schema) == {"p": fitted}


MISFITS: list[tuple[Any, Any, Any]] = [
    ("long", None, 1.0),
    ("long", None, "1"),
    ("long", None, True),
    ("integer", None, np.int64(1)),
    ("float", None, 1j),
    ("double", None, 10**400),
    ("double", None, "1.5"),
    ("double", None, [1.5]),
    ("string", None, 1),
    ("boolean", None, 1),
    ("datetime", None, "someday"),
    ("datetime", None, 5),
    ("datetime", None, "2026-01-31T12:00:00.123456789"),
    ("long", (-1,), 1),
    ("long", (-1,), [1, "x"]),
    ("long", (-1,), np.zeros((2, 2), int)),
    ("long", (2,), [1, 2]),
    ("long", "x", [1, 2]),
    (THING, None, {"y": "a"}),
    (THING, None, {"x": 1, "z": 1}),
    (THING, (-1,), [{"x": 1}]),
    ("binary", None, b"x"),
    (Array("long"), None, [1]),
    ("quaternion", None, 1),
]


@pytest.mark.parametrize(("kind", "shape", "value"), MISFITS)
def test_a_misfit_is_refused_by_name(kind: Any, shape: Any, value: Any) -> None:
    with pytest.raises(InvalidParameterError) as raised:
        ParamSpec("temperature", kind, value, shape)
    assert "temperature" in str(raised.value) or kind == "quaternion"


def test_params_are_enforced() -> None:
    schema = ParamSchema([ParamSpec("n", DataType.long, 3), ParamSpec("t", DataType.double, 0.5)])
    assert enforce_params({"t": 1}, schema) == {"n": 3, "t": 1.0}
    with pytest.warns(EnforcementWarning, match=r"other.*It has n, t"):
        assert enforce_params({"other": 1}, schema) == {"n": 3, "t": 0.5}
    with pytest.raises(InvalidParameterError, match="The param 'n' does not fit: it is a long, and got a str"):
        enforce_params({"n": "x"}, schema)
    with pytest.raises(InvalidParameterError, match="dict"):
        enforce_params([1], schema)  # type: ignore[arg-type]
    with pytest.warns(EnforcementWarning, match="has none"):
        assert enforce_params({"n": 1}, None) == {}
    assert enforce_params(None, None) is None
    assert enforce_params({}, None) == {}


def test_two_params_have_two_names() -> None:
    with pytest.raises(InvalidParameterError, match="twice: n"):
        ParamSchema([ParamSpec("n", DataType.long, 3), ParamSpec("n", DataType.long, 3)])


def test_params_are_inferred() -> None:
    schema = infer_param_schema({"a": 1, "b": [1, 2.5], "c": {"x": "y"}, "d": DAY})
    assert repr(schema) == (
        "['a': long (default: 1), 'b': double (default: [1.0, 2.5]) (shape: (-1,)), "
        f"'c': {{x: string (required)}} (default: {{'x': 'y'}}), 'd': datetime (default: {DAY})]"
    )
    cases: list[Any] = [{"a": None}, {"a": [[1]]}, {"a": b"x"}, {"a": {}}, {"a": {1, 2}}, {"a": 2**64}, 5]
    for bad in cases:
        with pytest.raises(InvalidParameterError):
            infer_param_schema(bad)
