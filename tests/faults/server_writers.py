"""Writers of a tracking server that is killed, as they are: ``python server_writers.py WHAT URL SIDE``.

What was acknowledged is a line of the side file: ``run NAME ID``, ``step ID NUMBER``, ``end ID``; ``try NAME`` comes
before a run is made. They go on until they are killed themselves.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.faults.senders import Side

from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import ServerUnavailableError
from mltrack.rest import courier, sender
from mltrack.rest.store import RestStore
from mltrack.serving.parent import die_with_parent
from mltrack.store.protocol import NewRun, RunChange

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS, KEYS = 12, 5
"""Steps of a run, and points of each step."""
PAUSE = 0.02
SECONDS = 100.0
"""So long an answer is waited for: a request that was given up may be done late, after those that came later."""


def by_store(url: str, side: Side) -> None:
    """Log each step with a param and a tag by a ``RestStore``, and read what was logged."""
    store = RestStore(url)
    while True:
        run = made(store, side)
        for step in range(STEPS):
            values = [Param(f"p{step}", str(step))], [RunTag("last", str(step))]
            store.log_batch(run, metrics=points(step), params=values[0], tags=values[1])
            side.note(f"step {run} {step}")
            time.sleep(PAUSE)
        with suppress(ServerUnavailableError):
            found = store.get_run(run).data
            assert len(found.params) == STEPS, f"run {run} has {sorted(found.params)} for its own process"
        store.update_run(run, RunChange("FINISHED", 9))
        side.note(f"end {run}")


def by_points(url: str, side: Side) -> None:
    """Log points alone, and note those of which a flush says that they were sent."""
    store = RestStore(url)
    while True:
        run = made(store, side)
        for step in range(STEPS):
            store.log_batch(run, metrics=points(step))
            if step % 4 == 3 and store.flush(60):
                for each in range(step - 3, step + 1):
                    side.note(f"step {run} {each}")
        store.update_run(run, RunChange("FINISHED", 9))
        side.note(f"end {run}")


def by_batches(url: str, side: Side) -> None:
    """Log each step by ``runs/log-batch``, asked again until it is acknowledged."""
    ask = asker(url)
    for run in new_runs(ask, side):
        for step in range(STEPS):
            metrics = [{"key": m.key, "value": m.value, "timestamp": m.timestamp, "step": m.step} for m in points(step)]
            params, tags = [{"key": f"p{step}", "value": str(step)}], [{"key": "last", "value": str(step)}]
            ask("runs/log-batch", {"run_id": run, "metrics": metrics, "params": params, "tags": tags})
            side.note(f"step {run} {step}")
        ask("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 9})
        side.note(f"end {run}")


def by_metrics(url: str, side: Side) -> None:
    """Log each point by ``runs/log-metric``, asked again until it is acknowledged."""
    ask = asker(url)
    for run in new_runs(ask, side):
        for step in range(STEPS):
            for each in points(step):
                body = {"key": each.key, "value": each.value, "timestamp": each.timestamp, "step": each.step}
                ask("runs/log-metric", {"run_id": run, **body})
            side.note(f"step {run} {step}")
        ask("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 9})
        side.note(f"end {run}")


def points(step: int) -> list[Metric]:
    return [Metric(f"m{number}", 1 / (step + 1), 1_000 + step, step) for number in range(KEYS)]


def made(store: RestStore, side: Side) -> str:
    name, run_id = uuid4().hex, uuid4().hex
    side.note(f"try {name}")
    while True:
        with suppress(ServerUnavailableError):
            store.create_run(NewRun("0", name, 1, run_id=run_id))
            side.note(f"run {name} {run_id}")
            return run_id


def new_runs(ask: Callable[[str, Any], None], side: Side) -> Any:
    for _ in itertools.count():
        name, run_id = uuid4().hex, uuid4().hex
        side.note(f"try {name}")
        ask("runs/create", {"experiment_id": "0", "run_name": name, "start_time": 1, "run_id": run_id})
        side.note(f"run {name} {run_id}")
        yield run_id


def asker(url: str) -> Callable[[str, Any], None]:
    port = urlsplit(url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)

    def ask(path: str, body: Any) -> None:
        while True:
            time.sleep(PAUSE)
            try:
                connection.request(
                    "POST", f"/api/2.0/mlflow/{path}", json.dumps(body), {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if answer.status == 200:
                return
            assert answer.status in (429, 503), (answer.status, content)

    return ask


TASKS = {task.__name__: task for task in (by_store, by_points, by_batches, by_metrics)}

if __name__ == "__main__":
    die_with_parent()
    warnings.simplefilter("ignore")  # of an outage
    courier._SECONDS = sender._VALUES_SECONDS = SECONDS
    what, address, path = sys.argv[1:]
    TASKS[what](address, Side(path))
