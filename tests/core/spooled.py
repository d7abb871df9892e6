"""What the tests of senders and spools share: a sender's server, runs on it, and what was stored there."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.core.tracking_servers import start_server

from mltrack.entities import Metric
from mltrack.process import Owner, current_owner
from mltrack.rest.sender import Sender
from mltrack.rest.spool_file import Record, SpoolView, packed
from mltrack.rest.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest
    from tests.core.tracking_servers import RunningServer

SENDERS = Path(__file__).parents[1] / "faults" / "senders.py"
NOBODY = "http://127.0.0.1:9"
"""An address where nothing answers."""


@lru_cache(maxsize=1)
def shared_server() -> RunningServer:
    """Start a server at the first call, for all of a process's tests of senders and spools."""
    folder = tempfile.TemporaryDirectory()
    server = start_server(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.kill)
    return server


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sender wait for a minute where a server answers: it, or this process, may do nothing for a while."""
    for name in ("sender.END_SECONDS", "sender.EXIT_SECONDS", "sender._VALUES_SECONDS", "courier._SECONDS"):
        monkeypatch.setattr(f"mltrack.rest.{name}", 60.0)


def new_run(server: RunningServer) -> str:
    return str(server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"])


def new_sender(url: str) -> Sender:
    return Sender(Transport(url), url)


@contextmanager
def sender_to_nobody(uri: str = NOBODY) -> Iterator[Sender]:
    sender = new_sender(uri)
    try:
        yield sender
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sender.close()


def points(count: int, key: str = "loss", start: int = 0) -> list[Metric]:
    return [Metric(key, 1 / (step + 1), 1_000 + step, step) for step in range(start, start + count)]


def steps_of(server: RunningServer, run_id: str, key: str = "loss") -> list[int]:
    steps: list[int] = []
    asked = f"metrics/get-history?run_id={run_id}&metric_key={key}&max_results=25000"
    token = ""
    while True:
        found = server.get(f"{asked}&page_token={token}" if token else asked)
        steps += [each["step"] for each in found.get("metrics", ())]
        token = found.get("next_page_token", "")
        if not token:
            return steps


def run_of(server: RunningServer, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.get(f"runs/get?run_id={run_id}")["run"]
    return found


def pairs_of(server: RunningServer, run_id: str, name: str) -> dict[str, str]:
    return {each["key"]: each["value"] for each in run_of(server, run_id)["data"].get(name, ())}


def wait_for(condition: Callable[[], Any], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def of_another(path: Path, process: int = 4_194_000, started: str = "1", *, owner: Owner | None = None) -> None:
    """Let a file be one that another process has written, which is gone unless its number and start are given."""
    content = path.read_bytes()
    file = SpoolView(path)
    head = next(each for each in file.read(0) if isinstance(each, Record))
    file.close()
    writer = owner or replace(current_owner(), pid=process, started=started)
    path.write_bytes(packed(json.dumps(head.payload | {"owner": str(writer)}).encode()) + content[head.end :])


def start_sender(folder: Path, what: str, url: str, run_id: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a task of ``senders.py`` in a process of its own, whose spool is below the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLTRACK_")}
    words = [what, url, str(folder / f"{what}.side"), run_id, *map(str, arguments)]
    return subprocess.Popen(
        [sys.executable, str(SENDERS), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**kept, "MLTRACK_DATA_DIR": str(folder / "user")},
    )
