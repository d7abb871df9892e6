"""Carries what another tracker's store holds into this one: experiments and runs, models, then the files."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.importers.artifact_copy import ArtifactCopier
from mltrack.importers.artifact_places import Place
from mltrack.importers.fitting import Fitting
from mltrack.importers.model_transfer import ModelTransfer
from mltrack.importers.summary import ImportSummary
from mltrack.sizes import human_size
from mltrack.store.artifacts import artifact_place, is_remote
from mltrack.store.import_writer import ImportWriter, RunPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mltrack.importers.artifact_places import ArtifactPlaces
    from mltrack.store.foreign import ForeignExperiment, ForeignModel, ForeignRun, ForeignStore
    from mltrack.store.import_writer import Added
    from mltrack.store.sqlite import SqliteStore

PART_POINTS = 20_000  # a transaction of so many rows takes some 50 ms, for which other writers wait
RUN_WEIGHT = 50  # a run without points is as much work as so many points


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose: one ``experiment`` (name or id) or all, and whether files are copied or stay."""

    experiment: str | None = None
    copy_artifacts: bool = True
    say: Callable[[str], object] | None = None


class Transfer:
    """One import of one foreign store."""

    def __init__(
        self, source: ForeignStore, store: SqliteStore, *, places: ArtifactPlaces | None, choices: Choices
    ) -> None:
        self._source, self._places, self._choices = source, places, choices
        self.summary = ImportSummary(source.description, str(store.path))
        self._writer = ImportWriter(store)
        self._fitting = Fitting(self.summary)
        self._copier = ArtifactCopier(self._writer, self.summary, self._tick_files)
        self._models = ModelTransfer(store, self._fitting, self.summary)
        self._folders: dict[str, Path] = {}
        self._files: dict[str, Mapping[str, bytes]] = {}
        self._states: dict[str, str] = {}
        self._still_running = self._total = 0
        self._started = self._said = time.monotonic()

    def run(self) -> ImportSummary:
        """Carry everything over; what is here already is left as it is."""
        experiments = [each for each in self._source.experiments() if self._is_chosen(each)]
        if not experiments and self._choices.experiment is not None:
            raise NotFoundError(f"There is no experiment {self._choices.experiment!r} in {self._source.description}.")
        self._total = self._source.count_runs()
        for each in experiments:
            self._carry_experiment(self._fitting.experiment(each))
        if self._choices.experiment is None:
            self._models.carry_registry(self._source)
        self._models.carry_links(self._source)
        self._count_runs()
        self._carry_files()
        self._models.note_digests()
        self._writer.finish()
        for what, count in self._source.skipped().items():
            self.summary.skip(what, count)
        self.summary.seconds = time.monotonic() - self._started
        return self.summary

    def _is_chosen(self, experiment: ForeignExperiment) -> bool:
        return self._choices.experiment in (None, experiment.name, experiment.experiment_id)

    def _carry_experiment(self, experiment: ForeignExperiment) -> None:
        number, how = self._writer.place_experiment(experiment)
        self.summary.experiments += how == "new"
        if experiment.experiment_id and number != experiment.experiment_id:
            self.summary.note(
                f"experiment {experiment.name!r} ({experiment.experiment_id}) is experiment {number} here ({how})"
            )
        for batch in _batches(self._parts(experiment, int(number))):
            for added in self._writer.write(batch):
                self._count(added)
            self._tick(f"{len(self._states):,} of {self._total:,} runs, {self.summary.points:,} points")
        for model in self._source.models(experiment):
            self._carry_model(model, number)

    def _carry_model(self, model: ForeignModel, experiment_id: str) -> None:
        place = self._find(model.artifact_uri, model.model_id)
        folder = self._models.carry(model, experiment_id, self._kept_place(place))
        if folder is not None and place.folder is not None and self._choices.copy_artifacts:
            self._copier.copy_model(model.model_id, place.folder, folder)

    def _parts(self, experiment: ForeignExperiment, number: int) -> Iterator[RunPart]:
        for foreign in self._source.runs(experiment):
            run = self._fitting.run(foreign)
            if run is None:
                continue
            self._still_running += run.status == RunStatus.RUNNING
            place = self._place_of(run)
            points = iter(run.points)
            part, is_first = list(islice(points, PART_POINTS)), True
            while part or is_first:
                following = list(islice(points, PART_POINTS))
                yield RunPart(run, number, place, part, is_first=is_first, is_last=not following)
                part, is_first = following, False

    def _place_of(self, run: ForeignRun) -> str | None:
        """Note where the run's files come from; gives the place that they stay at, or None for that of this store."""
        if run.files:
            self._files[run.run_id] = run.files
        self._models.remember(run)
        place = self._find(run.artifact_uri, run.run_id)
        if place.folder is not None and self._choices.copy_artifacts:
            self._folders[run.run_id] = place.folder
        return self._kept_place(place)

    def _find(self, uri: str, owner: str) -> Place:
        place = self._places.find(uri, owner) if self._places else Place()
        if place.is_missing:
            self.summary.skip("artifact folders that were not found")
            self.summary.note(f"no artifacts at {place.expected}: say where they are now, if they were moved")
        return place

    def _kept_place(self, place: Place) -> str | None:
        """Give the place that artifacts stay at; None when they come here, or are nowhere."""
        if place.folder is not None:
            return None if self._choices.copy_artifacts else str(place.folder.absolute())
        if place.remote is None:
            return None
        try:
            kept = artifact_place(place.remote) if is_remote(place.remote) else None
        except InvalidParameterError:
            kept = None
        if kept is None:
            self.summary.skip("artifact folders at places that mltrack cannot open")
            self.summary.note(f"artifacts stay at {place.remote.partition(':')[0]}:, which mltrack cannot open")
            return None
        self.summary.skip("remote artifact folders, which stay where they are")
        return kept

    def _count(self, added: Added) -> None:
        counts = added.counts
        for kind in ("points", "params", "tags", "inputs"):
            setattr(self.summary, kind, getattr(self.summary, kind) + counts.get(kind, 0))
        is_more = any(counts.values())
        before = self._states.get(added.run_id)
        if before is None or (before == "there" and is_more):
            self._states[added.run_id] = "updated" if added.state == "there" and is_more else added.state

    def _count_runs(self) -> None:
        counts = Counter(self._states.values())
        self.summary.runs_new, self.summary.runs_updated = counts["new"], counts["updated"]
        self.summary.runs_unchanged = counts["there"]
        if counts["busy"]:
            self.summary.skip("runs that a process of this store is writing", counts["busy"])
        if self._still_running:
            self.summary.note(
                f"{self._still_running:,} of the runs had not ended there and are RUNNING here: "
                "import again when they have"
            )

    def _carry_files(self) -> None:
        for run_id, folder in self._folders.items():
            if self._states.get(run_id) != "busy":
                self._copier.copy_run(run_id, folder, self._writer.artifact_folder(run_id))
        for run_id, files in self._files.items():
            if self._states.get(run_id) != "busy":
                self._copier.write_texts(run_id, files, self._writer.artifact_folder(run_id))

    def _tick_files(self) -> None:
        self._tick(f"{self.summary.artifacts:,} files, {human_size(self.summary.size)}")

    def _tick(self, text: str) -> None:
        """Tell of the progress, at most once a second."""
        if self._choices.say is not None and time.monotonic() - self._said > 1:
            self._said = time.monotonic()
            self._choices.say(text)


def _batches(parts: Iterator[RunPart]) -> Iterator[list[RunPart]]:
    """Group parts so that each transaction has some thousand rows."""
    batch: list[RunPart] = []
    weight = 0
    for part in parts:
        batch.append(part)
        weight += RUN_WEIGHT + len(part.points)
        if weight >= PART_POINTS:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
