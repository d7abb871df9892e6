"""MLflow's tracking store over an mltrack store."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlflow.entities import RunStatus, ViewType
from mlflow.entities.dataset_summary import _DatasetSummary
from mlflow.store.entities import PagedList
from mlflow.store.tracking.abstract_store import AbstractStore

from mltrack.entities import ExperimentTag, LoggedModelInput, LoggedModelOutput, Param, RunTag
from mltrack.exceptions import InvalidParameterError
from mltrack.mlflow_plugin import shapes
from mltrack.mlflow_plugin.opened import in_mlflows_words, opened
from mltrack.run_names import new_run_name
from mltrack.store.model_protocol import NewLoggedModel
from mltrack.store.page_tokens import make_token, read_token
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange

if TYPE_CHECKING:
    from collections.abc import Sequence

_HISTORY = "metric history"
_MOST_DATASETS = 1000  # as MLflow


def _search(text: str | None, most: int | None, order: Sequence[Any] | None, token: str | None, **more: Any) -> Search:
    return Search(
        filter_string=text or None, order_by=tuple(order or ()), max_results=most or 1000, page_token=token, **more
    )


def _view(view_type: Any) -> Any:
    from mltrack.entities import ViewType as Ours  # MLflow's has the same name and numbers

    return Ours.read(view_type or ViewType.ACTIVE_ONLY)


@in_mlflows_words
class MltrackTrackingStore(AbstractStore):  # type: ignore[misc]
    """An mltrack store as MLflow's server and client use one."""

    def __init__(self, store_uri: str | None = None, artifact_uri: str | None = None) -> None:
        del artifact_uri  # experiments say where their artifacts lie
        self._store = opened(str(store_uri))
        super().__init__()

    # Experiments

    def search_experiments(
        self,
        view_type: Any = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """Give one page of the experiments that match."""
        wanted = _search(filter_string, max_results, order_by, page_token, view_type=_view(view_type))
        return shapes.page(self._store.search_experiments(wanted), shapes.experiment)

    def create_experiment(self, name: str, artifact_location: str | None, tags: Any) -> str:
        """Make an experiment and give its id."""
        found = [ExperimentTag(key, value) for key, value in shapes.pairs(tags).items()]
        return self._store.create_experiment(name, artifact_location=artifact_location or None, tags=found)

    def get_experiment(self, experiment_id: str) -> Any:
        """Give an experiment."""
        return shapes.experiment(self._store.get_experiment(str(experiment_id)))

    def get_experiment_by_name(self, experiment_name: str) -> Any:
        """Give the experiment of that name, or None."""
        found = self._store.get_experiment_by_name(experiment_name)
        return None if found is None else shapes.experiment(found)

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment, softly."""
        self._store.update_experiment(str(experiment_id), lifecycle_stage="deleted")

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring a deleted experiment back."""
        self._store.update_experiment(str(experiment_id), lifecycle_stage="active")

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name."""
        self._store.update_experiment(str(experiment_id), name=new_name)

    def set_experiment_tag(self, experiment_id: str, tag: Any) -> None:
        """Set a tag of an experiment."""
        self._store.set_experiment_tags(str(experiment_id), [ExperimentTag(tag.key, str(tag.value))])

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off an experiment."""
        self._store.delete_experiment_tag(str(experiment_id), key)

    # Runs

    def get_run(self, run_id: str) -> Any:
        """Give a run."""
        return shapes.run(self._store.get_run(run_id))

    def create_run(self, experiment_id: str, user_id: str, start_time: int, tags: Any, run_name: str) -> Any:
        """Make a run."""
        found = shapes.pairs(tags)
        name = run_name or found.get("mlflow.runName") or new_run_name()
        kept = tuple(RunTag(key, value) for key, value in found.items())
        begun = start_time or time.time_ns() // 1_000_000
        made = self._store.create_run(NewRun(str(experiment_id), name, begun, user_id or "", kept))
        return shapes.run(self._store.get_run(made.run_id))

    def update_run_info(self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None) -> Any:
        """Change a run's status, end or name."""
        status = None if run_status is None else RunStatus.to_string(run_status)
        return shapes.info(self._store.update_run(run_id, RunChange(status, end_time, run_name or None)))

    def delete_run(self, run_id: str) -> None:
        """Delete a run, softly."""
        self._store.set_run_lifecycle(run_id, "deleted")

    def restore_run(self, run_id: str) -> None:
        """Bring a deleted run back."""
        self._store.set_run_lifecycle(run_id, "active")

    def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
        """Write all of it or nothing."""
        self._store.log_batch(
            run_id,
            metrics=shapes.read_metrics(metrics or ()),
            params=[Param(key, value) for key, value in shapes.pairs(params).items()],
            tags=[RunTag(key, value) for key, value in shapes.pairs(tags).items()],
        )

    def log_metric(self, run_id: str, metric: Any) -> None:
        """Log one point."""
        self.log_batch(run_id, [metric], (), ())

    def log_param(self, run_id: str, param: Any) -> None:
        """Log one param."""
        self.log_batch(run_id, (), [param], ())

    def set_tag(self, run_id: str, tag: Any) -> None:
        """Set one tag."""
        self.log_batch(run_id, (), (), [tag])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag off a run."""
        self._store.delete_tag(run_id, key)

    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList:
        """Give the points of a metric by time, step and value: all, or a page of so many."""
        points = self._store.metric_history(run_id, metric_key)
        begin = read_token(page_token, of=_HISTORY)
        end = len(points) if max_results is None else begin + max_results
        token = make_token(end, of=_HISTORY) if end < len(points) else None
        return PagedList([shapes.metric(each) for each in points[begin:end]], token)

    def _search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: Any,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> tuple[list[Any], str | None]:
        """Give one page of the runs that match, and the token of the next one."""
        wanted = _search(
            filter_string,
            max_results,
            order_by,
            page_token,
            experiment_ids=tuple(map(str, experiment_ids)),
            view_type=_view(run_view_type),
        )
        found = self._store.search_runs(wanted)
        return [shapes.run(each) for each in found.rows], found.token

    def _search_datasets(self, experiment_ids: Sequence[str]) -> list[Any]:
        """Give the datasets that runs of these experiments read, each once, for the filter of MLflow's table."""
        wanted = Search(tuple(map(str, experiment_ids)))
        found: dict[tuple[str, str, str, str | None], None] = {}
        while len(found) < _MOST_DATASETS:
            page = self._store.search_runs(wanted)
            for each in page.rows:
                found |= dict.fromkeys(shapes.dataset_keys(each))
            if page.token is None:
                break
            wanted = replace(wanted, page_token=page.token)
        return [_DatasetSummary(*each) for each in list(found)[:_MOST_DATASETS]]

    def log_inputs(self, run_id: str, datasets: Any = None, models: Any = None) -> None:
        """Note what a run read."""
        inputs = [LoggedModelInput(each.model_id) for each in models or ()]
        self._store.log_inputs(run_id, shapes.read_dataset_inputs(datasets or ()), models=inputs)

    def log_outputs(self, run_id: str, models: Any) -> None:
        """Note which logged models a run made."""
        self._store.log_outputs(run_id, [LoggedModelOutput(each.model_id, each.step) for each in models])

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:
        """Keep what MLflow's clients of before 3.0 say of a model that was logged; the files say it as well."""

    # Logged models

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Any = None,
        params: Any = None,
        model_type: str | None = None,
    ) -> Any:
        """Make a logged model."""
        new = NewLoggedModel(
            str(experiment_id), name, model_type or "", source_run_id, shapes.pairs(params), shapes.pairs(tags)
        )
        return shapes.logged_model(self._store.create_logged_model(new))

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Any = None,
        max_results: int | None = None,
        order_by: Any = None,
        page_token: str | None = None,
    ) -> PagedList:
        """Give one page of the logged models that match."""
        named = tuple(
            {"dataset_name": each.get("dataset_name"), "dataset_digest": each.get("dataset_digest")}
            for each in datasets or ()
        )
        wanted = _search(
            filter_string,
            max_results or 100,
            order_by,
            page_token,
            experiment_ids=tuple(map(str, experiment_ids)),
            datasets=named,
        )
        return shapes.page(self._store.search_logged_models(wanted), shapes.logged_model)

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        """Say how the making of a logged model ended."""
        name = getattr(status, "value", status)
        return shapes.logged_model(self._store.finalize_logged_model(model_id, str(name)))

    def set_logged_model_tags(self, model_id: str, tags: Any) -> None:
        """Set tags of a logged model."""
        self._store.set_logged_model_tags(model_id, shapes.pairs(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a logged model."""
        self._store.delete_logged_model_tag(model_id, key)

    def log_logged_model_params(self, model_id: str, params: Any) -> None:
        """Log params of a logged model."""
        self._store.log_logged_model_params(model_id, shapes.pairs(params))

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> Any:  # noqa: FBT001, FBT002 - MLflow's signature
        """Give a logged model."""
        del allow_deleted
        return shapes.logged_model(self._store.get_logged_model(model_id))

    def delete_logged_model(self, model_id: str) -> None:
        """Delete a logged model, softly."""
        self._store.delete_logged_model(model_id)

    # What an mltrack store has none of, so that MLflow's pages are empty and not broken

    def search_traces(self, *arguments: Any, **options: Any) -> tuple[list[Any], None]:
        """Give no traces."""
        del arguments, options
        return [], None

    def search_datasets(self, *arguments: Any, **options: Any) -> PagedList:
        """Give no evaluation datasets."""
        del arguments, options
        return PagedList([], None)

    def list_scorers(self, experiment_id: str) -> list[Any]:
        """Give no scorers."""
        del experiment_id
        return []

    def link_traces_to_run(self, trace_ids: Any, run_id: str) -> None:
        """Refuse: there are no traces."""
        del trace_ids
        raise InvalidParameterError(f"An mltrack store keeps no traces; those of run {run_id!r} cannot be linked.")
