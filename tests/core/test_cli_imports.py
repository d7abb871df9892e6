"""``mltrack import``: what it says, to people and to programs."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from tests.core.command_line import call, done, parsed, refused

if TYPE_CHECKING:
    from pathlib import Path

RUN = "a" * 32
META = f"""artifact_uri: mlruns/0/{RUN}/artifacts
end_time: 1700000001000
experiment_id: '0'
lifecycle_stage: active
run_id: {RUN}
run_name: from a folder
start_time: 1700000000000
status: 3
user_id: me
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ``mlruns`` folder with one run, as MLflow's file store writes it."""
    run = tmp_path / "mlruns" / "0" / RUN
    for kind in ("artifacts", "metrics", "params", "tags"):
        (run / kind).mkdir(parents=True)
    (run / "meta.yaml").write_text(META)
    (run / "params" / "depth").write_text("3")
    (run / "metrics" / "m").write_text("1700000000500 0.5 0\n")
    (run.parent / "meta.yaml").write_text(
        "artifact_location: mlruns/0\nexperiment_id: '0'\nlifecycle_stage: active\nname: Default\n"
        "creation_time: 1700000000000\nlast_update_time: 1700000000000\n"
    )
    return tmp_path / "mlruns"


def test_mlflows_runs_come_in_once(folder: Path) -> None:
    assert "1 new" in done("import", "mlflow", str(folder))
    found = parsed("runs")[0]
    assert (found["info"]["run_id"], found["info"]["run_name"]) == (RUN, "from a folder")
    assert (found["data"]["metrics"], found["data"]["params"]) == ({"m": 0.5}, {"depth": "3"})
    summary = parsed("import", "mlflow", str(folder))
    assert (summary["runs_new"], summary["runs_unchanged"]) == (0, 1)


def test_the_options(folder: Path, tmp_path: Path) -> None:
    assert "no such" in refused("import", "mlflow", str(folder), "--experiment", "no such")
    words = ["--experiment", "Default", "--artifacts", str(tmp_path / "mlruns"), "--no-copy"]
    assert parsed("import", "mlflow", str(folder), *words)["runs_new"] == 1
    assert parsed("import", "mlflow", str(folder), "--copy")["runs_new"] == 0


def test_what_is_no_store_of_mlflows(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "other.db").close()
    (tmp_path / "empty").mkdir()
    assert "other.db is not MLflow's" in refused("import", "mlflow", "other.db", code=3)
    assert "empty" in refused("import", "mlflow", "empty")
    assert call("import", "mlflow", "none.db").exit_code == 2
    assert call("import").exit_code == 2


def test_tensorboards_runs_come_in(tmp_path: Path) -> None:
    summary = pytest.importorskip("tensorboard.compat.proto.summary_pb2")
    event = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    writer = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    events = writer.EventFileWriter(str(tmp_path / "logs" / "one"))
    for step in range(3):
        value = summary.Summary.Value(tag="loss", simple_value=step / 2)
        events.add_event(event.Event(wall_time=1_700_000_000 + step, step=step, summary=summary.Summary(value=[value])))
    events.close()
    found = parsed("import", "tensorboard", "logs", "--experiment", "boards")
    assert (found["runs_new"], found["points"]) == (1, 3)
    assert parsed("runs", "--experiment", "boards")[0]["data"]["metrics"] == {"loss": 1.0}
    assert call("import", "tensorboard", "none").exit_code == 2
