"""A frame of logged values as curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.store.summaries import Curve
from mltrack_widgets.charts.columns import column, columns_of, number_of, text_of

if TYPE_CHECKING:
    from mltrack_widgets.charts.columns import Frame


def names_of(frame: Frame) -> dict[str, str]:
    """Give the labels of the runs in a frame by their ids, in the order of the rows."""
    columns = columns_of(frame)
    labels = [text_of(label) for label in _runs(columns)]
    names: dict[str, str] = {}
    for run_id, label in zip(_ids(columns), labels, strict=True):
        names.setdefault(run_id, label)
    return names


def _runs(columns: dict[str, list[Any]]) -> list[Any]:
    return list(columns["run"] if "run" in columns else column(columns, "run_id"))


def _ids(columns: dict[str, list[Any]]) -> list[str]:
    return [text_of(run) for run in columns.get("run_id", _runs(columns))]


def curves_of(frame: Frame) -> list[Curve]:
    """Give the curves in a frame: a row a value, in the order of their steps.

    Without ``step`` values count from 0 in each curve; without ``timestamp`` all times are 0.
    """
    columns = columns_of(frame)
    ids, metrics = _ids(columns), [text_of(name) for name in column(columns, "metric")]
    values = [number_of(value) for value in column(columns, "value")]
    rows: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    steps, times = columns.get("step"), columns.get("timestamp")
    for place, key in enumerate(zip(ids, metrics, strict=True)):
        curve = rows.setdefault(key, [])
        step = len(curve) if steps is None else _whole(steps[place])
        if step is not None:
            curve.append((step, 0 if times is None else _milliseconds(times[place]), values[place]))
    return [_curve(*key, sorted(points, key=lambda point: point[:2])) for key, points in rows.items()]


def _whole(step: Any) -> int | None:
    number = number_of(step)
    return int(number) if abs(number) < 2**63 else None  # NaN is not below anything


def _milliseconds(time: Any) -> int:
    if hasattr(time, "timestamp"):
        return int(time.timestamp() * 1_000)
    return _whole(time) or 0


def _curve(run_id: str, metric: str, points: list[tuple[int, int, float]]) -> Curve:
    steps, times, values = [step for step, _, _ in points], [time for _, time, _ in points], [y for _, _, y in points]
    return Curve(run_id, metric, len(points), steps, times, values, steps, times, values, [1] * len(points))
