"""What ``evaluate`` gives: metrics, files, tables and charts of one model, kept in a folder as MLflow's are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.active import current_run
from mltrack.evaluation.artifacts import EvaluationArtifact
from mltrack.exceptions import MltrackError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import pandas as pd

_METRICS, _LISTED, _FILES, _ABOUT = "metrics.json", "artifacts_metadata.json", "artifacts", "evaluation.json"


@dataclass(frozen=True, slots=True)
class About:
    """What was evaluated on what: plain values, kept with a saved result.

    ``baseline`` are the metrics of the baseline model under the same names, ``wanted`` what each metric had to reach
    in words, and ``notes`` what the user should know.
    """

    model: str = ""
    model_type: str = ""
    model_id: str | None = None
    dataset: str = ""
    digest: str = ""
    rows: int = 0
    baseline_model: str = ""
    baseline: dict[str, float] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class EvaluationResult:
    """The metrics and files of one evaluation.

    Parameters
    ----------
    metrics
        Numbers by name.
    artifacts
        Files by name.
    run_id
        The run that they were logged to; default: the active one.
    about
        What was evaluated.
    """

    def __init__(
        self,
        metrics: Mapping[str, float],
        artifacts: Mapping[str, EvaluationArtifact],
        run_id: str | None = None,
        *,
        about: About | None = None,
    ) -> None:
        active = current_run() if run_id is None else None
        self._metrics = dict(metrics)
        self._artifacts = dict(artifacts)
        self._run_id = active.info.run_id if active else run_id
        self.about = about or About()

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics by name."""
        return self._metrics

    @property
    def artifacts(self) -> dict[str, EvaluationArtifact]:
        """The files by name, as ``confusion_matrix``."""
        return self._artifacts

    @property
    def run_id(self) -> str | None:
        """The id of the run that all was logged to."""
        return self._run_id

    @property
    def baseline_metrics(self) -> dict[str, float]:
        """The metrics of the baseline model; empty when there was none."""
        return dict(self.about.baseline)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The files that are tables, as DataFrames: ``slices``, ``confusion_matrix`` and others."""
        import pandas as pd  # heavy, needed for tables only

        found: dict[str, pd.DataFrame] = {}
        for name, columns in self.columns().items():
            found[name] = pd.DataFrame(columns)
        for name, artifact in self._artifacts.items():
            if artifact.file_name.endswith((".csv", ".parquet")):
                found[name] = artifact.content
        return found

    def columns(self) -> dict[str, dict[str, list[Any]]]:
        """Give the files that are tables of JSON, column by column."""
        found = {name: _columns(artifact) for name, artifact in self._artifacts.items()}
        return {name: columns for name, columns in found.items() if columns}

    @property
    def charts(self) -> dict[str, Any]:
        """The charts that there are, as Altair's: confusion matrix, ROC, precision-recall, calibration, residuals."""
        from mltrack import charts  # the façade hands over to what draws

        return dict(charts(self).charts)

    def save(self, path: str | PathLike[str]) -> None:
        """Write metrics and files into a folder, in MLflow's form, so that its ``EvaluationResult.load`` reads it."""
        folder = Path(path)
        (folder / _FILES).mkdir(parents=True, exist_ok=True)
        listed = {name: {"uri": each.uri, "class_name": each.mlflow_class} for name, each in self._artifacts.items()}
        about = {**asdict(self.about), "run_id": self.run_id}
        for file, document in ((_METRICS, self._metrics), (_LISTED, listed), (_ABOUT, about)):
            (folder / file).write_text(json.dumps(document, indent=1), encoding="utf-8")
        for each in self._artifacts.values():
            (folder / _FILES / each.file_name).write_bytes(each.data)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> EvaluationResult:
        """Read what ``save`` wrote, or MLflow's.

        Raises
        ------
        NotFoundError
            When the folder holds no such result.
        """
        folder = Path(path)
        try:
            metrics, listed = (json.loads((folder / name).read_text("utf-8")) for name in (_METRICS, _LISTED))
            kept = json.loads((folder / _ABOUT).read_text("utf-8")) if (folder / _ABOUT).exists() else {}
            artifacts = {name: _artifact(folder / _FILES, str(each["uri"])) for name, each in listed.items()}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise NotFoundError(f"There is no evaluation in {str(folder)!r}: {error}.") from None
        run_id = kept.pop("run_id", None)
        about = {name: kept[name] for name in About.__slots__ if name in kept}
        about["notes"] = tuple(about.get("notes", ()))
        made = cls(metrics, artifacts, about=About(**about))
        made._run_id = run_id
        return made

    def __repr__(self) -> str:
        about = self.about
        shown = ", ".join(f"{name}={value:.4g}" for name, value in self._metrics.items())
        what = ", ".join(filter(None, [about.model_type, about.model and f"model {about.model}"]))
        return f"EvaluationResult({what}{': ' if what else ''}{shown})"


def _artifact(folder: Path, uri: str) -> EvaluationArtifact:
    name = EvaluationArtifact(uri, b"").file_name  # the last part alone, so that it lies in the folder
    return EvaluationArtifact(uri, (folder / name).read_bytes())


def _columns(artifact: EvaluationArtifact) -> dict[str, list[Any]]:
    if not artifact.file_name.endswith(".json"):
        return {}
    try:
        document = artifact.content
        names, rows = document["columns"], document["data"]
        return {str(name): [row[at] for row in rows] for at, name in enumerate(names)}
    except (MltrackError, ValueError, TypeError, KeyError, IndexError):
        return {}
