"""The experiments of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import Experiment, LifecycleStage
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.rest.paging import pages
from mltrack.rest.part import RestPart
from mltrack.store.pages import Search
from mltrack.wire.runs import read_experiment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import ExperimentTag


class RestExperiments(RestPart):
    """Experiments: made, read, renamed, deleted, restored, tagged."""

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Sequence[ExperimentTag] = ()
    ) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken, also by a deleted one."""
        body: dict[str, object] = {"name": name, "tags": [{"key": tag.key, "value": tag.value} for tag in tags]}
        if artifact_location is not None:
            body["artifact_location"] = str(artifact_location)
        made = self._transport.call("POST", "experiments/create", body=body, retry=False)
        self._changed()
        return str(made.get("experiment_id", ""))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment, deleted or not; NotFoundError when there is none."""
        _check_id(experiment_id)
        found = self._transport.call("GET", "experiments/get", query={"experiment_id": experiment_id})
        return read_experiment(found.get("experiment") or {})

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, deleted or not, or None."""
        try:
            found = self._transport.call("GET", "experiments/get-by-name", query={"experiment_name": name})
        except NotFoundError:
            return None
        return read_experiment(found.get("experiment") or {})

    def list_experiments(self) -> list[Experiment]:
        """Give all active experiments, the last created first."""
        search = Search(max_results=1000)
        return [each for page in pages(self._search_experiments, search) for each in page.rows]

    def update_experiment(
        self, experiment_id: str, *, name: str | None = None, lifecycle_stage: str | None = None
    ) -> None:
        """Rename an experiment, or delete it (softly, with its runs) or restore it."""
        _check_id(experiment_id)
        if lifecycle_stage is not None:
            if lifecycle_stage not in tuple(LifecycleStage):
                raise InvalidParameterError(f"{lifecycle_stage!r} is no lifecycle stage; active and deleted are.")
            verb = "delete" if lifecycle_stage == LifecycleStage.DELETED else "restore"
            self._settle()
            self._transport.call("POST", f"experiments/{verb}", body={"experiment_id": experiment_id}, retry=False)
        if name is not None:
            body = {"experiment_id": experiment_id, "new_name": name}
            self._transport.call("POST", "experiments/update", body=body)
        self._changed()

    def set_experiment_tags(self, experiment_id: str, tags: Sequence[ExperimentTag]) -> None:
        """Set tags of an active experiment, one after another; earlier values are overwritten."""
        _check_id(experiment_id)
        for tag in tags:
            body = {"experiment_id": experiment_id, "key": tag.key, "value": tag.value}
            self._transport.call("POST", "experiments/set-experiment-tag", body=body)
        self._changed()

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off an active experiment; NotFoundError when it has none of that key."""
        _check_id(experiment_id)
        body = {"experiment_id": experiment_id, "key": key}
        self._transport.call("POST", "experiments/delete-experiment-tag", body=body, retry=False)
        self._changed()


def _check_id(experiment_id: object) -> None:
    """Refuse what is no id before a server is asked, which may answer anything."""
    if not isinstance(experiment_id, str) or not experiment_id.isascii() or not experiment_id.isdigit():
        raise InvalidParameterError(
            f"{str(experiment_id)[:80]!r} is no experiment id; one is a whole number as text, such as '0'."
        )
