"""The rows that a model is evaluated on: features, targets and perhaps predictions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.data.dataset import Dataset
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What ``evaluate`` was given about the data: columns by name, or as arrays."""

    targets: Any = None
    predictions: Any = None
    feature_names: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows with known answers.

    ``data`` is what was given, as a frame of pandas where it has named columns; ``features`` is what the model gets of
    it; ``outputs`` are the names of several target columns. ``dataset`` is what was given when that was a dataset.
    """

    data: Any
    features: Any
    targets: Column | None
    predictions: Column | None
    targets_name: str | None = None
    predictions_name: str | None = None
    outputs: tuple[str, ...] = ()
    dataset: Dataset | None = None

    def __len__(self) -> int:
        return int(self.features.shape[0])

    def column(self, name: str) -> Column | None:
        """Give a column of the data by its name; None when there is none."""
        if isinstance(self.data, pd.DataFrame):
            return np.asarray(self.data[name]) if name in self.data.columns else None
        names = self.feature_names
        return np.asarray(self.features[:, names.index(name)]) if name in names else None

    @property
    def feature_names(self) -> list[str]:
        """The names of the features' columns; those of an array are ``feature_1``… as MLflow calls them."""
        if isinstance(self.features, pd.DataFrame):
            return [str(name) for name in self.features.columns]
        width = self.features.shape[1] if self.features.ndim > 1 else 1
        return [f"feature_{at:0{len(str(width))}}" for at in range(1, width + 1)]

    def frame(self) -> pd.DataFrame:
        """Give the features as a frame of its own, which a model may change."""
        if isinstance(self.features, pd.DataFrame):
            return self.features.copy()
        dense = self.features.toarray() if hasattr(self.features, "toarray") else self.features
        return pd.DataFrame(np.array(dense), columns=self.feature_names)


def read_examples(data: Any, asked: Asked) -> Examples:
    """Take what ``evaluate`` was given apart.

    Raises
    ------
    InvalidParameterError
        When it is no data, lacks a column that is named, or columns are of different lengths.
    """
    if isinstance(data, Dataset):
        return _of_dataset(data, asked)
    polars: Any = sys.modules.get("polars")
    if polars is not None and isinstance(data, polars.DataFrame):
        data = pd.DataFrame({name: data[name].to_numpy() for name in data.columns})
    if isinstance(data, pd.DataFrame):
        return _of_frame(data, asked)
    if isinstance(data, list):
        data = _array(data)
    if isinstance(data, np.ndarray) or hasattr(data, "tocsr"):
        return _of_array(data, asked)
    raise InvalidParameterError(
        f"The data of an evaluation is a DataFrame, an array or what mltrack.data.from_… makes; got {_type(data)}."
    )


def _of_dataset(dataset: Any, asked: Asked) -> Examples:
    if asked.targets is not None:
        raise InvalidParameterError(
            "A dataset says itself what its targets are: leave `targets` out, and give them to mltrack.data.from_…."
        )
    columns = {"targets": getattr(dataset, "targets", None), "predictions": getattr(dataset, "predictions", None)}
    predictions = asked.predictions if asked.predictions is not None else columns["predictions"]
    given = Asked(columns["targets"], predictions, asked.feature_names)
    data = getattr(dataset, "df", None)
    data = getattr(dataset, "features", None) if data is None else data
    if data is None or isinstance(data, dict):
        raise InvalidParameterError(f"A {_type(dataset)} has no rows to evaluate on; give a frame or one array.")
    found = read_examples(data, given)
    return Examples(**{**{name: getattr(found, name) for name in Examples.__slots__}, "dataset": dataset})


def _of_frame(frame: pd.DataFrame, asked: Asked) -> Examples:
    named = {"targets": _names(asked.targets), "predictions": _names(asked.predictions)}
    for role, names in named.items():
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise InvalidParameterError(
                f"The data has no column {missing[0]!r}, named as its {role}; it has {_listed(frame.columns)}."
            )
    if asked.feature_names is not None:
        wanted = list(asked.feature_names)
        missing = [name for name in wanted if name not in frame.columns]
        if missing:
            raise InvalidParameterError(f"The data has no column {missing[0]!r}, named in `feature_names`.")
    else:
        taken = {*named["targets"], *named["predictions"]}
        wanted = [name for name in frame.columns if name not in taken]
    features = frame[wanted]
    targets, predictions = (
        _of_names(frame, names) if names else _given(value, len(frame), role)
        for role, names, value in zip(named, named.values(), (asked.targets, asked.predictions), strict=True)
    )
    outputs = tuple(named["targets"]) if len(named["targets"]) > 1 else ()
    name, predicted = (names[0] if len(names) == 1 else None for names in named.values())
    return Examples(frame, features, targets, predictions, name, predicted, outputs)


def _of_array(array: Any, asked: Asked) -> Examples:
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    for role, value in (("targets", asked.targets), ("predictions", asked.predictions)):
        if isinstance(value, str):
            raise InvalidParameterError(
                f"An array has no column {value!r}: give the {role} as an array, or the data as a frame."
            )
    targets = _given(asked.targets, array.shape[0], "targets")
    predictions = _given(asked.predictions, array.shape[0], "predictions")
    names = None if asked.feature_names is None else list(asked.feature_names)
    if names is None:
        return Examples(array, array, targets, predictions)
    if len(names) != array.shape[1]:
        raise InvalidParameterError(f"`feature_names` has {len(names)} names, and the data {array.shape[1]} columns.")
    frame = pd.DataFrame(array, columns=names)
    return Examples(frame, frame, targets, predictions)


def _names(value: Any) -> list[str]:
    """Give the columns that are named, if names they are."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)) and value and len(value) < 100 and all(type(each) is str for each in value):
        return list(value)
    return []


def _of_names(frame: pd.DataFrame, names: list[str]) -> Column:
    return np.asarray(frame[names[0]] if len(names) == 1 else frame[names])


def _given(values: Any, count: int, role: str) -> Column | None:
    if values is None:
        return None
    found = _array(values)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found.ravel()
    if found.ndim not in (1, 2) or len(found) != count:
        raise InvalidParameterError(
            f"The data has {count} rows, and the {role} are {'×'.join(map(str, found.shape)) or 'one value'}; "
            "give one for each row."
        )
    return found


def _array(values: Any) -> Column:
    try:
        return np.asarray(values)
    except ValueError:
        raise InvalidParameterError("A list of rows needs rows of one length.") from None


def _listed(names: Any) -> str:
    shown = [repr(name) for name in list(names)[:8]]
    return ", ".join([*shown, "…"] if len(names) > 8 else shown)


def _type(value: Any) -> str:
    return type(value).__name__


def check_numbers(values: Column, role: str) -> Column:
    """Give a column of numbers as floats, or as they are; InvalidParameterError names the first that is none."""
    if values.dtype.kind == "O":
        missing = pd.isna(values)
        _refuse(missing, role, "missing")
        try:
            values = values.astype(float)
        except (TypeError, ValueError):
            raise InvalidParameterError(
                f"The {role} of a regression are numbers; the first is {values.ravel()[0]!r}."
            ) from None
    if values.dtype.kind not in "biuf":
        raise InvalidParameterError(f"The {role} of a regression are numbers; got {values.dtype}.")
    if values.dtype.kind == "f":
        _refuse(~np.isfinite(values), role, "NaN or infinite")
    return values


def check_present(values: Column, role: str) -> Column:
    """Give a column back; InvalidParameterError when a value is missing."""
    if values.dtype.kind in "fO":
        _refuse(pd.isna(values), role, "missing")
    return values


def _refuse(bad: Any, role: str, how: str) -> None:
    rows = bad.any(axis=1) if bad.ndim == 2 else bad
    count = int(np.count_nonzero(rows))
    if count:
        raise InvalidParameterError(
            f"{count} of {len(rows)} {role} are {how}, the first in row {int(np.argmax(rows))} (counted from 0); "
            "leave these rows out, or fill them."
        )
