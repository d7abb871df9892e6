"""The client's methods for runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.client.base import ClientPart, as_ids, as_order, now_ms
from mltrack.entities import LifecycleStage, PagedList, RunStatus, ViewType
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import PARENT_TAG, RUN_NAME_TAG, USER_TAG, check_name, check_time
from mltrack.masking import mask_text
from mltrack.run_names import chosen_name
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange
from mltrack.values import make_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import Run


class RunMethods(ClientPart):
    """Make, read, find, change, end, delete and restore runs."""

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run that belongs to no process; end it with ``set_terminated``."""
        kept = {key: make_tag(key, value) for key, value in (tags or {}).items()}
        start = now_ms() if start_time is None else check_time("start_time", start_time)
        tagged = kept[RUN_NAME_TAG].value if RUN_NAME_TAG in kept else None
        name = chosen_name(run_name, tagged)
        user = kept[USER_TAG].value if USER_TAG in kept else "unknown"
        info = self._store.create_run(NewRun(str(experiment_id), name, start, user, tuple(kept.values())))
        return self._store.get_run(info.run_id)

    def get_run(self, run_id: str) -> Run:
        """Give a run with its data, deleted or not; NotFoundError when there is none."""
        return self._store.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        """Give the run that this one is a child of, or None."""
        parent_id = self._store.get_run(run_id).data.tags.get(PARENT_TAG)
        return self._store.get_run(parent_id) if parent_id else None

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = "",
        run_view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Give one page of the runs that match, the last started first unless ``order_by`` says otherwise.

        Parameters
        ----------
        experiment_ids
            Where to look; without any nothing is found.
        filter_string
            Such as ``"metrics.accuracy > 0.9 AND params.C = '0.5'"``.
        run_view_type
            ``ACTIVE_ONLY``, ``DELETED_ONLY``, ``ALL``, or MLflow's 1, 2, 3.
        max_results
            Rows of a page, 1 to 50,000.
        order_by
            Such as ``["metrics.accuracy DESC"]``.
        page_token
            The ``token`` of the page before.
        """
        search = Search(
            as_ids(experiment_ids),
            filter_string,
            as_order(order_by),
            ViewType.read(run_view_type),
            max_results,
            page_token,
        )
        page = self._store.search_runs(search)
        return PagedList(page.rows, page.token)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change a run's status or name; a status that ends it ends it now, unless it has an end already."""
        shown = None if name is None else mask_text(check_name(name, "run"))
        if status is None and shown is None:
            return
        kind = None if status is None else _status(status)
        self._store.update_run(run_id, RunChange(status=kind, run_name=shown))

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run as FINISHED or another final status, now or at ``end_time`` (ms since 1970)."""
        kind = RunStatus.FINISHED if status is None else _status(status)
        if not kind.is_final:
            raise InvalidParameterError(f"A run cannot end as {status!r}; FINISHED, FAILED and KILLED are ends.")
        end = now_ms() if end_time is None else check_time("end_time", end_time)
        self._store.update_run(run_id, RunChange(status=kind, end_time=end))

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted; ``restore_run`` brings it back, ``gc`` removes it with its artifacts."""
        self._store.set_run_lifecycle(run_id, LifecycleStage.DELETED)

    def restore_run(self, run_id: str) -> None:
        """Bring a deleted run back."""
        self._store.set_run_lifecycle(run_id, LifecycleStage.ACTIVE)


def _status(status: str) -> RunStatus:
    try:
        return RunStatus(status)
    except ValueError:
        names = ", ".join(RunStatus)
        raise InvalidParameterError(f"{str(status)[:80]!r} is no status of a run; these are: {names}.") from None
