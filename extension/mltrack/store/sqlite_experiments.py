"""The experiments of an SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.config import ARTIFACT_FOLDER
from mltrack.entities import LifecycleStage
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.keys import check_name
from mltrack.store import experiments
from mltrack.store.artifacts import artifact_place
from mltrack.store.base import SqlitePart, now_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Experiment, ExperimentTag


class SqliteExperiments(SqlitePart):
    """Experiments: made, read, renamed, deleted, restored, tagged."""

    _artifact_root: str = ARTIFACT_FOLDER

    def keep_artifacts_at(self, root: str) -> None:
        """Let the artifacts of new experiments, and of those without runs and models, go below a root."""
        self._artifact_root = root
        if not self.is_read_only:
            self._database.write_durably(experiments.move_unused, root)

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Sequence[ExperimentTag] = ()
    ) -> str:
        """Make an experiment and give its id; AlreadyExistsError when the name is taken, also by a deleted one."""
        check_name(name, "experiment")
        place = None if artifact_location is None else artifact_place(str(artifact_location))
        new = (name, place, tags)
        return str(self._database.write_durably(experiments.insert_experiment, new, now_ms(), self._artifact_root))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Give an experiment, deleted or not; NotFoundError when there is none."""
        number = experiments.experiment_number(experiment_id)
        found = self._database.read(experiments.read_experiments, "id = ?", (number,), self._locate)
        if not found:
            raise NotFoundError(f"There is no experiment with the id {experiment_id!r}.")
        return found[0]

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Give the experiment of that name, deleted or not, or None."""
        found = self._database.read(experiments.read_experiments, "name = ?", (name,), self._locate)
        return found[0] if found else None

    def list_experiments(self) -> list[Experiment]:
        """Give all active experiments, the last created first."""
        return self._database.read(experiments.read_experiments, "lifecycle_stage = 'active'", (), self._locate)

    def update_experiment(
        self, experiment_id: str, *, name: str | None = None, lifecycle_stage: str | None = None
    ) -> None:
        """Rename an experiment, or delete it (softly, with its runs) or restore it.

        Raises
        ------
        NotFoundError
            When there is none, or it is in that stage already.
        AlreadyExistsError
            When another has the name.
        InvalidParameterError
            When a deleted one is to be renamed, or the name or stage is none.
        """
        number = experiments.experiment_number(experiment_id)
        if lifecycle_stage is not None:
            if lifecycle_stage not in tuple(LifecycleStage):
                raise InvalidParameterError(f"{lifecycle_stage!r} is no lifecycle stage; active and deleted are.")
            is_end = lifecycle_stage == LifecycleStage.DELETED
            work = experiments.delete_experiment if is_end else experiments.restore_experiment
            self._database.write_durably(work, number, now_ms())
        if name is not None:
            name = check_name(name, "experiment")
            self._database.write_durably(experiments.rename_experiment, number, name, now_ms())

    def set_experiment_tags(self, experiment_id: str, tags: Sequence[ExperimentTag]) -> None:
        """Set tags of an active experiment, all or none; earlier values are overwritten."""
        number = experiments.experiment_number(experiment_id)
        self._database.write(experiments.set_tags, number, tags, now_ms())

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag off an active experiment; NotFoundError when it has none of that key."""
        self._database.write(experiments.delete_tag, experiments.experiment_number(experiment_id), key, now_ms())
