"""What earlier runs of a pipeline's steps left: tags and one file of each step's run in the store, nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.artifacts.run_files import RunFiles
from mltrack.entities import RunStatus
from mltrack.exceptions import MltrackError
from mltrack.keys import PIPELINE_TAG, STEP_KEY_TAG, STEP_MADE_BY_TAG, STEP_TAG
from mltrack.pipelines.fingerprint import Record
from mltrack.store.artifacts import safe_path
from mltrack.store.pages import Search
from mltrack.values import make_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.entities import Run
    from mltrack.store.protocol import Store

RECORD_FILE = "mltrack/step.json"
_MOST_EQUAL, _MOST_TRIED = 20, 20


class Records:
    """The runs of the steps of one pipeline, in all experiments of a store. They are found by the pipeline's name."""

    def __init__(self, store: Store, pipeline: str) -> None:
        self.store = store
        self._pipeline = pipeline

    def equal(self, key: str) -> Iterator[tuple[str, Record]]:
        """Give the finished runs, the last first, of steps whose fingerprint has this key, and what they left."""
        for run in self._search(f"tags.`{STEP_KEY_TAG}` = '{key}' AND attributes.status = 'FINISHED'", _MOST_EQUAL):
            record = self.read(run.info.run_id)
            if record is not None:
                yield run.info.run_id, record

    def tried(self, step: str) -> list[Run]:
        """Give the last runs of a step of this name in which something was run, the last first."""
        text = f"tags.`{STEP_TAG}` = '{step}' AND tags.`{STEP_MADE_BY_TAG}` IS NULL"
        found = self._search(text, _MOST_TRIED)
        return [run for run in found if run.data.tags.get(PIPELINE_TAG) == self._pipeline]

    def last(self, tried: list[Run]) -> tuple[str, Record] | None:
        """Give the last of these runs that finished, and what it left."""
        for run in tried:
            if run.info.status == RunStatus.FINISHED and STEP_KEY_TAG in run.data.tags:
                record = self.read(run.info.run_id)
                if record is not None:
                    return run.info.run_id, record
        return None

    def read(self, run_id: str) -> Record | None:
        """Give what a run of a step left; None when its file is gone or is not one of ours."""
        try:
            content = RunFiles(self.store, run_id).read(safe_path(RECORD_FILE))
            return Record.from_json(content.decode())
        except (MltrackError, OSError, UnicodeDecodeError):
            return None

    def write(self, run_id: str, record: Record) -> None:
        """Keep what a run of a step left; only once this returns can the step be skipped for it."""
        RunFiles(self.store, run_id).write(safe_path(RECORD_FILE), record.to_json().encode())
        self.store.log_batch(run_id, tags=[make_tag(STEP_KEY_TAG, record.fingerprint.key)])

    def _search(self, text: str, most: int) -> list[Run]:
        everywhere = tuple(each.experiment_id for each in self.store.list_experiments())
        page = self.store.search_runs(Search(everywhere, text, ("attributes.start_time DESC",), max_results=most))
        return list(page.rows)
