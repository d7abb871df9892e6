"""One evaluation, step by step: predict, measure, compare, write down, and say what was missed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.evaluation.artifacts import file_of
from mltrack.evaluation.examples import read_examples
from mltrack.evaluation.extra_metrics import Material, add_metrics, aggregates, row_scores
from mltrack.evaluation.findings import Findings, finite
from mltrack.evaluation.metric import MetricValue
from mltrack.evaluation.predictor import predictor_of
from mltrack.evaluation.record import Record, run_to_log_to
from mltrack.evaluation.result import About, EvaluationResult
from mltrack.evaluation.slices import read_slices, slice_table
from mltrack.evaluation.thresholds import check_thresholds, missed_thresholds
from mltrack.exceptions import InvalidParameterError, ModelValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.evaluation.examples import Asked, Examples
    from mltrack.evaluation.findings import Table
    from mltrack.evaluation.measure import Measured, Measuring
    from mltrack.evaluation.metric import EvaluationMetric
    from mltrack.evaluation.predictor import Predictor
    from mltrack.evaluation.thresholds import MetricThreshold


@dataclass(frozen=True, slots=True)
class Extras:
    """What is asked for beside the metrics that every model of a kind has."""

    metrics: Sequence[EvaluationMetric] = ()
    artifacts: Sequence[Callable[..., Mapping[str, Any]]] = ()
    slices: Any = None
    baseline: Any = None
    thresholds: Mapping[str, MetricThreshold] | None = None


class Evaluation:
    """One model measured in one way; ``run`` does it."""

    def __init__(
        self, predictor: Predictor | None, how: Measuring, extras: Extras, *, model_id: str | None = None
    ) -> None:
        check_thresholds(extras.thresholds or {})
        self._predictor = predictor
        self._how = how
        self._extras = extras
        self._model_id = model_id
        self._prefix = str(how.config.get("metric_prefix") or "")
        self._notes: list[str] = []

    def run(self, data: Any, asked: Asked, *, path: str | None = None) -> EvaluationResult:
        """Measure the model on this data and log what is found; see ``evaluate``."""
        if data is None:
            raise InvalidParameterError("An evaluation needs data: a DataFrame, an array or a dataset.")
        examples = read_examples(data, asked)
        with run_to_log_to() as run:
            record = Record(run, prefix=self._prefix, model_id=self._model_id)
            record.data(data, examples, path=path)
            result = self._evaluate(examples, record)
            missed = missed_thresholds(self._extras.thresholds or {}, result.metrics, result.baseline_metrics)
            if missed:
                error = ModelValidationError("\n".join(missed))
                error.result = result
                raise error
        return result

    def _evaluate(self, examples: Examples, record: Record) -> EvaluationResult:
        measured = self._how.measure(self._predictor, examples)
        metrics = self._metrics(measured, examples, record)
        record.metrics(metrics)
        baseline_name, baseline = self._baseline(examples, measured)
        tables = dict(measured.tables())
        if self._extras.slices is not None:
            tables["slices"] = self._slices(measured, examples)
        if baseline:
            tables["baseline"] = _comparison(metrics, baseline)
        record.tables(tables)
        self._custom(measured, examples, record)
        name, digest = record.dataset
        about = About(
            model=self._predictor.name if self._predictor is not None else "",
            model_type=self._how.model_type or "",
            model_id=self._model_id,
            dataset=name,
            digest=digest,
            rows=len(examples),
            baseline_model=baseline_name,
            baseline=baseline,
            wanted={key: each.words for key, each in (self._extras.thresholds or {}).items()},
            notes=tuple(self._notes),
        )
        return EvaluationResult(metrics, record.artifacts, record.run_id, about=about)

    # Metrics

    def _metrics(self, measured: Measured, examples: Examples, record: Record | None = None) -> dict[str, float]:
        """Give all metrics by the names that they are logged under, and log those of rows."""
        found = measured.findings or Findings()
        if record is not None:
            self._notes += found.notes
        material = _material(measured, examples, self._how)
        material.values = {name: MetricValue(aggregate_results={name: value}) for name, value in found.metrics.items()}
        add_metrics(self._extras.metrics, material)
        scores = row_scores(material.values)
        if scores and record is not None:
            rows = examples.frame().reset_index(drop=True)
            answers = {} if examples.targets is None else {examples.targets_name or "target": examples.targets}
            outputs = {examples.predictions_name or self._how.output_name or "outputs": measured.predictions}
            record.rows(rows.assign(**answers, **outputs, **scores))
        return {
            f"{self._prefix}{name}": value
            for key, each in material.values.items()
            for name, value in aggregates(key, each)
        }

    # What it is compared with

    def _baseline(self, examples: Examples, measured: Measured) -> tuple[str, dict[str, float]]:
        """Measure the baseline as the model was; give its name and metrics."""
        given = self._extras.baseline
        if given is None:
            return "", {}
        if isinstance(given, EvaluationResult):
            return given.about.model or "baseline", dict(given.metrics)
        predictor = predictor_of(given)
        found = self._how.measure(predictor, examples, measured.labels)
        return predictor.name, self._metrics(found, examples)

    def _slices(self, measured: Measured, examples: Examples) -> Table:
        if measured.case is None:
            raise InvalidParameterError("Slices need a model_type: 'classifier' or 'regressor'.")
        slicings = read_slices(self._extras.slices, examples, bins=int(self._how.config.get("slice_bins", 4)))
        return slice_table(slicings, measured.case, measured.metrics_of)

    # Files of the user's own

    def _custom(self, measured: Measured, examples: Examples, record: Record) -> None:
        if not self._extras.artifacts:
            return
        material = _material(measured, examples, self._how)
        metrics = dict(measured.findings.metrics) if measured.findings is not None else {}
        for function in self._extras.artifacts:
            with tempfile.TemporaryDirectory() as folder:
                made = function(material.frame(), dict(metrics), folder)
                if not isinstance(made, Mapping):
                    name = getattr(function, "__name__", repr(function))
                    raise InvalidParameterError(f"The custom artifact {name!r} gives a dict of names and files.")
                record.files({name: file_of(name, each, folder=Path(folder)) for name, each in made.items()})


def _material(measured: Measured, examples: Examples, how: Measuring) -> Material:
    names = examples.predictions_name or how.output_name, examples.targets_name
    columns = examples.data if hasattr(examples.data, "columns") else None
    return Material(measured.predictions, examples.targets, columns, measured.output, how.config, names)


def _comparison(metrics: Mapping[str, float], baseline: Mapping[str, float]) -> Table:
    names = [name for name in metrics if name in baseline]
    return {
        "metric": names,
        "value": finite(metrics[name] for name in names),
        "baseline": finite(baseline[name] for name in names),
        "difference": finite(metrics[name] - baseline[name] for name in names),
    }
