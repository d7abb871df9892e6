"""A training that is logged automatically, and the run it is logged to."""

from __future__ import annotations

import io
import json
import math
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack import active, tracking
from mltrack.autologging.safety import safely
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_KEY, PARENT_TAG
from mltrack.masking import MASK, is_secret_name
from mltrack.settings import state
from mltrack.store.artifacts import safe_path
from mltrack.store.protocol import EndedRun
from mltrack.values import make_metric, make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mltrack.autologging.samples import Sample
    from mltrack.autologging.switch import Options
    from mltrack.entities import Metric, Param, RunTag
    from mltrack.models.flavor import Flavor

MOST_FITS = 20
LIBRARY_TAG = "mltrack.autolog"

_counts: dict[str, int] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Child:
    """A part of a training that is a run of its own, as a candidate of a search."""

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)


class Fit:
    """One training and where it is logged.

    ``number`` counts the trainings of one run from 1: the keys of the second get ``_2`` at their end, and so on, so
    that none is written over. A run has at most 20; those that follow are not logged, and ``is_logged`` is False.
    """

    def __init__(self, library: str, run: active.ActiveRun, options: Options, *, number: int, owned: bool) -> None:
        self.library = library
        self.options = options
        self.store = run.store
        self.run_id = run.info.run_id
        self.experiment_id = run.info.experiment_id
        self.number = number
        self._owned = run if owned else None
        self._tags: list[RunTag] = []

    @property
    def is_logged(self) -> bool:
        """False for a training beyond the most that one run keeps."""
        return self.number <= MOST_FITS

    @property
    def suffix(self) -> str:
        """What the keys of this training end in: nothing for the first of a run."""
        return "" if self.number == 1 else f"_{self.number}"

    def key(self, name: object) -> str:
        """Make this training's key of a name; see ``key_of``."""
        suffix = self.suffix
        return f"{key_of(name)[: MAX_KEY - len(suffix)]}{suffix}"

    def log(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Log params, metrics and tags at once; see ``log_params``, ``log_metrics`` and ``set_tags``."""
        self.set_tags(tags or {}, now=not params)
        self.log_params(params or {})
        self.log_metrics(metrics or {})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params; one that the run has with another value stays as it is."""
        made = [make_param(self.key(name), _without_secrets(value)) for name, value in params.items()]
        unique = list({param.key: param for param in made}.values())
        for start in range(0, len(unique), MAX_BATCH_PARAMS):
            self._write_params(unique[start : start + MAX_BATCH_PARAMS])

    def _write_params(self, params: Sequence[Param]) -> None:
        try:
            self._write(params=params)
        except InvalidParameterError:
            known = self.store.get_run(self.run_id).data.params
            self._write(params=[param for param in params if param.key not in known])

    def log_metrics(self, metrics: Mapping[str, Any], *, step: int = 0, timestamp: int | None = None) -> None:
        """Log one point of each metric, now or at ``timestamp`` (ms since 1970); what is no number is left out."""
        keyed = {self.key(name): value for name, value in metrics.items()}
        self.write_points(_points(keyed, _now() if timestamp is None else timestamp, step))

    def log_series(self, name: object, values: Sequence[Any]) -> None:
        """Log the values of a metric at the steps 0, 1, 2…, all of now."""
        key, now = self.key(name), _now()
        self.write_points([make_metric(key, value, step, now) for step, value in enumerate(values)])

    def write_points(self, points: Sequence[Metric]) -> None:
        """Log many points whose keys are this training's (``key``) already."""
        for start in range(0, len(points), MAX_BATCH_METRICS):
            self._write(metrics=points[start : start + MAX_BATCH_METRICS])

    def set_tags(self, tags: Mapping[str, Any], *, now: bool = True) -> None:
        """Set tags of the run, those of a second training with its suffix; or not ``now`` but with the next write."""
        self._tags += [make_tag(self.key(name), value) for name, value in tags.items()]
        if now:
            self._write()

    def _write(self, *, metrics: Sequence[Metric] = (), params: Sequence[Param] = ()) -> None:
        if self.is_logged and (metrics or params or self._tags):
            tags, self._tags = self._tags, []
            try:
                state.backlog.do(self.store.log_batch, self.run_id, metrics=metrics, params=params, tags=tags)
            except BaseException:
                self._tags = tags  # nothing of a refused batch was written
                raise

    def log_tables(self, tables: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Log tables as JSON files: ``{"training_roc_curve": {"fpr": […], "tpr": […]}}``, columns of equal length.

        A file is ``NAME.json`` and reads ``{"columns": […], "data": [[…], …]}`` like ``log_table``'s, so that charts
        are drawn from it when someone looks.
        """
        self.log_texts({f"{self.key(name)}.json": _as_json(columns) for name, columns in tables.items()})

    def log_text(self, path: str, text: str) -> None:
        """Log a text file."""
        self.log_texts({path: text})

    def log_texts(self, texts: Mapping[str, str]) -> None:
        """Log text files by their paths; the store takes note of all at once."""
        if self.is_logged and texts:
            folder = self.store.artifact_folder(self.run_id)
            paths = {safe_path(path): text.encode("utf-8", "backslashreplace") for path, text in texts.items()}
            records = {path: folder.put(path, io.BytesIO(content)) for path, content in paths.items()}
            self.store.record_artifacts(self.run_id, records)

    def log_dataset(self, data: Any, targets: Any = None, *, context: str = "train", name: str | None = None) -> None:
        """Log the data that is read as an input of the run: a frame, an array or a sparse matrix, with its targets.

        Its digest is of a bounded sample, so that this takes about a millisecond. What is none of these, as a list, is
        left out. ``context`` is MLflow's: ``train`` or ``eval``.
        """
        if self.is_logged:
            from mltrack.autologging.training_data import dataset_input  # loads numpy's or pandas' part of mltrack.data

            made = dataset_input(data, targets, context=context, name=name)
            if made is not None:
                state.backlog.do(self.store.log_inputs, self.run_id, [made])

    def log_children(self, children: Sequence[Child]) -> list[str]:
        """Make children of the run that have ended already, all at once, and give their ids."""
        return self.store.add_ended_runs([self._ended(child) for child in children])

    def _ended(self, child: Child) -> EndedRun:
        tags = {**child.tags, PARENT_TAG: self.run_id}
        new = tracking.describe_run(None, experiment_id=self.experiment_id, tags=tags)
        params = {param.key: param for param in (make_param(key_of(key), value) for key, value in child.params.items())}
        points = _points({key_of(key): value for key, value in child.metrics.items()}, new.start_time)
        return EndedRun(new, new.start_time, tuple(points), tuple(params.values())[:MAX_BATCH_PARAMS])

    def log_model(
        self,
        model: Any,
        sample: Sample | None = None,
        *,
        name: str = "model",
        flavor: Callable[[], Flavor] | None = None,
    ) -> None:
        """Log the fitted model, unless ``log_models`` is off; see ``fitted_models.log_fitted``.

        What goes wrong is one warning.
        """
        if self.is_logged and self.options.log_models:
            safely(
                self.library, f"the {name.replace('_', ' ')}", self._log_model, model, sample, name=name, flavor=flavor
            )

    def _log_model(self, model: Any, sample: Sample | None, *, name: str, flavor: Callable[[], Flavor] | None) -> None:
        from mltrack.autologging.fitted_models import log_fitted  # models are not always logged

        log_fitted(self, model, sample, name=name, flavor=flavor)

    def end(self, status: str) -> None:
        """End the run if it was begun for this training."""
        self._write()
        if self._owned is not None:
            self._owned.end(self._owned, status)


def begin_fit(library: str, options: Options, *, name: str | None = None) -> Fit:
    """Begin to log a training to the active run, else (or when the options say ``exclusive``) to a new one.

    Its first tags are written with what is logged first, so nothing can fail once the new run is there.
    """
    tags = {LIBRARY_TAG: library, **{key_of(key): value for key, value in (options.extra_tags or {}).items()}}
    outer = active.current_run()
    if outer is not None and not options.exclusive:
        run = outer
    else:
        run = tracking.begin(name, tags={PARENT_TAG: outer.info.run_id} if outer is not None else {})
    with _lock:
        number = _counts[run.info.run_id] = _counts.get(run.info.run_id, 0) + 1
    fit = Fit(library, run, options, number=number, owned=run is not outer)
    fit.set_tags(tags, now=False)
    return fit


def key_of(name: object) -> str:
    """Make a key of any text: what keys cannot hold becomes ``_``, and ``@`` becomes ``_at_`` as with MLflow."""
    text = re.sub(r"[^\w.\- :/]", "_", str(name).replace("@", "_at_")).strip("/ ")
    text = re.sub(r"/{2,}", "/", text)
    text = re.sub(r"(^|(?<=/))\.{1,2}(?=/|$)", "_", text)
    return text[:MAX_KEY] or "_"


def _without_secrets(value: Any) -> Any:
    """Mask what a dict has under a secret's name, as a grid of passwords to try; single texts are masked as params."""
    if type(value) is list and any(type(each) is dict for each in value):
        return [_without_secrets(each) for each in value]
    if type(value) is not dict:
        return value
    return {name: MASK if isinstance(name, str) and is_secret_name(name) else each for name, each in value.items()}


def _points(metrics: Mapping[str, Any], timestamp: int, step: int = 0) -> list[Metric]:
    made = []
    for key, value in metrics.items():
        try:
            made.append(make_metric(key, value, step, timestamp))
        except InvalidParameterError:  # no number, as a list that a library calls a metric
            continue
    return made


def _now() -> int:
    return time.time_ns() // 1_000_000


def _as_json(columns: Mapping[str, Sequence[Any]]) -> str:
    rows = list(zip(*columns.values(), strict=True))
    try:
        return json.dumps({"columns": list(columns), "data": rows}, allow_nan=False)
    except (TypeError, ValueError):  # scalars of numpy or torch, NaN or an infinity
        return json.dumps({"columns": list(columns), "data": [[_plain(value) for value in row] for row in rows]})


def _plain(value: Any) -> Any:
    """Make what JSON holds of a table's value: numpy's and torch's scalars become numbers, NaN and infinities null."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        value = item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)
