"""Which logged model and dataset the points of a run say something of, where the call names them or they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.active_model import get_active_model_id, has_models, models_of
from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import Dataset, DatasetInput, LoggedModelInput
from mltrack.settings import state
from mltrack.values import of_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Metric
    from mltrack.store.protocol import Store

_MOST_NOTED = 4096
_noted: dict[tuple[str, ...], None] = {}


def attributed(
    store: Store, run_id: str, points: Sequence[Metric], model_id: str | None, dataset: Any
) -> Sequence[Metric]:
    """Give the points with the model that they are of: the one named, the active one, or those made at their step.

    A model that the run did not make, and the dataset, become inputs of the run, as in MLflow.
    """
    chosen = model_id or get_active_model_id()
    if chosen is None and dataset is None and not has_models(run_id):
        return points
    name, digest = _noted_dataset(store, run_id, dataset)
    if chosen is not None:
        _note_model(store, run_id, chosen)
    found = []
    for point in points:
        owners = (chosen,) if chosen is not None else models_of(run_id, point.step) or (None,)
        found += [of_model(point, owner, name, digest) for owner in owners]
    return found


def _noted_dataset(store: Store, run_id: str, dataset: Any) -> tuple[str | None, str | None]:
    if dataset is None:
        return None, None
    if not isinstance(dataset, Dataset):
        from mltrack.data.convert import as_dataset  # with the first dataset comes what looks into it

        dataset = as_dataset(dataset).to_entity()
    if _is_new(store.uri, run_id, dataset.name, dataset.digest):
        state.backlog.do(store.log_inputs, run_id, [check_dataset_input(DatasetInput(dataset))])
    return dataset.name, dataset.digest


def _note_model(store: Store, run_id: str, model_id: str) -> None:
    if not _is_new(store.uri, run_id, model_id):
        return
    made = {each.model_id for each in store.get_run(run_id).outputs.model_outputs}
    if model_id not in made:
        state.backlog.do(store.log_inputs, run_id, models=[LoggedModelInput(model_id)])


def _is_new(*what: str) -> bool:
    """Say whether this process has not noted that yet, and remember that it has."""
    if what in _noted:
        return False
    _noted[what] = None
    while len(_noted) > _MOST_NOTED:
        _noted.pop(next(iter(_noted)))
    return True
