"""A server whose store holds some runs, for the tests of what only mltrack's server knows."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.core.tracking_servers import RunningServer, running_server

from mltrack.entities import CapturedName, ExperimentTag, Metric, Param, RunTag
from mltrack.rest.own import OwnExtras
from mltrack.rest.transport import Transport
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel, NewModelVersion
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.protocol import Failure, NewRun, RunChange
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIGEST = "0123456789abcdef" * 4
CALLS_HERE = "/api/2.0/mltrack/calls"


@dataclass(frozen=True)
class Behind:
    """A server, the store behind it as opened here, and what that holds."""

    server: RunningServer
    store: SqliteStore
    extras: OwnExtras
    experiment_id: str
    first: str
    second: str
    open_run: str
    model_id: str


@contextmanager
def server_with_runs(folder: Path) -> Iterator[Behind]:
    """Run a server whose store holds some runs."""
    with running_server(folder) as server:
        store = SqliteStore(folder / "mltrack.db")
        yield fill(server, store)
        store.close()
        server.kill()  # which takes no time; how a server ends is tested elsewhere


def fill(server: RunningServer, store: SqliteStore) -> Behind:
    experiment = store.create_experiment("Versuch ü", tags=[ExperimentTag("a", "b")])
    session = Session("5" * 32, 1, "kernel", "book.ipynb")
    ids = []
    for number in range(3):
        new = NewRun(experiment, f"run-{number}", 1000 + number, "user", (RunTag("stage", "träin"),))
        run_id = store.create_run(new).run_id
        points = [Metric("loss", 1 / (step + 1 + number), 10 + step, step) for step in range(50)]
        odd = [Metric("odd", value, 1, step) for step, value in enumerate((math.nan, math.inf, -math.inf, -0.0))]
        store.log_batch(run_id, metrics=[*points, *odd], params=[Param("C", str(number)), Param("wörter", "ja, gut")])
        blob = Blob.of(f"x = {number}  # {'ü' * 100}")
        ran = ExecutionWrite(number + 1, blob, 5, "cell", number, 6, "ok", '{"a": 1}', Blob.of('[{"text": "\\u2028"}]'))
        manifest = Blob.of(manifest_of(blob))
        store.save_snapshot(run_id, SnapshotWrite(session, number + 1, "id:cell", "tap", [ran], manifest, [blob]))
        ids.append(run_id)
    store.record_artifacts(ids[0], {safe_path("a/ö.txt"): (3, DIGEST), safe_path("b"): (0, DIGEST)})
    store.record_failure(ids[0], Failure("ValueError", "no <b>", "Traceback…\n"))
    store.record_captured(
        ids[0], [CapturedName("param", "C", "bound", 1, 4, 1, 5), CapturedName("metric", "s", "bound")]
    )
    store.set_environment(ids[0], {"python": {"version": "3.11"}, "packages": {"a": "1"}, "size": 1.5, "no": None})
    for run_id in ids[:2]:
        store.update_run(run_id, RunChange("FINISHED", 2000))
    model = store.create_logged_model(NewLoggedModel(experiment, "net", source_run_id=ids[0]))
    store.record_logged_model_files(model.model_id, {safe_path("MLmodel"): FileRecord(7, DIGEST)})
    store.create_registered_model("Net")
    source = f"models:/{model.model_id}"
    store.create_model_version(NewModelVersion("Net", source, ids[0], model.model_id))
    extras = OwnExtras(Transport(server.url))
    first, second, last = ids
    return Behind(server, store, extras, experiment, first, second, last, model.model_id)


def manifest_of(blob: Blob) -> str:
    return json.dumps({"cells": [{"source": blob.digest.hex()}]})


def plain(value: Any) -> Any:
    """Make lists and tuples, and the same numbers however they are written, equal."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return [type(value).__name__, *(plain(getattr(value, name)) for name in value.__dataclass_fields__)]
    return repr(value) if isinstance(value, float) else value


def a_run(behind: Behind) -> str:
    return behind.store.create_run(NewRun(behind.experiment_id, "written", 5)).run_id
