"""Datasets made of polars frames: schema and profile as MLflow makes them, and a digest of a bounded part."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mltrack.data.digests import own_digest, spread, value_bytes
from mltrack.data.frame_dataset import FrameDataset
from mltrack.data.schema import Schema, column
from mltrack.data.sources import resolve_dataset_source
from mltrack.types.words import ANY, POLARS_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    import polars as pl

    from mltrack.data.dataset_source import DatasetSource

MOST_COLUMNS = 200  # that are looked into; of a wider frame, the first and the last
MOST_VALUES = 100_000  # that are looked at; of a wide frame, in fewer rows


class PolarsDataset(FrameDataset["pl.DataFrame"]):
    """A polars DataFrame as a dataset; see ``from_polars``."""

    def _compute_digest(self) -> str:
        return polars_digest(self._df)

    @cached_property
    def schema(self) -> Schema:
        """Each column's name and type, and whether it has any value."""
        return polars_schema(self._df)

    @property
    def profile(self) -> Mapping[str, Any]:
        """``num_rows`` and ``num_elements``."""
        return {"num_rows": self._df.height, "num_elements": self._df.height * self._df.width}


def from_polars(
    df: pl.DataFrame,
    source: str | PathLike[str] | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PolarsDataset:
    """Make a dataset of a polars DataFrame; the arguments are those of ``from_pandas``, the digest ``polars_digest``.

    Raises
    ------
    InvalidParameterError
        When the frame lacks one of the columns named, or nothing is known of such a source.
    """
    return PolarsDataset(df, resolve_dataset_source(source), targets, name, digest, predictions)


def polars_digest(df: pl.DataFrame) -> str:
    """Give the fingerprint of a frame: ``own_digest`` of up to 1,000 rows spread over all of it.

    MLflow's own is the sum of polars' hashes of all rows: it takes as long as there are rows, and another version of
    polars gives another one. Nested columns and those of foreign objects count by their type alone.
    """
    return own_digest("polars", df.shape, _samples(df))


def _samples(df: pl.DataFrame) -> Iterator[tuple[str, str, bytes]]:
    width = df.width
    half = MOST_COLUMNS // 2
    chosen = range(width) if width <= MOST_COLUMNS else [*range(half), *range(width - half, width)]
    step = max(spread(df.height), -(-df.height * len(chosen) // MOST_VALUES))
    for number in chosen:
        series = df.to_series(number)
        yield series.name, str(series.dtype), _sample(series.gather_every(step))


def _sample(series: pl.Series) -> bytes:
    dtype = series.dtype
    kind = type(dtype).__name__
    if dtype.is_nested() or kind == "Object":
        return b""
    if kind in ("Categorical", "Enum"):
        series = series.cast(str)  # their numbers are another process's
    elif dtype.is_temporal():
        series = series.to_physical()
    elif dtype.is_decimal():
        series = series.cast(str)
    return value_bytes(series.to_list())


def polars_schema(df: pl.DataFrame) -> Schema:
    """Give each column's name, type and whether it is required, as ``mlflow.data.polars_dataset`` does.

    There a column is required when it has any value at all. One that MLflow has no type for is ``any``; there MLflow
    gives no schema at all.
    """
    return Schema([_column(df.to_series(number)) for number in range(df.width)])


def _column(series: pl.Series) -> dict[str, Any]:
    return column(series.name, POLARS_WORDS.get(type(series.dtype).__name__, ANY), required=series.count() > 0)
