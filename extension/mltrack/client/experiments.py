"""The client's methods for experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.client.base import ClientPart, as_order
from mltrack.entities import LifecycleStage, PagedList, ViewType
from mltrack.keys import check_key
from mltrack.store.pages import Search
from mltrack.values import make_experiment_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Experiment


class ExperimentMethods(ClientPart):
    """Make, read, find, rename, delete, restore and tag experiments."""

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken, also by a deleted one."""
        kept = [make_experiment_tag(key, value) for key, value in (tags or {}).items()]
        return self._store.create_experiment(name, artifact_location=artifact_location, tags=kept)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment, deleted or not; NotFoundError when there is none."""
        return self._store.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, deleted or not, or None."""
        return self._store.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Give one page of the experiments that match, the last created first unless ``order_by`` says otherwise.

        Parameters
        ----------
        view_type
            ``ACTIVE_ONLY``, ``DELETED_ONLY``, ``ALL``, or MLflow's 1, 2, 3.
        max_results
            Rows of a page, 1 to 50,000.
        filter_string
            Such as ``"name LIKE 'fraud%' AND tags.team = 'risk'"``.
        order_by
            Such as ``["name", "last_update_time DESC"]``.
        page_token
            The ``token`` of the page before.
        """
        size = 1000 if max_results is None else max_results
        search = Search((), filter_string, as_order(order_by), ViewType.read(view_type), size, page_token)
        page = self._store.search_experiments(search)
        return PagedList(page.rows, page.token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name; AlreadyExistsError when it is taken."""
        self._store.update_experiment(str(experiment_id), name=new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and its runs deleted; ``restore_experiment`` brings them back, ``gc`` removes them."""
        self._store.update_experiment(str(experiment_id), lifecycle_stage=LifecycleStage.DELETED)

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring a deleted experiment back, with the runs that were deleted with it."""
        self._store.update_experiment(str(experiment_id), lifecycle_stage=LifecycleStage.ACTIVE)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment, as text of at most 20,000 characters; an earlier value is overwritten."""
        self._store.set_experiment_tags(str(experiment_id), [make_experiment_tag(key, value)])

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off an experiment; NotFoundError when it has none of that key."""
        self._store.delete_experiment_tag(str(experiment_id), check_key(key, "tag"))
