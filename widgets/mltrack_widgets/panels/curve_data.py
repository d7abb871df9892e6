"""What a panel of curves reads: which runs, which of their metrics, and the curves, whole and of a part of x."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mltrack_widgets.card_rows import telling_metrics
from mltrack_widgets.panels.near_names import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mltrack.entities import Run
    from mltrack.store.protocol import Store
    from mltrack.store.summaries import Curve, CurveQuery
    from mltrack_widgets.panels.run_set import RunSet

    # Where the points of a curve are across, by its steps and timestamps.
    Across = Callable[[Curve], Sequence[float]]

MOST_RUNS, MOST_METRICS, MOST_CHOSEN = 30, 24, 6
# A chart is 320 pixels wide: the lowest and the highest of what lies in each of them.
POINTS_OF_VIEW, POINTS_OF_LINE, FEWEST_OF_LINE = 10_000, 640, 20
_MOST_ASKED = 1_000
_SYSTEM = "system/"


@dataclass(frozen=True, slots=True)
class CurveData:
    """Runs and their curves.

    ``total`` is how many runs there are to choose from, ``keys`` all metrics that these runs have (those with curves
    first), ``metrics`` those that are drawn. ``whole`` are the curves from end to end, ``curves`` of what is shown.
    """

    runs: Sequence[Run] = ()
    total: int = 0
    keys: Sequence[str] = ()
    metrics: Sequence[str] = ()
    whole: Sequence[Curve] = ()
    curves: Sequence[Curve] = field(default=())


def read_runs(runs: RunSet, only: Sequence[str], chosen: Sequence[str]) -> tuple[list[Run], int]:
    """Read the runs to draw, and how many there are: those chosen, else ``only`` these, else the first of the set."""
    store = runs.store
    if not only and not chosen:
        found = list(runs.first(MOST_RUNS))
        full = len(found) == MOST_RUNS
        return found, store.count_matching(runs.search(), most=100_000) if full else len(found)
    wanted = [each for each in only if each in chosen] or list(only or chosen)[:_MOST_ASKED]
    there = runs.by_id(wanted)
    return [there[each] for each in wanted if each in there][:MOST_RUNS], len(there)


def metric_names(store: Store, runs: Sequence[Run]) -> tuple[list[str], int]:
    """Give the metrics of runs, those with curves first and those of the machine last, and how many are first."""
    lines = list(store.curve_keys([run.info.run_id for run in runs])) if runs else []
    single = dict.fromkeys(name for run in runs for name in run.data.metrics if name not in lines)
    own = [name for name in lines if not is_of_machine(name)]
    others = [name for name in (*single, *lines) if name not in own]
    return [*telling_metrics(dict.fromkeys(own, 0.0)), *telling_metrics(dict.fromkeys(others, 0.0))], len(own)


def chosen_metrics(keys: Sequence[str], lines: int, *, asked: Sequence[str]) -> list[str]:
    """Give the metrics to draw: those asked for, else the first with curves, or without any the first there are.

    Raises
    ------
    NotFoundError
        When one was asked for that there is not.

    """
    if asked:
        if keys:
            check_names(asked, keys, noun="metric")
        return list(dict.fromkeys(asked))[:MOST_METRICS]
    own = [name for name in keys if not is_of_machine(name)] or list(keys)
    return own[: min(lines, MOST_CHOSEN) if lines else MOST_CHOSEN]


def is_of_machine(metric: str) -> bool:
    """Tell whether a metric is of the machine that a run was made on."""
    return metric.startswith(_SYSTEM)


def points_of_line(runs: int, metrics: int, *, layers: int) -> int:
    """Give how many points a line may have, so that all of a view are 10,000 at most."""
    return max(FEWEST_OF_LINE, min(POINTS_OF_LINE, POINTS_OF_VIEW // max(1, runs * metrics * layers)))


def read_part(store: Store, wanted: CurveQuery, whole: Sequence[Curve], *, across: Mapping[str, Steps]) -> list[Curve]:
    """Read what lies between the first and last step of each run, runs with the same ones together."""
    together: dict[Steps, list[str]] = {}
    for run_id in wanted.run_ids:
        if run_id in across:
            together.setdefault(across[run_id], []).append(run_id)
    found = {
        (curve.run_id, curve.key): curve
        for (low, high), ids in together.items()
        for curve in store.metric_curves(replace(wanted, run_ids=tuple(ids), low=low, high=high))
    }
    order = [(run_id, key) for run_id in wanted.run_ids for key in wanted.keys]
    single = {(curve.run_id, curve.key): curve for curve in whole if curve.count == 1}
    return [found.get(each) or single[each] for each in order if each in found or each in single]


Steps = tuple[int, int]
"""The first and last step of a part."""


def steps_between(whole: Sequence[Curve], span: tuple[float, float], across: Across) -> dict[str, Steps]:
    """Give by run the steps that a part of x spans, with a point before and after it, so that lines go on."""
    found: dict[str, Steps] = {}
    for curve in whole:
        xs, steps = across(curve), curve.steps
        places = _places_between(xs, span)
        if places:
            first, last = steps[max(0, places[0] - 1)], steps[min(len(steps) - 1, places[-1] + 1)]
            low, high = found.get(curve.run_id, (first, last))
            found[curve.run_id] = (min(low, first), max(high, last))
    return found


def _places_between(xs: Sequence[float], span: tuple[float, float]) -> list[int]:
    """Give the points in a part of x, or the one before it when a line crosses it; x may go back, as clocks do."""
    inside = [place for place, x in enumerate(xs) if span[0] <= x <= span[1]]
    return inside or [place for place, (x, after) in enumerate(pairwise(xs)) if x < span[0] and span[1] < after][:1]


def values_of(curve: Curve) -> list[float]:
    """Give the values that can be drawn."""
    return [value for value in curve.values if math.isfinite(value)]
