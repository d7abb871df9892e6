"""Event files of TensorBoard's that real writers wrote."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.imported import all_of_it, described, rows

from mltrack.exceptions import MissingLibraryError, NotFoundError
from mltrack.importers import import_tensorboard
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

FLOATS = [1.0, math.nan, math.inf, -math.inf, -0.0, 0.5]
MS = 1_700_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    (tmp_path / "ours").mkdir()
    return SqliteStore(tmp_path / "ours" / "mltrack.db")


def runs(store: SqliteStore) -> dict[str, dict[str, Any]]:
    return {name: described(store, run_id) for run_id, name in rows(store, "SELECT uuid, name FROM runs")}


def write_all(writer: Any, numpy: Any) -> None:
    for step, value in enumerate(FLOATS):
        writer.add_scalar("loss/train", value, step, walltime=MS / 1000 + step)
    writer.add_scalar("late", 1.5, 2**40)
    writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 1)
    writer.add_text("note", "hello **world**", 0)
    writer.add_text("note", "and later", 2)
    writer.add_histogram("weights", numpy.arange(10), 0)
    writer.add_image("picture", numpy.zeros((3, 4, 4)), 0)
    writer.add_hparams({"lr": 0.1, "layers": 3, "optimizer": "adam"}, {"hparam/acc": 0.9})
    writer.close()


@pytest.mark.parametrize("library", ["torch.utils.tensorboard", "tensorboardX"])
def test_what_summary_writers_write(library: str, store: SqliteStore, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    numpy = pytest.importorskip("numpy")
    write_all(pytest.importorskip(library).SummaryWriter(str(tmp_path / "logs" / "first run")), numpy)
    summary = import_tensorboard(tmp_path / "logs", store=store)
    found = runs(store)
    assert len(found) == 4  # the run, two of add_scalars, one of add_hparams
    run = found["first run"]
    expected = [(repr(value), MS + step * 1000, step) for step, value in enumerate(FLOATS)]
    assert run["history"]["loss/train"] == expected
    assert run["history"]["late"][0][2] == 2**40
    assert (run["status"], run["start_time"]) == ("FINISHED", MS)
    assert bytes.fromhex(run["files"]["text/note.md"]) == b"## Step 0\n\nhello **world**\n\n## Step 2\n\nand later"
    tuned = next(each for each in found.values() if each["params"])
    assert tuned["params"] == {"lr": "0.1", "layers": "3", "optimizer": "adam"}
    assert tuned["latest"] == {"hparam/acc": repr(struct.unpack("f", struct.pack("f", 0.9))[0])}
    parents = {each["tags"].get("mlflow.parentRunId") for name, each in found.items() if name != "first run"}
    assert parents == {row[0] for row in rows(store, "SELECT uuid FROM runs WHERE name = 'first run'")}
    assert store.get_experiment(run["experiment_id"]).name == "logs"
    assert summary.skipped == {"histograms": 1, "images": 1}
    assert (summary.runs_new, summary.points, summary.artifacts) == (4, 10, 1)
    before = all_of_it(store)
    assert import_tensorboard(tmp_path / "logs", store=store).runs_unchanged == 4
    assert all_of_it(store) == before


def test_scalars_as_tensorflow_and_keras_write_them(store: SqliteStore, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event  # an extra
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for folder in ("train", "validation"):
        writer = EventFileWriter(str(tmp_path / "fit" / folder), filename_suffix=".v2")
        for step in range(3):
            writer.add_event(Event(wall_time=MS / 1000, step=step, summary=scalar_pb("epoch_loss (mean)", step / 4)))
        writer.close()
    import_tensorboard(tmp_path / "fit", experiment="keras", store=store)
    found = runs(store)
    assert found.keys() == {"train", "validation"}
    points = [("0.0", MS, 0), ("0.25", MS, 1), ("0.5", MS, 2)]
    assert found["train"]["history"] == {"epoch_loss _mean_": points}
    assert store.get_experiment(found["train"]["experiment_id"]).name == "keras"


def test_a_training_that_goes_on(store: SqliteStore, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    writer = pytest.importorskip("tensorboardX").SummaryWriter(str(tmp_path / "run"))
    for step in range(5):
        writer.add_scalar("loss", 1 / (step + 1), step, walltime=MS / 1000 + step)
    writer.close()
    (file,) = (tmp_path / "run").iterdir()
    whole = file.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 20, 60, 13, 5):
        file.write_bytes(whole[:cut])
        import_tensorboard(tmp_path / "run", store=SqliteStore(tmp_path / f"cut{cut}.db"))
    file.write_bytes(whole[:-20])
    first = import_tensorboard(tmp_path / "run", store=store)
    file.write_bytes(whole)
    second = import_tensorboard(tmp_path / "run", store=store)
    assert (first.points, second.points) == (4, 1)
    assert (second.runs_new, second.runs_updated, dict(first.skipped)) == (0, 1, {})
    assert runs(store)["run"]["start_time"] == MS


@pytest.mark.parametrize("whole_records", [1, 4])
def test_a_damaged_file_is_read_up_to_the_damage(whole_records: int, store: SqliteStore, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    writer = pytest.importorskip("tensorboardX").SummaryWriter(str(tmp_path / "run"))
    for step in range(9):
        writer.add_scalar("loss", 1.0, step)
    writer.close()
    (file,) = (tmp_path / "run").iterdir()
    content = bytearray(file.read_bytes())
    place = 0
    for _ in range(whole_records):
        place += 16 + int.from_bytes(content[place : place + 8], "little")
    content[place] += 1  # the record's length
    file.write_bytes(content)
    summary = import_tensorboard(tmp_path / "run", store=store)
    assert summary.points == whole_records - 1  # the first record is the file's version
    assert summary.skipped == {"event files that are damaged from some place on": 1}


def test_a_damaged_record_is_left_out(store: SqliteStore, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    writer = pytest.importorskip("tensorboardX").SummaryWriter(str(tmp_path / "run"))
    for step in range(9):
        writer.add_scalar("loss", 1.0, step)
    writer.close()
    (file,) = (tmp_path / "run").iterdir()
    content = bytearray(file.read_bytes())
    place = 16 + int.from_bytes(content[:8], "little") + 12
    content[place : place + 12] = b"\xff" * 12
    file.write_bytes(content)
    summary = import_tensorboard(tmp_path / "run", store=store)
    assert (summary.points, dict(summary.skipped)) == (8, {"damaged records in event files": 1})


def test_what_is_no_event_folder(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for path in (tmp_path / "logs", tmp_path / "none"):
        with pytest.raises(NotFoundError, match="no event file of TensorBoard's"):
            import_tensorboard(path, store=store)
    (tmp_path / "logs" / "events.out.tfevents.link").symlink_to(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "events.out.tfevents.1").write_text("")
    (tmp_path / "logs" / "linked").symlink_to(tmp_path / "other")
    with pytest.raises(NotFoundError):
        import_tensorboard(tmp_path / "logs", store=store)
    assert import_tensorboard(tmp_path / "other", store=store).skipped == {"event files without an event": 1}


def test_without_the_library(store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # to take the library away

    monkeypatch.setitem(sys.modules, "mltrack.importers.events", None)
    (tmp_path / "events.out.tfevents.1").write_text("")
    with pytest.raises(MissingLibraryError, match=r"jupyter-mltrack\[tensorboard\]"):
        import_tensorboard(tmp_path, store=store)
