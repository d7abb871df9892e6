"""A writer of a PostgreSQL store that is killed: it notes in a file what the store has acknowledged, line by line."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from uuid import uuid4

from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import StoreBusyError
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.postgres.store import PostgresStore
from mltrack.store.protocol import NewRun, RunChange

POINTS = 10


def work(uri: str, side: Path) -> None:
    """Make runs and versions until killed; what raises was not acknowledged, and is not tried again."""
    with side.open("a") as notes:

        def note(*words: object) -> None:
            notes.write(" ".join(map(str, words)) + "\n")
            notes.flush()

        note("began")
        store = opened(uri)
        while True:
            try:
                one(store, note)
            except StoreBusyError:
                note("busy")


def opened(uri: str) -> PostgresStore:
    while True:
        try:
            return PostgresStore(uri, artifact_root="/nonexistent/mlartifacts")
        except StoreBusyError:
            time.sleep(0.05)


def one(store: PostgresStore, note: object) -> None:
    """One run from its beginning to its end, and a version made of it."""
    assert callable(note)
    name = uuid4().hex
    note("try", name)
    run_id = store.create_run(NewRun("0", name, 1)).run_id
    note("run", run_id)
    for step in range(POINTS):
        metrics = [
            Metric(f"m{random.randrange(30)}", float(step), step, step),
            Metric("loss", 1.0 / (step + 1), step, step),
        ]
        store.log_batch(run_id, metrics=metrics, params=[Param(f"p{step}", "v")], tags=[RunTag("step", str(step))])
        note("step", run_id, step)
    store.update_run(run_id, RunChange("FINISHED", 9))
    note("end", run_id)
    note("try", f"version-{run_id}")
    version = store.create_model_version(
        NewModelVersion("shared", f"runs:/{run_id}/model", run_id=run_id, description=run_id)
    )
    note("version", run_id, version.version)


if __name__ == "__main__":
    sys.stdin = open(os.devnull)  # noqa: SIM115 - until killed
    work(sys.argv[1], Path(sys.argv[2]))
