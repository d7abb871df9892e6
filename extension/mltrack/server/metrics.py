"""Routes that read metrics: histories by page, of many runs, and thinned.

Answers are written straight from the store's points: a page of 25,000 would cost ten times as much as objects.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mltrack.exceptions import InvalidParameterError
from mltrack.server.message import Items, Message, OptionalText, RunMessage, Shape, Text, Whole
from mltrack.server.need import reads
from mltrack.server.route import AJAX, API, SLOW, Route
from mltrack.server.things import experiment_of_run, experiments_of_runs
from mltrack.store.history import HistoryQuery, SampleQuery
from mltrack.store.page_tokens import MAX_RESULTS
from mltrack.wire.numbers import write_double

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.server.call import Call
    from mltrack.store.history import Point

MOST_RUNS = 100
MOST_BULK, MOST_SAMPLE = 25_000, 2_500
UNPAGED = 250_000
"""Points of a page of which a caller did not say the size: clients of MLflow 1 ask so, and want all there are."""
RunIds = Annotated[Items[Text], Field(min_length=1, max_length=MOST_RUNS)]


class History(RunMessage):
    """Which metric of a run to read, and which page of it."""

    metric_key: Text
    max_results: Annotated[int, Field(ge=1, le=MAX_RESULTS)] | None = None
    page_token: OptionalText = None


class HistoryOfRuns(Message):
    """Which metric of some runs to read."""

    run_id: RunIds
    metric_key: Text
    max_results: Annotated[int, Field(ge=1, le=MOST_BULK)] = MOST_BULK


class SampleOfRuns(Message):
    """Which metric of some runs to read, thinned to so many points a run."""

    run_ids: RunIds
    metric_key: Text
    start_step: Whole | None = None
    end_step: Whole | None = None
    max_results: Annotated[int, Field(ge=1, le=MOST_SAMPLE)] = MOST_SAMPLE


class MetricsAnswer(Message):
    """Points."""

    metrics: tuple[Shape, ...] = ()
    next_page_token: str = ""


def history(call: Call) -> bytes:
    """Give a page of a metric's points by time, step and value."""
    asked: History = call.request
    size, longest = (UNPAGED, UNPAGED) if asked.max_results is None else (asked.max_results, MAX_RESULTS)
    page = call.store.metric_page(HistoryQuery(asked.run_id, asked.metric_key, size, asked.page_token), longest=longest)
    parts = [_metrics(_texts(page.rows, asked.metric_key))] if page.rows else []
    parts += [f'"next_page_token":{json.dumps(page.token)}'] if page.token else []
    return f"{{{','.join(parts)}}}".encode()


def history_of_runs(call: Call) -> bytes:
    """Give a metric's points by run, time, step and value."""
    asked: HistoryOfRuns = call.request
    texts: list[str] = []
    for run_id in sorted(set(asked.run_id)):
        left = asked.max_results - len(texts)
        if left:
            page = call.store.metric_page(HistoryQuery(run_id, asked.metric_key, left), longest=MOST_BULK)
            texts += _texts(page.rows, asked.metric_key, run_id)
    return f"{{{_metrics(texts)}}}".encode()


def sample_of_runs(call: Call) -> bytes:
    """Give a metric's points by run and step, of long series only some, with the first and the last."""
    asked: SampleOfRuns = call.request
    low, high = asked.start_step, asked.end_step
    if (low is None) != (high is None):
        raise InvalidParameterError("If either start step or end step are specified, both must be specified.")
    if low is not None and high is not None and low > high:
        raise InvalidParameterError(f"end_step must be greater than start_step; got {high} and {low}.")
    texts: list[str] = []
    for run_id in dict.fromkeys(asked.run_ids):
        found = call.store.metric_sample(SampleQuery(run_id, asked.metric_key, asked.max_results, low, high))
        texts += _texts(found, asked.metric_key, run_id)
    return f"{{{_metrics(texts)}}}".encode() if texts else b"{}"


def _metrics(texts: Iterable[str]) -> str:
    return f'"metrics":[{",".join(texts)}]'


def _texts(points: Iterable[Point], key: str, run_id: str | None = None) -> list[str]:
    head = f'{{"key":{json.dumps(key)},"value":'
    tail = "}" if run_id is None else f',"run_id":{json.dumps(run_id)}}}'
    return [f'{head}{_number(value)},"timestamp":{timestamp},"step":{step}{tail}' for value, timestamp, step in points]


def _number(value: float) -> str:
    return (
        repr(value) if value - value == 0 else f'"{write_double(value)}"'
    )  # the difference of what is not finite is NaN


_RUN, _RUNS = reads(experiment_of_run()), reads(experiments_of_runs())
_RUNS_OF_ID = reads(experiments_of_runs("run_id"))
_BASES = (API, AJAX)
_BULK, _SAMPLE = "metrics/get-history-bulk", "metrics/get-history-bulk-interval"
ROUTES = (
    Route("GET", "metrics/get-history", History, MetricsAnswer, _RUN, history, 0, SLOW),
    Route("GET", _BULK, HistoryOfRuns, MetricsAnswer, _RUNS_OF_ID, history_of_runs, 0, SLOW, _BASES),
    Route("GET", _SAMPLE, SampleOfRuns, MetricsAnswer, _RUNS, sample_of_runs, 0, SLOW, _BASES),
)
