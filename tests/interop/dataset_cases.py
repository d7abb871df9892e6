"""Frames and arrays as datasets of a tracker: ``python dataset_cases.py mlflow`` prints what MLflow says of them.

The same file runs in a Python that has MLflow and in one that has mltrack.
"""

from __future__ import annotations

import datetime
import importlib
import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd

ROWS = 12_000


def frames() -> dict[str, pd.DataFrame]:
    numbers = np.random.default_rng(0)
    wide = pd.DataFrame(numbers.normal(size=(300, 400)), columns=[f"c{i}" for i in range(400)])
    days = pd.date_range("2020-01-01", periods=3)
    return {
        "numbers": pd.DataFrame({"b": [1.5, 2.0, None], "a": [1, 2, 3], "C": np.array([1, 2, 3], "float32")}),
        "texts": pd.DataFrame({"b": ["x", "y", "z"], "a": ["é", "", "日本"]}),
        "both": pd.DataFrame({"n": [1, 2], "t": ["x", "y"], "m": [2.5, 3.5], "_": ["u", "v"]}),
        "objects": pd.DataFrame({"t": pd.Series(["x", "y"], dtype=object), "n": [1, 2]}),
        "missing texts": pd.DataFrame({"t": ["x", None, "z"], "n": [1, 2, 3]}),
        "booleans": pd.DataFrame({"b": [True, False], "n": [1, 2]}),
        "days": pd.DataFrame({"day": days, "n": [1, 2, 3], "zoned": days.tz_localize("Europe/Paris")}),
        "durations": pd.DataFrame({"n": [1, 2], "took": pd.to_timedelta(["1 s", "2 s"])})[["n"]],
        "categories": pd.DataFrame({"c": pd.Categorical(["x", "y", "x"]), "n": [1, 2, 3]}),
        "integers": pd.DataFrame({kind: np.array([1, 2], kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4")}),
        "nullable": pd.DataFrame({"n": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean")}),
        "python objects": pd.DataFrame(
            {
                "i": pd.Series([1, 2], dtype=object),
                "f": pd.Series([1.5, None], dtype=object),
                "m": pd.Series([1, 2.5], dtype=object),
                "b": pd.Series([True, False], dtype=object),
                "y": pd.Series([b"x", b"y"], dtype=object),
                "d": pd.Series([datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2)], dtype=object),
                "none": pd.Series([None, None], dtype=object),
            }
        ),
        "no rows": pd.DataFrame({"b": [1.0], "a": ["x"]}).head(0),
        "no rows of numbers": pd.DataFrame({"b": [1.0], "a": [2]}).head(0),
        "index of texts": pd.DataFrame({"n": [1, 2]}, index=["x", "y"]),
        "index of days": pd.DataFrame({"n": [1, 2, 3]}, index=days),
        "index of numbers": pd.DataFrame({"n": [1, 2]}, index=[7, -7]),
        "many rows": pd.DataFrame({"n": np.arange(ROWS), "t": [f"row {i % 50}" for i in range(ROWS)]}),
        "changed late": pd.DataFrame({"n": np.arange(ROWS) * (np.arange(ROWS) < 11_000), "t": ["x"] * ROWS}),
        "wide": wide,
        "infinite": pd.DataFrame({"n": [np.inf, -np.inf, np.nan, 0.0]}),
    }


def arrays() -> dict[str, tuple[Any, Any]]:
    numbers = np.random.default_rng(1)
    grid = numbers.normal(size=(5, 4, 3))
    kinds = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "M8[s]", "m8[ms]")
    return {
        **{kind: (np.arange(6).astype("i8").astype(kind).reshape(3, 2), None) for kind in kinds},
        "targets": (grid, np.array([0, 1, 2, 3, 4])),
        "named": ({"b": grid, "a": np.ones(5)}, {"y": np.arange(5)}),
        "many": (numbers.normal(size=(700, 30)), None),
        "columns first": (np.asfortranarray(numbers.normal(size=(700, 30))), None),
        "a view": (grid[::2, 1:, ::-1], None),
        "empty": (np.zeros((0, 3)), None),
    }


def described(tracker: str) -> dict[str, Any]:
    """Give each dataset as the tracker writes it, or the error that it raises."""
    data = importlib.import_module(f"{tracker}.data")
    made: dict[str, Any] = {}
    for name, frame in frames().items():
        try:
            made[name] = data.from_pandas(frame, source="data.csv", name=name).to_dict()
        except Exception as error:
            made[name] = repr(error)
    for name, (features, targets) in arrays().items():
        source = "https://host/data.npz"
        made[f"array {name}"] = data.from_numpy(features, source=source, targets=targets, name=name).to_dict()
    return made


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(described(sys.argv[1])))
