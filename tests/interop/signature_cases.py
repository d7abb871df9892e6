"""Data of every sort, of which two trackers make signatures and input examples."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

DAY = dt.datetime(2026, 1, 31, 12)


SERIES: dict[str, Any] = {  # columns, each of which is a sample as a Series and as part of a frame
    "doubles": [1.5, 2.0],
    "doubles with gaps": [1.5, None],
    "floats": np.array([1, 2], "float32"),
    "floats with gaps": np.array([1, np.nan], "float32"),
    "halves": np.array([1, 2], "float16"),
    "longs": [1, 2],
    "integers": np.array([1, 2], "int32"),
    "shorts": np.array([1, 2], "int16"),
    "bytes": np.array([1, 2], "int8"),
    "unsigned bytes": np.array([1, 2], "uint8"),
    "unsigned": np.array([1, 2], "uint32"),
    "booleans": [True, False],
    "texts": ["a", "b"],
    "texts with gaps": ["a", None],
    "text objects": pd.Series(["a", "b"], dtype=object),
    "text objects with gaps": pd.Series(["a", None], dtype=object),
    "datetimes": pd.to_datetime(["2026-01-01", "2026-01-02"]),
    "datetimes with gaps": pd.Series([pd.Timestamp("2026-01-01"), pd.NaT]),
    "zoned datetimes": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
    "dates": pd.Series([dt.date(2026, 1, 1), dt.date(2026, 1, 2)]),
    "datetime objects": pd.Series([DAY, DAY], dtype=object),
    "binaries": [b"a", b"b"],
    "bytearrays": pd.Series([bytearray(b"a"), bytearray(b"b")]),
    "whole objects": pd.Series([1, 2], dtype=object),
    "whole objects with gaps": pd.Series([1, None], dtype=object),
    "decimal objects": pd.Series([1.5, 2.5], dtype=object),
    "mixed numbers": pd.Series([1, 2.5], dtype=object),
    "mixed objects with gaps": pd.Series([1, 2.5, None], dtype=object),
    "boolean objects with gaps": pd.Series([True, None], dtype=object),
    "numpy objects": pd.Series([np.int32(1), np.int32(2)], dtype=object),
    "nothing": pd.Series([None, None], dtype=object),
    "no numbers": [np.nan, np.nan],
    "empty objects": pd.Series([], dtype=object),
    "empty doubles": pd.Series([], dtype="float64"),
    "lists": [["a"], ["b", "c"]],
    "lists with gaps": [["a"], None],
    "empty lists": [[], []],
    "some empty lists": [[], ["a"]],
    "number lists": [[1.5], [2.5, 3.5]],
    "arrays": [np.array([1.5]), np.array([2.5, 3.5])],
    "integer arrays": [np.array([1, 2], "int32"), np.array([3], "int32")],
    "matrices": [np.array([[1, 2], [3, 4]]), np.array([[5, 6]])],
    "lists of lists": [[["a"], []], [["b"]]],
    "dicts": [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}],
    "unlike dicts": [{"x": 1, "y": "a"}, {"x": 2}],
    "dicts of gaps": [{"x": 1, "y": None}, {"x": 2, "y": "b"}],
    "dicts of lists": [{"x": [1, 2]}, {"x": [3]}],
    "lists of dicts": [[{"x": 1}, {"x": 2, "z": True}], [{"x": 3}]],
    "dicts and gaps": [{"x": 1, "y": {"z": 1.5}}, None],
    "categories": pd.Series(["a", "b"], dtype="category"),
    "number categories": pd.Series([1, 2], dtype="category"),
    "pandas integers": pd.array([1, None], dtype="Int64"),
    "pandas floats": pd.array([1.5, None], dtype="Float32"),
    "pandas booleans": pd.array([True, None], dtype="boolean"),
    "pandas texts": pd.array(["a", None], dtype="string"),
}


_MIXED = pd.DataFrame({"b": [1.5, None], "a": [1, 2], "s": ["x", "y"], "t": pd.to_datetime(["2026-01-01"] * 2)})
SAMPLES: dict[str, Any] = {  # what a signature may be inferred of
    **{f"series of {name}": pd.Series(values, name="c") for name, values in SERIES.items()},
    "a frame": _MIXED,
    "a frame with numbers for names": pd.DataFrame(np.zeros((2, 3))),
    "an unnamed series": pd.Series([1.5]),
    "a matrix": np.zeros((3, 4)),
    "a vector": np.zeros(3, "float32"),
    "an integer tensor": np.zeros((2, 3, 4), "int8"),
    "a text array": np.array(["a", "bcd"]),
    "a bytes array": np.array([b"a", b"bcd"]),
    "an object array": np.array(["a", None], dtype=object),
    "a boolean array": np.array([True]),
    "a datetime array": np.array(["2026-01-01"], "datetime64[ns]"),
    "a complex array": np.zeros(2, complex),
    "a dict of arrays": {"a": np.zeros(3), "b": np.zeros((3, 2), "int64")},
    "csr": sparse.csr_matrix(np.eye(3)),
    "csc": sparse.csc_matrix(np.eye(3, dtype="float32")),
    "a text": "a",
    "a number": 1.5,
    "a whole number": 1,
    "a boolean": True,
    "some bytes": b"a",
    "a datetime": DAY,
    "a numpy number": np.float32(1),
    "an empty list": [],
    "texts": ["a", "b"],
    "numbers": [1.5, 2.5],
    "a list with a gap": ["a", None],
    "a list of nothing": [None],
    "a list of lists": [[1, 2], [3]],
    "records": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "unlike records": [{"a": 1}, {"b": "y"}],
    "records with gaps": [{"a": 1, "b": None}, {"a": 2, "b": "y"}],
    "nested records": [{"a": {"b": [1.5]}, "c": []}, {"a": {"b": []}, "c": [None]}],
    "a dict": {"a": "x", "b": 1},
    "a dict of lists": {"a": ["x", "y"], "b": [1.5, None]},
    "a dict of dicts": {"a": {"b": {"c": True}}},
    "a dict with nothing": {"a": None, "b": []},
    "a dict of all sorts": {"a": np.array([1.5]), "b": "x"},
    "unlike values": [1, "a"],
    "unlike numbers": [1, 2.5],
}


def params() -> dict[str, Any]:
    """Params of ``predict``."""
    return {
        "a number": {"a": 1},
        "all sorts": {"a": 1.5, "b": "x", "c": True, "d": [1, 2], "e": [1.5, 2], "f": ["x"], "g": DAY, "h": [DAY]},
        "a dict": {"a": {"b": 1, "c": "x"}},
        "numpy": {"a": np.float32(1.5), "b": np.int32(2), "c": np.array([1, 2]), "d": np.bool_(True)},
        "a date": {"a": dt.date(2026, 1, 1)},
        "nothing": {"a": None},
        "bytes": {"a": b"x"},
        "lists of lists": {"a": [[1]]},
        "unlike": {"a": [1, "x"]},
        "large": {"a": 2**63},
    }


def examples() -> dict[str, Any]:
    """Input examples."""
    return {
        "a frame": pd.DataFrame({"a": [1.5, 2.0], "b": [1, 2], "s": ["x", "ü"]}),
        "a frame without names": pd.DataFrame(np.ones((2, 2))),
        "a frame of datetimes": pd.DataFrame({"t": pd.to_datetime(["2026-01-01", "2026-01-02"]) + pd.Timedelta("90s")}),
        "a frame of bytes": pd.DataFrame({"b": [b"abc", b"x" * 80]}),
        "a frame of lists": pd.DataFrame({"x": [[1, 2], [3]], "y": [{"a": 1}, {"a": 2}]}),
        "a frame of arrays": pd.DataFrame({"x": [np.array([1.5, 2]), np.array([3.5])]}),
        "an array": np.array([[1.5, 2], [3, 4]]),
        "an integer array": np.array([1, 2], "int8"),
        "a text array": np.array(["a", "bc"]),
        "a dict of arrays": {"a": np.array([1.5]), "b": np.array([[1, 2]])},
        "csr": sparse.csr_matrix(np.array([[1.5, 0], [0, 2]])),
        "csc": sparse.csc_matrix(np.array([[1, 0], [0, 2]])),
        "a text": "hello",
        "a number": 1.5,
        "texts": ["a", "b"],
        "records": [{"a": 1, "b": "x"}],
        "a dict": {"a": "x", "b": [1, 2]},
        "a chat": {"messages": [{"role": "user", "content": "hi"}]},
        "a frame and params": (pd.DataFrame({"a": [1.5]}), {"n": 3, "t": "x"}),
        "texts and params": (["a"], {"n": 3}),
        "a chat and params": ({"messages": []}, {"n": 3}),
        "a datetime": DAY,
    }
