"""Routes that log to a run: metrics, params, tags, and batches of them.

What they write is gathered (see ``writer``): that of many requests goes into one transaction.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Annotated, Any, Self, get_type_hints

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from mltrack.entities import Metric, RunTag
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key
from mltrack.masking import mask_text
from mltrack.server.message import Items, Message, Nothing, OptionalText, Pair, RunMessage, Text, Time, Whole
from mltrack.server.need import edits
from mltrack.server.route import MEBIBYTE, QUICK, SMALL, Route
from mltrack.server.things import experiment_of_model, experiment_of_run, experiments_of_models
from mltrack.server.writer import Gathered
from mltrack.store.batches import RunBatch
from mltrack.values import make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler

    from mltrack.server.call import Call

MOST_BATCH = 1_000_000  # bytes of a batch, as MLflow takes it
HISTORY_TAG = "mlflow.log-model.history"
MOST_HISTORY = 2 * MEBIBYTE
"""Characters of that tag, which comes with the run in every answer."""
_MODEL_FIELDS = ("artifact_path", "flavors", "run_id", "utc_time_created")
_history = threading.Lock()


class Point(Message):
    """A point of a metric, perhaps of a logged model and on a dataset."""

    key: Text
    value: float
    timestamp: Time
    step: Whole = 0
    model_id: OptionalText = None
    dataset_name: OptionalText = None
    dataset_digest: OptionalText = None


def _metric_schema(_: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """Let pydantic make the store's own points of what a ``Point`` may say: batches have a thousand of them."""
    hints, fields = get_type_hints(Point, include_extras=True), []
    for name, each in Point.model_fields.items():
        said = handler.generate_schema(hints[name])
        said = said if each.is_required() else core_schema.with_default_schema(said, default=each.default)
        fields.append(core_schema.dataclass_field(name, said))
    arguments = core_schema.dataclass_args_schema("Metric", fields)
    passing = core_schema.CoreConfig(extra_fields_behavior="ignore")
    return core_schema.dataclass_schema(Metric, arguments, list(Point.model_fields), slots=True, config=passing)


PointSaid = Annotated[Metric, GetPydanticSchema(_metric_schema)]


class LogMetric(Point, RunMessage):
    """A point to be logged."""


class LogText(RunMessage):
    """A param to be logged, or a tag to be set."""

    key: Text
    value: str = ""


class TagKey(RunMessage):
    """A tag of a run."""

    key: Text


class LogBatch(RunMessage):
    """Points, params and tags to be logged."""

    metrics: Items[PointSaid] = ()
    params: Items[Pair] = ()
    tags: Items[Pair] = ()

    @classmethod
    def read(cls, body: bytes, named: Mapping[str, str] | None = None) -> Self:
        """Read a body of at most 1,000,000 bytes."""
        if len(body) > MOST_BATCH:
            raise InvalidParameterError(f"A batch of {len(body):,} bytes is too large: {MOST_BATCH:,} go; split it.")
        return super().read(body, named)


class LogModel(RunMessage):
    """A model that a client of MLflow 1 or 2 has logged, as the JSON of its MLmodel file."""

    model_json: Text


def point(call: Call) -> RunBatch:
    """Give a point."""
    asked: LogMetric = call.request
    check_key(asked.key, "metric")
    named = (asked.model_id, asked.dataset_name, asked.dataset_digest) if asked.model_id else ()
    return RunBatch(asked.run_id, (Metric(asked.key, asked.value, asked.timestamp, asked.step, *named),))


def param(call: Call) -> RunBatch:
    """Give a param."""
    asked: LogText = call.request
    return RunBatch(asked.run_id, params=(make_param(asked.key, asked.value),))


def tag(call: Call) -> RunBatch:
    """Give a tag."""
    asked: LogText = call.request
    return RunBatch(asked.run_id, tags=(make_tag(asked.key, asked.value),))


def batch(call: Call) -> RunBatch:
    """Give a batch."""
    asked: LogBatch = call.request
    for key in {each.key for each in asked.metrics}:
        check_key(key, "metric")
    return RunBatch(
        asked.run_id,
        asked.metrics,
        [make_param(each.key, each.value) for each in asked.params],
        [make_tag(each.key, each.value) for each in asked.tags],
    )


def delete_tag(call: Call) -> None:
    """Take a tag away."""
    call.store.delete_tag(call.request.run_id, check_key(call.request.key, "tag"))


def log_model(call: Call) -> None:
    """Note a model in the run's tag of all that were logged, as MLflow's older clients ask for."""
    asked: LogModel = call.request
    model = _model(asked.model_json)
    with _history:
        tags = call.store.get_run(asked.run_id).data.tags
        text = json.dumps([*_earlier(tags.get(HISTORY_TAG, "")), model])
        if len(text) > MOST_HISTORY:
            raise InvalidParameterError(f"The run's tag {HISTORY_TAG} would have over {MOST_HISTORY:,} characters.")
        call.store.log_batch(asked.run_id, tags=(RunTag(HISTORY_TAG, mask_text(text)),))


def _model(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidParameterError("The parameter 'model_json' is no JSON object; send that of an MLmodel file.")
    missing = [name for name in _MODEL_FIELDS if name not in found]
    if missing:
        raise InvalidParameterError(f"The parameter 'model_json' lacks {', '.join(missing)}.")
    return found


def _earlier(text: str) -> list[Any]:
    try:
        found = json.loads(text) if text else []
    except (ValueError, RecursionError):  # it is a tag like others, and may say anything
        return []
    return found if isinstance(found, list) else []


_EDITS = edits(experiment_of_run())
_POINT, _BATCH = _EDITS & edits(experiment_of_model()), _EDITS & edits(experiments_of_models("metrics"))
ROUTES = (
    Route("POST", "runs/log-metric", LogMetric, Nothing, _POINT, Gathered(point), SMALL, QUICK),
    Route("POST", "runs/log-parameter", LogText, Nothing, _EDITS, Gathered(param), MEBIBYTE, QUICK),
    Route("POST", "runs/set-tag", LogText, Nothing, _EDITS, Gathered(tag), MEBIBYTE, QUICK),
    Route("POST", "runs/log-batch", LogBatch, Nothing, _BATCH, Gathered(batch), 2 * MEBIBYTE, QUICK),
    Route("POST", "runs/delete-tag", TagKey, Nothing, _EDITS, delete_tag, SMALL, QUICK),
    Route("POST", "runs/log-model", LogModel, Nothing, _EDITS, log_model, MEBIBYTE, QUICK),
)
