"""The fluent API's verbs for experiments, with MLflow's names and arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.entities import LifecycleStage, ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key
from mltrack.settings import current_experiment_id, get_store, state
from mltrack.store.pages import Search
from mltrack.values import make_experiment_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Experiment

PAGE = 1000


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Make an experiment and give its id; AlreadyExistsError when the name is taken, also by a deleted one."""
    kept = [make_experiment_tag(key, value) for key, value in (tags or {}).items()]
    return get_store().create_experiment(name, artifact_location=artifact_location, tags=kept)


def get_experiment(experiment_id: str) -> Experiment:
    """Give an experiment, deleted or not; NotFoundError when there is none."""
    return get_store().get_experiment(str(experiment_id))


def get_experiment_by_name(name: str) -> Experiment | None:
    """Give the experiment of that name, deleted or not, or None."""
    return get_store().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Give all experiments that match (or the first ``max_results``), the last created first by default.

    Parameters
    ----------
    view_type
        ``ACTIVE_ONLY``, ``DELETED_ONLY``, ``ALL``, or MLflow's 1, 2, 3.
    filter_string
        Such as ``"name LIKE 'fraud%' AND tags.team = 'risk'"``.
    order_by
        Such as ``["name", "last_update_time DESC"]``.
    """
    if max_results is not None and (type(max_results) is not int or max_results < 1):
        raise InvalidParameterError(f"max_results must be a whole number from 1; got {str(max_results)[:80]!r}.")
    found: list[Experiment] = []
    token, view = None, ViewType.read(view_type)
    order = order_by if isinstance(order_by, str) else tuple(order_by or ())
    while True:
        size = PAGE if max_results is None else min(PAGE, max_results - len(found))
        search = Search((), filter_string, order, view, size, token)  # type: ignore[arg-type] # it refuses a text
        page = get_store().search_experiments(search)
        found += page.rows
        token = page.token
        if token is None or len(found) == max_results:
            return found


def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment and its runs deleted; ``restore_experiment`` brings them back, ``gc`` removes them."""
    get_store().update_experiment(str(experiment_id), lifecycle_stage=LifecycleStage.DELETED)
    if state.experiment_id == str(experiment_id):
        state.experiment_id = None


def restore_experiment(experiment_id: str) -> None:
    """Bring a deleted experiment back, with the runs that were deleted with it."""
    get_store().update_experiment(str(experiment_id), lifecycle_stage=LifecycleStage.ACTIVE)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the chosen experiment, as text of at most 20,000 characters; an earlier value is overwritten."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags of the chosen experiment, all or none."""
    kept = [make_experiment_tag(key, value) for key, value in tags.items()]
    state.backlog.do(get_store().set_experiment_tags, current_experiment_id(), kept)


def delete_experiment_tag(key: str) -> None:
    """Take a tag off the chosen experiment; NotFoundError when it has none of that key."""
    get_store().delete_experiment_tag(current_experiment_id(), check_key(key, "tag"))
