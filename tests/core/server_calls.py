"""The arguments of each call of ``wire.own_calls``, about what a user has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.entities import CapturedName, Metric
from mltrack.run_facts import CellEnd
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.news import NewsQuery
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.pages import Search
from mltrack.store.protocol import EndedRun, Failure, NewRun
from mltrack.store.summaries import CurveQuery
from mltrack.wire.own_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW_RUN = "f" * 32


def own_values_of(call: str, owned: Mapping[str, Any]) -> dict[str, Any]:
    """Give a value of each argument of a call; one with a name that is not known here needs one."""
    run, model, experiment = owned["run_id"], owned["model_id"], owned["experiment_id"]
    point = Metric("m4", 1.0, 1, 0, model)
    values: dict[str, Any] = {
        "run_id": run,
        "run_ids": [run],
        "model_id": model,
        "name": owned["name"],
        "version": "1",
        "experiment_ids": [experiment],
        "text": run,
        "limit": 5,
        "stage": "active",
        "most": 10,
        "width": 20,
        "key": "params.p",
        "metrics": [],
        "path": None,
        "source": f"models:/{model}",
        "failure": Failure("E", "m", "t"),
        "document": {},
        "wanted": Search((experiment,)),
        "names": ["params.p"],
        "files": {safe_path("b.txt"): (5, "0" * 64)},
        "new": NewModelVersion("any", f"models:/{model}", None, model),
        "ended": [EndedRun(NewRun(experiment, "over", 1, run_id=NEW_RUN), 2, (point,))],
        "end": CellEnd(run, metrics=(point,)),
        "snapshot": SnapshotWrite(Session("s", 1), 1, "cell", "test", [ExecutionWrite(1, Blob.of("a = 1"), 1)]),
    }
    special: dict[str, dict[str, Any]] = {
        "metric_curves": {"wanted": CurveQuery((run,), ("m",))},
        "run_news": {"wanted": NewsQuery(run)},
        "record_captured": {"names": [CapturedName("param", "p", "bound")]},
        "record_logged_model_files": {"files": {safe_path("b.txt"): FileRecord(5, "0" * 64)}},
    }
    values |= special.get(call, {})
    return {name: values[name] for name in CALLS[call].arguments}
