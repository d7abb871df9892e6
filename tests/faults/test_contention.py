from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import KernelManager
from tests.faults.processes import SECONDS, is_sound, lines, query, start, succeed

import mltrack
from mltrack.exceptions import InvalidParameterError
from mltrack.store import connection as connection_module
from mltrack.store import opening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from sqlite3 import Connection

    from jupyter_client.blocking.client import BlockingKernelClient

LOADS = [
    pytest.param(8, 1, 500, id="8-processes"),
    pytest.param(2, 16, 200, id="2-processes-of-16-threads"),
    pytest.param(8, 1, 10_000, id="8-processes-long", marks=pytest.mark.slow),
    pytest.param(2, 32, 1_000, id="2-processes-of-32-threads", marks=pytest.mark.slow),
    pytest.param(1, 32, 1_000, id="32-threads", marks=pytest.mark.slow),
]
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER")


@pytest.mark.parametrize(("processes", "threads", "calls"), LOADS)
def test_every_point_of_every_writer_is_there(tmp_path: Path, processes: int, threads: int, calls: int) -> None:
    store = tmp_path / "mltrack.db"
    sides = [tmp_path / f"{number}.txt" for number in range(processes)]
    writers = [start("writers.py", "count", store, side, threads, calls) for side in sides]
    for writer in writers:
        succeed(writer, seconds=900)  # silent, too: no warning of a store that was busy
    found = query(
        store,
        "SELECT r.uuid, k.name, count(*), min(m.step), max(m.step) FROM metrics m JOIN runs r ON r.id = m.run_id"
        " JOIN metric_keys k ON k.id = m.key_id GROUP BY 1, 2",
    )
    runs = [lines(side)[0] for side in sides]
    expected = {(run, f"m{number}", calls, 0, calls - 1) for run in runs for number in range(threads)}
    assert set(found) == expected
    assert query(store, "SELECT DISTINCT status FROM runs") == [("FINISHED",)]
    assert is_sound(store)


@contextmanager
def kernel(folder: Path, store: Path) -> Iterator[BlockingKernelClient]:
    folder.mkdir()
    names = {
        "IPYTHONDIR": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "MLTRACK_TRACKING_URI": f"sqlite:///{store}",
    }
    manager = KernelManager(
        kernel_name="python3", connection_file=str(folder / "kernel-fault.json"), shutdown_wait_time=SECONDS
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JPY"))}
    manager.start_kernel(env={**inherited, **names}, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def run_cell(client: BlockingKernelClient, code: str) -> str:
    """Run a cell; gives what it printed on stderr, having failed for an exception."""
    shown: list[str] = []

    def listen(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stderr":
            shown.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=SECONDS, output_hook=listen)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(shown)


def drive(folder: Path, store: Path, cells: int) -> str:
    with kernel(folder, store) as client:
        stderr = run_cell(client, "%load_ext mltrack\nimport mltrack, os")
        for number in range(cells):
            code = f"%%track_run --quiet\nkernel = {folder.name!r}\nfor i in range(200):\n    "
            stderr += run_cell(client, f"{code}mltrack.log_metric('loss', i + {number}, step=i)")
    return stderr


CELLS = [pytest.param(10, id="10-cells"), pytest.param(200, id="200-cells", marks=pytest.mark.slow)]


@pytest.mark.parametrize("cells", CELLS)
def test_two_kernels_write_one_file_at_once(tmp_path: Path, cells: int) -> None:
    store = tmp_path / "mltrack.db"
    with ThreadPoolExecutor(2) as both:
        shown = list(both.map(lambda name: drive(tmp_path / name, store, cells), ("one", "two")))
    assert shown == ["", ""]
    found = query(
        store,
        "SELECT p.value, r.status, count(*) FROM runs r JOIN text_keys k ON k.name = 'kernel'"
        " JOIN params p ON p.run_id = r.id AND p.key_id = k.id JOIN metrics m ON m.run_id = r.id"
        " JOIN snapshots s ON s.run_id = r.id GROUP BY r.id",
    )
    assert sorted(found) == [(name, "FINISHED", 200) for name in ("one", "two") for _ in range(cells)]
    assert is_sound(store)


class Trace:
    """What every connection is told to do, and the writes that are not inside an immediate transaction."""

    def __init__(self) -> None:
        self.writes = 0
        self.stray: list[str] = []

    def watch(self, connection: Connection) -> Connection:
        begun = [""]

        def see(statement: str) -> None:
            words = statement.upper().split()
            if words[0] == "BEGIN":
                begun[0] = " ".join(words[:2])
            elif words[0] in ("COMMIT", "ROLLBACK"):
                begun[0] = ""
            elif words[0] in WRITES:
                self.writes += 1
                if begun[0] != "BEGIN IMMEDIATE":
                    self.stray.append(statement)

        connection.set_trace_callback(see)
        return connection


def track_and_read_everything() -> None:
    """A scenario with each kind of write, and the reads between them."""
    mltrack.set_experiment("faults")
    with mltrack.start_run(tags={"a": 1}, description="outer") as run:
        mltrack.log_params({"p": 1, "q": "text"})
        mltrack.log_metrics({"m": 1.0, "n": float("nan")}, step=1)
        mltrack.set_tags({"t": 1, "mltrack.note": "n"})
        with mltrack.start_run(nested=True):
            mltrack.log_metric("m", 2.0)
        with pytest.raises(InvalidParameterError):
            mltrack.log_param("p", 2)
        mltrack.get_run(run.info.run_id)
    with mltrack.start_run(run_id=run.info.run_id):  # taken up again
        mltrack.log_metric("m", 3.0, step=2)
    client = mltrack.MltrackClient()
    other = client.create_run("0")
    client.log_metric(other.info.run_id, "m", 1.0)
    client.set_terminated(other.info.run_id)
    mltrack.search_runs(search_all_experiments=True, filter_string="metrics.m > 0")


def test_every_write_is_inside_an_immediate_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = Trace()
    opened: Callable[..., Connection] = connection_module.open_file
    for module in (connection_module, opening):
        monkeypatch.setattr(module, "open_file", lambda *args, **options: trace.watch(opened(*args, **options)))
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    track_and_read_everything()
    assert trace.writes > 40
    assert trace.stray == []
