"""A few rows of the data of a training, kept from before it: for the signature of its model, and as its example."""

from __future__ import annotations

import sys
from typing import Any

EXAMPLE_ROWS = 5
_MOST_ROWS, _MOST_VALUES = 100, 100_000
_WIDEST_EXAMPLE = 2_000


class Sample:
    """Rows of a frame, an array, a sparse matrix or a list: the first ones, and more from all over it."""

    def __init__(self, rows: Any, *, count: int, width: int) -> None:
        self.rows = rows
        self._count = count
        self._width = width

    @property
    def first(self) -> Any:
        """The first five rows, or fewer where there are no five."""
        return _take(self.rows, list(range(min(self._count, EXAMPLE_ROWS))))

    @property
    def example(self) -> Any:
        """The first five rows if a reader would look at them; None of rows of over 2,000 values."""
        return self.first if self._width <= _WIDEST_EXAMPLE else None


def sample_of(data: Any) -> Sample | None:
    """Copy at most 100 rows, fewer of wide ones, of data that are read by rows; None of anything else.

    Nothing is imported for it, and no more than those rows is read.
    """
    try:
        shape = getattr(data, "shape", None) or (len(data),)
        count = int(shape[0])
        width = 1
        for each in shape[1:]:
            width *= int(each)
        wanted = min(_MOST_ROWS, max(EXAMPLE_ROWS, _MOST_VALUES // max(width, 1)))
        rows = _take(data, _places(count, wanted)) if count and width <= _MOST_VALUES else None
    except Exception:  # a kind of data that has a length and no rows
        return None
    return None if rows is None else Sample(rows, count=min(count, wanted), width=width)


def _places(count: int, wanted: int) -> list[int]:
    """Give the numbers of the first rows, and of more at equal distances."""
    if count <= wanted:
        return list(range(count))
    rest = wanted - EXAMPLE_ROWS
    spread = (EXAMPLE_ROWS + (count - EXAMPLE_ROWS) * number // rest for number in range(rest))
    return [*range(EXAMPLE_ROWS), *spread]


def _take(data: Any, places: list[int]) -> Any:
    """Give a copy of some rows in the kind of the data; None of a kind that is not known."""
    pandas, polars, numpy = (sys.modules.get(name) for name in ("pandas", "polars", "numpy"))
    if pandas is not None and isinstance(data, pandas.Series):
        return data.iloc[places].to_frame("text" if data.name is None else data.name)  # of texts, to count their words
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return data.iloc[places]
    if polars is not None and isinstance(data, polars.DataFrame):
        return data[places]
    if numpy is not None and isinstance(data, numpy.ndarray):
        return numpy.array(data[places])
    if getattr(data, "format", None) == "csr":
        return data[places]
    if type(data) in (list, tuple):
        return [data[place] for place in places]
    return None
