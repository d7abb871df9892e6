"""Runs in a real store for tests of panels."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from mltrack import MltrackClient
from mltrack.entities import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_last = 0
HOSTILE = (
    "<script>window.__xss = 1</script>",
    "**bold** [link](javascript:alert(1))",
    "\u202eevil",
    "datum.x",
    "__proto__",
    '{"signal": "window.__xss = 1"}',
    'run\'s "quoted" `name`',
    "long-" * 60,
)


def add_run(
    name: str = "run",
    *,
    params: Mapping[str, object] | None = None,
    metrics: Mapping[str, Sequence[float] | float] | None = None,
    experiment: str = "cancer",
) -> str:
    """Log a run that is over: series by step, a second between points, and single values; gives its id."""
    client = MltrackClient()
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    run = client.create_run(experiment_id, start_time=_later(), run_name=name)
    run_id, start = run.info.run_id, run.info.start_time
    for key, value in (params or {}).items():
        client.log_param(run_id, key, value)
    for key, values in (metrics or {}).items():
        series = [values] if isinstance(values, (int, float)) else values
        points = [Metric(key, value, start + 1_000 * step, step) for step, value in enumerate(series)]
        for first in range(0, len(points), 1_000):
            client.log_batch(run_id, metrics=points[first : first + 1_000])
    client.set_terminated(run_id)
    return run_id


def _later() -> int:
    """Give a time after those given before, so that runs have an order."""
    global _last  # noqa: PLW0603 - one clock for all tests
    _last = max(_last + 1, time.time_ns() // 1_000_000)
    return _last


def falling(points: int, *, rate: float = 3.0) -> list[float]:
    """Give values that fall from 1 towards 0.05."""
    return [math.exp(-rate * step / points) + 0.05 for step in range(points)]
