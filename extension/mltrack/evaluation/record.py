"""What is written down of an evaluation: metrics of a run and a logged model, the data as an input, tables as files."""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mltrack.active import current_run
from mltrack.artifacts.tables import add_rows
from mltrack.data.convert import as_dataset
from mltrack.data.frame_dataset import FrameDataset
from mltrack.data.numpy_dataset import from_numpy
from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import DatasetInput, InputTag, LoggedModelInput
from mltrack.evaluation.artifacts import EvaluationArtifact
from mltrack.evaluation.findings import table_json
from mltrack.exceptions import NotFoundError
from mltrack.inputs import CONTEXT_TAG
from mltrack.settings import state
from mltrack.store.artifacts import safe_path
from mltrack.tracking import start_run
from mltrack.values import make_metrics, of_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from mltrack.active import ActiveRun
    from mltrack.data.dataset import Dataset
    from mltrack.evaluation.examples import Examples
    from mltrack.evaluation.findings import Table
    from mltrack.store.protocol import Store

CONTEXT = "eval"
ROWS = "eval_results_table"
"""The table of scores row by row, under MLflow's name."""


@contextmanager
def run_to_log_to() -> Iterator[ActiveRun]:
    """Give the active run, else a new one that ends with the block."""
    active = current_run()
    if active is not None:
        yield active
        return
    with start_run() as run:
        yield run


class Record:
    """Where one evaluation is written down; the names of its files begin with ``prefix``."""

    def __init__(self, run: ActiveRun, *, prefix: str, model_id: str | None) -> None:
        self._run = run
        self._prefix = prefix
        self._model_id = _kept(run.store, model_id)
        self.artifacts: dict[str, EvaluationArtifact] = {}
        self.dataset = ("", "")

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.info.run_id

    def data(self, data: Any, examples: Examples, *, path: str | None) -> None:
        """Log the data as an input of the run, and the model as another where it is known."""
        dataset = _dataset(data, examples, path).to_entity()
        self.dataset = (dataset.name, dataset.digest)
        made = check_dataset_input(DatasetInput(dataset, (InputTag(CONTEXT_TAG, CONTEXT),)))
        models = [LoggedModelInput(self._model_id)] if self._model_id else []
        state.backlog.do(self._run.store.log_inputs, self.run_id, [made], models=models)

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics, linked to the data and, where it is known, the model."""
        name, digest = self.dataset
        points = make_metrics(metrics, 0, time.time_ns() // 1_000_000)
        points = [of_model(each, self._model_id, name, digest) for each in points]
        state.backlog.do(self._run.store.log_batch, self.run_id, metrics=points)

    def tables(self, tables: Mapping[str, Table]) -> None:
        """Log tables as JSON, of which charts are drawn."""
        start = self._prefix or f"{CONTEXT}_"
        texts = {name: (f"{start}{name}.json", table_json(table).encode("utf-8")) for name, table in tables.items()}
        self.files(texts)

    def files(self, files: Mapping[str, tuple[str, bytes]]) -> None:
        """Log files: their paths and contents, by the names that they have in the result."""
        if not files:
            return
        store = self._run.store
        folder = store.artifact_folder(self.run_id)
        paths = {safe_path(path): content for path, content in files.values()}
        records = {path: folder.put(path, io.BytesIO(content)) for path, content in paths.items()}
        store.record_artifacts(self.run_id, records)
        for name, (path, content) in files.items():
            self.artifacts[name] = EvaluationArtifact(f"{self._run.info.artifact_uri}/{path}", content)

    def rows(self, frame: pd.DataFrame) -> None:
        """Log the table of what metrics said row by row; that of an earlier evaluation in the run goes on."""
        path = safe_path(f"{self._prefix}{ROWS}.json")
        add_rows(self._run.store, self.run_id, path, frame)
        content = frame.to_json(orient="split", index=False, double_precision=15, force_ascii=False)
        self.artifacts[ROWS] = EvaluationArtifact(f"{self._run.info.artifact_uri}/{path.text}", content.encode("utf-8"))


def _dataset(data: Any, examples: Examples, path: str | None) -> Dataset:
    if examples.dataset is not None:
        return examples.dataset
    if not hasattr(data, "columns"):
        features = examples.features
        array = features.to_numpy() if hasattr(features, "to_numpy") else features
        return from_numpy(array, path, targets=examples.targets)
    made = as_dataset(data, path)
    if examples.targets_name is None or not isinstance(made, FrameDataset):
        return made
    return type(made)(made.df, made.source, examples.targets_name, made.name, made.digest)


def _kept(store: Store, model_id: str | None) -> str | None:
    """Give the id of a model that this store has: one that was made elsewhere has no metrics here."""
    if model_id is None:
        return None
    try:
        return store.get_logged_model(model_id).model_id
    except NotFoundError:
        return None
