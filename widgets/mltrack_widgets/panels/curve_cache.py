"""Curves of runs that are over: read once for as long as nothing is logged to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Metric, Run
    from mltrack.store.protocol import Store
    from mltrack.store.summaries import Curve, CurveQuery

    Key = tuple[str, tuple[str, ...], int]

MOST_RUNS = 200


class CurveCache:
    """Reads curves from end to end, and keeps those of runs that are over; a panel that grows reads the others only."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[tuple[Metric, ...], list[Curve]]] = {}

    def read(self, store: Store, runs: Sequence[Run], wanted: CurveQuery) -> list[Curve]:
        """Give the curves that the query asks of these runs, in its order."""
        if not runs or not wanted.keys:
            return []
        known = {run.info.run_id: curves for run in runs if (curves := self._known(run, wanted)) is not None}
        missing = tuple(run_id for run_id in wanted.run_ids if run_id not in known)
        found: dict[str, list[Curve]] = {**known, **{run_id: [] for run_id in missing}}
        for curve in store.metric_curves(replace(wanted, run_ids=missing)) if missing else ():
            found[curve.run_id].append(curve)
        self._keep({_key(run, wanted): (run.data.latest, found[run.info.run_id]) for run in runs if _is_over(run)})
        return [curve for run_id in wanted.run_ids for curve in found[run_id]]

    def _known(self, run: Run, wanted: CurveQuery) -> list[Curve] | None:
        latest, curves = self._kept.get(_key(run, wanted), ((), None))
        return curves if _is_over(run) and latest == run.data.latest else None

    def _keep(self, new: dict[Key, tuple[tuple[Metric, ...], list[Curve]]]) -> None:
        self._kept = {**self._kept, **new}
        if len(self._kept) > MOST_RUNS:
            self._kept = new


def _key(run: Run, wanted: CurveQuery) -> Key:
    return run.info.run_id, wanted.keys, wanted.points


def _is_over(run: Run) -> bool:
    return RunStatus(run.info.status).is_final
