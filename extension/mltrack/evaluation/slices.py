"""The same metrics for parts of the rows: for each value of a column, or for bins of a column of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mltrack.evaluation.findings import Findings, finite
from mltrack.exceptions import InvalidParameterError, MltrackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mltrack.evaluation.examples import Examples
    from mltrack.evaluation.findings import Table

FEW_VALUES = 12
"""As many different numbers are a slice each; of more, bins are."""
MOST_SLICES = 50
"""Of more values the rarest share one slice."""
SMALL = 30
"""Rows below which a slice's metrics say little."""


@dataclass(frozen=True, slots=True)
class Slicing:
    """One way to part the rows: its name, and the part that each row belongs to, as a place in ``parts``."""

    name: str
    places: NDArray[Any]
    parts: list[str]


def read_slices(asked: Any, examples: Examples, *, bins: int = 4) -> list[Slicing]:
    """Take apart what was asked for.

    Parameters
    ----------
    asked
        The name of a column, a list of names, of which each is looked at by itself, or a dict of names and columns of
        values. A tuple of names is all of them together.
    examples
        The rows; columns that the model does not get count, too.
    bins
        Into how many parts of about equal size numbers are put.

    Raises
    ------
    InvalidParameterError
        When there is no such column, or it has another length.
    """
    if isinstance(asked, Mapping):
        return [_slicing(str(name), _given(name, values, len(examples)), bins) for name, values in asked.items()]
    ways = asked if isinstance(asked, list) else [asked]
    return [
        _together([_named(name, examples, bins) for name in (way if isinstance(way, tuple) else (way,))])
        for way in ways
    ]


def _named(name: Any, examples: Examples, bins: int) -> Slicing:
    values = examples.column(name)
    if values is None:
        raise InvalidParameterError(
            f"The data has no column {name!r} to slice by; give one of it, or {{name: values}}."
        )
    return _slicing(str(name), values, bins)


def _given(name: Any, values: Any, count: int) -> NDArray[Any]:
    found = np.asarray(values)
    if found.shape != (count,):
        raise InvalidParameterError(f"The slices by {name!r} need a value for each of the {count} rows.")
    return found


def _slicing(name: str, values: NDArray[Any], bins: int) -> Slicing:
    series = pd.Series(values)
    if series.dtype.kind in "mM" or (series.dtype.kind in "iuf" and series.nunique() > FEW_VALUES):
        return _binned(name, series, bins)
    places, found = pd.factorize(series, sort=_sortable(series))
    parts = [_edge(value) for value in found]
    return _few(_with_missing(name, places, parts))


def _sortable(series: Any) -> bool:
    return series.dtype.kind != "O" or all(isinstance(value, str) for value in series.dropna().unique())


def _binned(name: str, series: Any, bins: int) -> Slicing:
    """Put numbers or times into bins of about equal size, by quantiles; equal values share a bin."""
    binned = pd.qcut(series, bins, duplicates="drop")
    edges = binned.cat.categories
    if len(edges) < 2:
        return _around(name, series)
    signs = ["≤"] + ["–"] * (len(edges) - 2) + [">"]
    texts = {"≤": "≤ {right}", "–": "{left} – {right}", ">": "> {left}"}
    parts = [
        texts[sign].format(left=_edge(edge.left), right=_edge(edge.right))
        for sign, edge in zip(signs, edges, strict=True)
    ]
    return _with_missing(name, binned.cat.codes.to_numpy(), parts)


def _around(name: str, series: Any) -> Slicing:
    """Part values nearly all of which are one, as zeros are, into that one and what is below and above it."""
    usual = series.mode().iloc[0]
    places = np.where(series.isna(), -1, 1 + (series > usual).astype(int) - (series < usual).astype(int))
    return _with_missing(name, places, [f"< {_edge(usual)}", _edge(usual), f"> {_edge(usual)}"])


def _edge(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _with_missing(name: str, places: NDArray[Any], parts: list[str]) -> Slicing:
    """Make missing values, whose place is -1, a part of their own."""
    places = np.asarray(places)
    if not (places < 0).any():
        return Slicing(name, places, parts)
    return Slicing(name, np.where(places < 0, len(parts), places), [*parts, "missing"])


def _few(found: Slicing) -> Slicing:
    """Put the rarest of too many parts together."""
    if len(found.parts) <= MOST_SLICES:
        return found
    counts = np.bincount(found.places, minlength=len(found.parts))
    kept = np.sort(np.argsort(-counts, kind="stable")[: MOST_SLICES - 1])
    moved = np.full(len(found.parts), len(kept))
    moved[kept] = np.arange(len(kept))
    others = f"others ({len(found.parts) - len(kept)} values)"
    return Slicing(found.name, moved[found.places], [*(found.parts[place] for place in kept), others])


def _together(slicings: Sequence[Slicing]) -> Slicing:
    """Make one way of several: a part for each combination that occurs."""
    if len(slicings) == 1:
        return slicings[0]
    places, parts = np.zeros(len(slicings[0].places), dtype=int), [""]
    for each in slicings:
        places = places * len(each.parts) + each.places
        parts = [f"{before}, {part}" if before else part for before in parts for part in each.parts]
    codes, kept = pd.factorize(places, sort=True)
    return _few(Slicing(" × ".join(each.name for each in slicings), codes, [parts[place] for place in kept]))


def slice_table(slicings: Sequence[Slicing], case: Any, metrics: Callable[[Any], Findings]) -> Table:
    """Give a row for each part: ``slice`` (the column), ``value``, ``count``, the metrics, and a ``note``.

    ``case`` is a classification or a regression. A metric that is not defined in a part is None there.
    """
    rows = [row for each in slicings for row in _rows(each, case, metrics)]
    names = list(dict.fromkeys(name for _, found in rows for name in found.metrics if name not in _COUNTS))
    heads = {key: [head[at] for head, _ in rows] for at, key in enumerate(("slice", "value", "count"))}
    return {
        **heads,
        **{name: finite(found.metrics.get(name, float("nan")) for _, found in rows) for name in names},
        "note": ["; ".join(found.notes) for _, found in rows],
    }


_COUNTS = frozenset(
    {
        *("example_count", "true_negatives", "false_positives", "false_negatives", "true_positives"),
        *("sum_on_target", "mean_on_target"),
    }
)


def _rows(
    slicing: Slicing, case: Any, metrics: Callable[[Any], Findings]
) -> Iterator[tuple[tuple[str, str, int], Findings]]:
    counts = np.bincount(slicing.places, minlength=len(slicing.parts))
    for place, part in enumerate(slicing.parts):
        if not counts[place]:
            continue
        try:
            found = metrics(case.rows(slicing.places == place))
        except (MltrackError, ValueError) as error:
            found = Findings(notes=[str(error)])
        if counts[place] < SMALL:
            found.notes.insert(0, f"few rows ({counts[place]}): chance may make the difference")
        yield (slicing.name, part, int(counts[place])), found
