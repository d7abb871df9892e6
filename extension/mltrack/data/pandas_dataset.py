"""Datasets made of pandas frames: digest, schema and profile as MLflow makes them, of a bounded part."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mltrack.data.digests import FIRST_ROWS, md5_digest, own_digest, spread, value_bytes
from mltrack.data.frame_dataset import FrameDataset
from mltrack.data.schema import Schema, column
from mltrack.data.sources import resolve_dataset_source
from mltrack.types.words import ANY, kind_of, module_of, plain_name, word_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    import pandas as pd

    from mltrack.data.dataset_source import DatasetSource

MOST_COLUMNS = 1_000  # of a frame that MLflow's digest is made of
SAMPLED_COLUMNS = 200  # that own_digest looks into: of a wider frame the first and the last
_NUMBER_COST, _TEXT_COST, _COLUMN_COST, MOST_COST = 1, 100, 6_000, 16_000_000  # in about 3 ns
_SAMPLE_BYTES = 2**20
_LIBRARIES = ("numpy", "pandas")


class PandasDataset(FrameDataset["pd.DataFrame"]):
    """A pandas DataFrame as a dataset; see ``from_pandas``."""

    def _compute_digest(self) -> str:
        return frame_digest(self._df)

    @cached_property
    def schema(self) -> Schema:
        """Each column's name and type, and whether it has all its values."""
        return frame_schema(self._df)

    @property
    def profile(self) -> Mapping[str, Any]:
        """``num_rows`` and ``num_elements``."""
        return {"num_rows": len(self._df), "num_elements": int(self._df.size)}


def from_pandas(
    df: pd.DataFrame,
    source: str | PathLike[str] | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """Make a dataset of a pandas DataFrame.

    Parameters
    ----------
    df
        The frame; it is referred to, not copied.
    source
        A path, a URI or a DatasetSource; default: the code that runs.
    targets, predictions
        The names of the columns that hold them.
    name
        Default ``dataset``.
    digest
        Default: ``frame_digest``.

    Raises
    ------
    InvalidParameterError
        When the frame lacks one of these columns, or nothing is known of such a source.
    """
    return PandasDataset(df, resolve_dataset_source(source), targets, name, digest, predictions)


def frame_digest(df: pd.DataFrame) -> str:
    """Give the fingerprint of a frame.

    It is MLflow's (``mlflow.data.digest_utils.compute_pandas_digest``): the MD5, cut to 8 hex digits, of pandas' row
    hashes of the first 10,000 rows (their index, and the columns of numbers and of nothing but text, by name), the
    number of rows, and the columns' names. So it does not see what changes after row 10,000, in a type, or in a column
    of dates, categories or missing texts.

    A frame that would take over about 50 ms (more than 1,000 columns, or so wide or full of text), whose columns'
    names are not all texts or repeat themselves, or whose index or columns hold foreign objects, has ``own_digest`` of
    up to 1,000 rows spread over all of it, and of 200 columns: shape, names, types and values.
    """
    head = df.iloc[:FIRST_ROWS]
    texts = _texts_of(head)
    if texts is None:
        return own_digest("frame", df.shape, _samples(df))
    import pandas as pd  # heavy; whoever has a frame has loaded it

    numbers = {name for name, dtype in head.dtypes.items() if _is_number(dtype)}
    wanted = [name for name in head.columns if name in texts or name in numbers]
    if texts and numbers and texts != numbers:
        wanted.sort()  # as pandas orders the union of two indexes, which MLflow takes
    rows = pd.util.hash_pandas_object(head[wanted]).to_numpy().astype("<u8")
    names = [str(name).encode("utf-8", "surrogatepass") for name in df.columns]
    return md5_digest([rows.tobytes(), len(df).to_bytes(8, "little", signed=True), *names])


def _texts_of(head: pd.DataFrame) -> set[str] | None:
    """Give the columns that hold nothing but text, or None when MLflow's digest of these rows is not to be had."""
    if head.shape[1] > MOST_COLUMNS:
        return None
    names = list(head.columns)
    is_plain = all(type(name) is str for name in names) and len(set(names)) == len(names)
    if not is_plain or not _is_plain_index(head.index) or not all(map(_is_known, head.dtypes)):
        return None
    cost = len(names) * (_COLUMN_COST + len(head) * _NUMBER_COST)
    texts = set() if len(head) else set(names)
    for number, dtype in enumerate(head.dtypes):
        if dtype.kind != "O":
            continue
        array = head.iloc[:, number].array
        values: Any = array.categories if _is_categorical(dtype) else array
        cost += _TEXT_COST * len(values)
        if cost + values.nbytes // 4 > MOST_COST:
            return None
        found = values.to_numpy(dtype=object)
        if all(type(value) is str for value in found) and (values is array or (array.codes >= 0).all()):
            texts.add(names[number])
            cost += sum(map(len, found))
    return texts if cost <= MOST_COST else None


def _is_plain_index(index: pd.Index) -> bool:
    """Tell whether pandas hashes an index without asking an object of the user's."""
    if index.nlevels > 1 or not _is_known(index.dtype):
        return False
    if index.dtype.kind != "O":
        return True
    return all(type(value) in (str, int, float, bool) for value in index[:FIRST_ROWS].to_numpy(dtype=object))


def _is_known(dtype: Any) -> bool:
    """Tell whether a type is numpy's or pandas' own."""
    return module_of(type(dtype)).partition(".")[0] in _LIBRARIES


def _is_number(dtype: Any) -> bool:
    """Tell what ``select_dtypes(include=[numpy.number])`` takes: numbers and durations, not booleans."""
    return dtype.kind in "iufcm" and not _is_categorical(dtype)


def _is_categorical(dtype: Any) -> bool:
    return type(dtype).__name__ == "CategoricalDtype"


def _samples(df: pd.DataFrame) -> Iterator[tuple[str, str, bytes]]:
    """Give name, type and the values of some rows of each column, the index as the first."""
    rows = df.iloc[:: spread(len(df))]
    index = rows.index
    yield "", type_name(index.dtype), _sample(index) if index.nlevels == 1 else b""
    width = rows.shape[1]
    half = SAMPLED_COLUMNS // 2
    for number in range(width) if width <= SAMPLED_COLUMNS else (*range(half), *range(width - half, width)):
        series = rows.iloc[:, number]
        yield str(plain_name(df.columns[number])), type_name(series.dtype), _sample(series)


def type_name(dtype: Any) -> str:
    """Give a type's text; of a foreign one, whose text would be the user's code, ``foreign``."""
    return str(dtype) if _is_known(dtype) else "foreign"


def _sample(values: pd.Series[Any] | pd.Index[Any]) -> bytes:
    dtype = values.dtype
    if not _is_known(dtype):
        return b""
    if dtype.kind in "mM" or (dtype.kind in "biufc" and type(dtype).__module__.startswith("numpy")):
        plain = values.to_numpy(dtype=f"{dtype.kind}8[ns]" if dtype.kind in "mM" else None)
        return plain.astype(plain.dtype.newbyteorder("<")).tobytes()
    size = values.array.nbytes  # that of long texts, which would be copied
    return value_bytes(
        values[: len(values) * _SAMPLE_BYTES // max(size, _SAMPLE_BYTES)].to_numpy(dtype=object).tolist()
    )


def frame_schema(df: pd.DataFrame) -> Schema:
    """Give each column's name, type and whether it is required, as ``mlflow.types.utils._infer_schema`` does.

    A column that MLflow has no type for is ``any``; there MLflow gives no schema at all.
    """
    typed = [number for number, dtype in enumerate(df.dtypes) if _is_known(dtype) and not _is_object(dtype)]
    gaps = df.isna().any() if len(typed) == df.shape[1] else df.iloc[:, typed].isna().any()
    missing = dict(zip(typed, gaps.tolist(), strict=True))
    found = []
    for number, (name, dtype) in enumerate(df.dtypes.items()):
        kind, is_missing = ANY, missing.get(number, False)
        if _is_object(dtype):
            kind, is_missing = _kind_of_objects(df.iloc[:, number])
        elif _is_categorical(dtype):
            kind = _kind_of_categories(dtype.categories[:FIRST_ROWS])
        elif number in missing:
            kind = _kind_of_type(dtype)
        found.append(column(name, kind, required=not is_missing))
    return Schema(found)


def _is_object(dtype: Any) -> bool:
    return dtype.kind == "O" and module_of(type(dtype)).startswith("numpy")


def _kind_of_categories(categories: Any) -> str:
    return _kind_of_objects(categories)[0] if _is_object(categories.dtype) else _kind_of_type(categories.dtype)


def _kind_of_type(dtype: Any) -> str:
    if dtype.kind == "O":  # pandas' own text, or periods and intervals
        return "string" if dtype.type is str else ANY
    return kind_of(dtype.kind, dtype.itemsize) or ANY


def _kind_of_objects(values: pd.Series[Any] | pd.Index[Any]) -> tuple[str, bool]:
    """Give the type of a column of objects, by their types alone, and whether some are missing."""
    import pandas as pd  # heavy; whoever has a frame has loaded it

    missing = [value is None or value is pd.NA or value is pd.NaT or _is_nan(value) for value in values]
    kinds = {type(value) for value, is_missing in zip(values, missing, strict=True) if not is_missing}
    if kinds == {int, float}:
        return "double", any(missing)
    kind = kinds.pop() if len(kinds) == 1 else object
    return word_of(kind) or ANY, any(missing)


def _is_nan(value: object) -> bool:
    return type(value) is float and value != value  # noqa: PLR0124 - it is NaN that differs from itself
