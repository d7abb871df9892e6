"""What panels ask a store for and what it gives: curves thinned to what can be seen, columns, groups, attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class CurveQuery:
    """Which metrics of which runs to read, with how many points each at most.

    ``low`` and ``high`` are the first and last step that are looked at (None: all there are).
    """

    run_ids: tuple[str, ...]
    keys: tuple[str, ...]
    points: int = 1_000
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one run by step, thinned so that each stretch keeps its lowest and highest value.

    ``steps``, ``timestamps`` (ms since 1970) and ``values`` are points that were logged, in the order of their steps;
    ``count`` is how many there are in the range asked for. The trend is what a smoothed line is drawn from: for each
    stretch its last step and time, the mean of its finite values (NaN where it has none) and how many points it has. A
    series that has no more points than asked for is whole, and its trend is the points themselves.
    """

    run_id: str
    key: str
    count: int
    steps: Sequence[int]
    timestamps: Sequence[int]
    values: Sequence[float]
    trend_steps: Sequence[int]
    trend_times: Sequence[int]
    means: Sequence[float]
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class RunKeys:
    """The names there are in some experiments, those that most runs have first; MLflow's own tags are left out."""

    params: tuple[str, ...]
    metrics: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunColumns:
    """Values of many runs side by side: each column has one for each of ``run_ids``, None where a run has none.

    Columns are named as searches name them (``params.C``, ``metrics.loss``, ``tags.stage``, ``attributes.start_time``).
    """

    run_ids: Sequence[str]
    columns: Mapping[str, Sequence[Value]]


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The runs that have one value of a param or tag (None: those without one).

    ``metrics`` maps names to (how many runs have it, mean, standard deviation of the sample, which is NaN for one run);
    values that are not finite are not counted.
    """

    value: str | None
    count: int
    metrics: Mapping[str, tuple[int, float, float]]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The runs of one cell: the newest that a search finds, and how many of the cell it finds, that one included."""

    run_id: str
    count: int
