"""``MltrackClient``: what the fluent API does, with explicit ids and MLflow's method names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mltrack import config
from mltrack.entities import RunStatus
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key, check_name, check_time
from mltrack.masking import mask_text
from mltrack.run_names import new_run_name
from mltrack.settings import get_store
from mltrack.store.protocol import NewRun, RunChange
from mltrack.values import make_metric, make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Experiment, Metric, Param, Run, RunTag
    from mltrack.store.protocol import Store


class MltrackClient:
    """Reads and writes a store by ids, without an active run.

    Parameters
    ----------
    tracking_uri
        The store; default: the one of ``mltrack.get_tracking_uri``.

    Notes
    -----
    A refused write is an error here, also one that will pass, such as a full disk.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        self._store = get_store() if tracking_uri is None else _open(tracking_uri)

    @property
    def tracking_uri(self) -> str:
        """The URI of the client's store."""
        return self._store.uri

    def create_experiment(self, name: str, artifact_location: str | None = None) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken."""
        return self._store.create_experiment(name, artifact_location=artifact_location)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment; NotFoundError when there is none."""
        return self._store.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, or None."""
        return self._store.get_experiment_by_name(name)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run that belongs to no process; end it with ``set_terminated``."""
        kept = tuple(make_tag(key, value) for key, value in (tags or {}).items())
        start = _now() if start_time is None else check_time("start_time", start_time)
        name = mask_text(check_name(run_name, "run")) if run_name else new_run_name()
        info = self._store.create_run(NewRun(experiment_id, name, start, "", kept))
        return self._store.get_run(info.run_id)

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data; NotFoundError when there is none."""
        return self._store.get_run(run_id)

    def log_metric(
        self, run_id: str, key: str, value: float, timestamp: int | None = None, step: int | None = None
    ) -> None:
        """Log one point of a metric; see ``mltrack.log_metric``."""
        self._store.log_batch(run_id, metrics=[make_metric(key, value, step, timestamp)])

    def log_param(self, run_id: str, key: str, value: Any) -> Any:
        """Log a param and give its value back; see ``mltrack.log_param``."""
        self._store.log_batch(run_id, params=[make_param(key, value)])
        return value

    def set_tag(self, run_id: str, key: str, value: Any) -> None:
        """Set a tag; see ``mltrack.set_tag``."""
        self._store.log_batch(run_id, tags=[make_tag(key, value)])

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Log up to 1,000 metrics, 100 params and 100 tags, 1,000 items in all: everything or nothing."""
        self._store.log_batch(
            run_id,
            metrics=[make_metric(each.key, each.value, each.step, each.timestamp) for each in metrics],
            params=[make_param(each.key, each.value) for each in params],
            tags=[make_tag(each.key, each.value) for each in tags],
        )

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value."""
        return self._store.metric_history(run_id, check_key(key, "metric"))

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run as FINISHED or another final status, now or at ``end_time`` (ms since 1970)."""
        if status not in (None, "FINISHED", "FAILED", "KILLED"):
            raise InvalidParameterError(f"A run cannot end as {status!r}; FINISHED, FAILED and KILLED are ends.")
        end = _now() if end_time is None else check_time("end_time", end_time)
        self._store.update_run(run_id, RunChange(status=RunStatus(status or "FINISHED"), end_time=end))


def _open(uri: str) -> Store:
    from mltrack.store.sqlite import SqliteStore  # the driver is loaded when something is read or written

    return SqliteStore(config.store_path(uri))


def _now() -> int:
    return time.time_ns() // 1_000_000
