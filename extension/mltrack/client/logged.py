"""The client's methods for what is logged to a run: metrics, params, tags, inputs, outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.async_logging import DONE
from mltrack.client.base import ClientPart
from mltrack.dataset_limits import check_dataset_input
from mltrack.keys import check_key
from mltrack.values import check_metrics, make_metric, make_param, make_tag, of_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.async_logging import RunOperations
    from mltrack.entities import (
        DatasetInput,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        Param,
        RunTag,
    )


class LoggedMethods(ClientPart):
    """Log to runs and read metrics back.

    Every call has written when it returns; with ``synchronous=False`` it gives an object whose ``wait`` returns at
    once, as code written for MLflow expects.
    """

    def log_metric(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log one point of a metric, perhaps of a logged model and a dataset; see ``mltrack.log_metric``."""
        point = make_metric(key, value, step, timestamp)
        if model_id is not None:
            point = of_model(point, model_id, dataset_name, dataset_digest)
        self._store.log_batch(run_id, metrics=(point,))
        return DONE if synchronous is False else None

    def log_param(
        self,
        run_id: str,
        key: str,
        value: Any,
        synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature
    ) -> Any:
        """Log a param and give its value back; see ``mltrack.log_param``."""
        self._store.log_batch(run_id, params=(make_param(key, value),))
        return DONE if synchronous is False else value

    def set_tag(
        self,
        run_id: str,
        key: str,
        value: Any,
        synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature
    ) -> RunOperations | None:
        """Set a tag; see ``mltrack.set_tag``."""
        self._store.log_batch(run_id, tags=(make_tag(key, value),))
        return DONE if synchronous is False else None

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off a run; NotFoundError when it has none of that key."""
        self._store.delete_tag(run_id, check_key(key, "tag"))

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature
    ) -> RunOperations | None:
        """Log up to 1,000 metrics, 100 params and 100 tags, 1,000 items in all: everything or nothing."""
        self._store.log_batch(
            run_id,
            metrics=check_metrics(metrics),
            params=[make_param(each.key, each.value) for each in params],
            tags=[make_tag(each.key, each.value) for each in tags],
        )
        return DONE if synchronous is False else None

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Note which datasets and logged models a run read, all or none; each is kept once."""
        self._store.log_inputs(run_id, [check_dataset_input(each) for each in datasets or ()], models=models or ())

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models a run made, all or none."""
        self._store.log_outputs(run_id, models)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Give every point of a metric by time, step and value; none for an unknown key."""
        return self._store.metric_history(run_id, check_key(key, "metric"))
