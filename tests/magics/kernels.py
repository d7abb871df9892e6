"""A real ipykernel for tests: started in a folder of its own, spoken to as a front end does, and read from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from traitlets.config import Config

from mltrack.executed_notebook import as_notebook
from mltrack.keys import PARENT_TAG
from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mltrack.entities import Run

Content = dict[str, Any]
LOAD = "%load_ext mltrack"
SECONDS = 120.0
# A user would rather lose the last outputs than wait; on a busy machine the background may stand still for seconds.
PATIENT = f"""
from mltrack_magics.cells import Cells
def settle(self, seconds, _settle=Cells.settle):
    _settle(self, {SECONDS / 3})
Cells.settle = settle
del Cells, settle
"""

# For nbclient, which by itself leaves out what comes four seconds after a cell's end, and shows in pieces what came in
# pieces.
UNHURRIED: dict[str, Any] = {
    "timeout": 300,
    "startup_timeout": 300,
    "iopub_timeout": 300,
    "coalesce_streams": True,
    "config": Config({"KernelManager": {"shutdown_wait_time": SECONDS}}),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a front end got for one cell: each message as (type, content), and the reply."""

    messages: tuple[tuple[str, Content], ...]
    reply: Content

    @property
    def status(self) -> str:
        """``ok`` or ``error``."""
        return str(self.reply["status"])

    @property
    def outputs(self) -> list[tuple[str, Content]]:
        """What was shown, without mltrack's cards."""
        return [(kind, content) for kind, content in self.messages if "mltrack" not in content.get("metadata", {})]

    @property
    def cards(self) -> list[Content]:
        """The cards, as MIME bundles."""
        return [content["data"] for _, content in self.messages if "mltrack" in content.get("metadata", {})]

    @property
    def value(self) -> str | None:
        """The last expression's value as text."""
        found = [content["data"]["text/plain"] for kind, content in self.messages if kind == "execute_result"]
        return found[-1] if found else None

    @property
    def error(self) -> str | None:
        """The exception's name and message, if one was raised."""
        return f"{self.reply['ename']}: {self.reply['evalue']}" if self.status == "error" else None

    def stream(self, name: str = "stdout") -> str:
        """All that was printed to a stream."""
        texts = [content["text"] for kind, content in self.messages if kind == "stream" and content["name"] == name]
        return "".join(texts)


class Kernel:
    """One kernel with the client of a front end."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.state = folder / ".jupyter"
        self.state.mkdir(exist_ok=True)
        self.environment = clean_environment(self.state, **variables)
        # Not by ports: one that is free when it is chosen may be another program's when the kernel has started. In a
        # folder of its own, as such an address has a hundred letters at most.
        self._sockets = tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True)
        self.manager = KernelManager(
            kernel_name="python3",
            connection_file=str(self.state / f"kernel-{uuid.uuid4()}.json"),
            transport="ipc",
            ip=f"{self._sockets.name}/socket",
            shutdown_wait_time=SECONDS,
        )
        self.start()

    @classmethod
    def gone(cls, folder: Path) -> Self:
        """Stand for a kernel that has ended, to read what it left."""
        kernel = cls.__new__(cls)
        kernel.folder, kernel.state = folder, folder / ".jupyter"
        return kernel

    @classmethod
    def attached(cls, folder: Path, connection_file: Path) -> Self:
        """Speak to a kernel that a Jupyter server has started."""
        kernel = cls.gone(folder)
        kernel.client = BlockingKernelClient(connection_file=str(connection_file))
        kernel.client.load_connection_file()
        kernel.client.start_channels()
        kernel.wait_for_ready()
        return kernel

    def wait_for_ready(self) -> None:
        """Wait for a kernel that is not ours: a heartbeat that is late on a busy machine does not mean that it died."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.client.wait_for_ready(timeout=SECONDS)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def start(self) -> None:
        """Start the process and connect to it."""
        self.manager.start_kernel(env=self.environment, cwd=str(self.folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    @property
    def pid(self) -> int:
        """The kernel's process."""
        assert self.manager.provisioner is not None
        return int(self.manager.provisioner.pid)  # type: ignore[attr-defined]

    def send(self, code: str, cell_id: str | None = None, **metadata: object) -> str:
        """Ask for a cell to be run, without waiting; gives the message's id."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        about = {"cellId": cell_id, **metadata} if cell_id else metadata
        message = self.client.session.msg("execute_request", content, metadata=about)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def wait(self, message_id: str, *, timeout: float = SECONDS) -> Outcome:
        """Wait for a cell's end; gives what it showed."""
        seen: list[tuple[str, Content]] = []
        for kind, content in self._published(message_id, timeout):
            if kind not in ("status", "execute_input"):
                seen.append((kind, content))
        return Outcome(tuple(seen), self.reply(message_id, timeout=timeout))

    def reply(self, message_id: str, *, timeout: float = SECONDS) -> Content:
        """Wait for the reply to one request; a slow start may have left replies to those before it."""
        while (found := self.client.get_shell_msg(timeout=timeout))["parent_header"].get("msg_id") != message_id:
            pass
        content: Content = found["content"]
        return content

    def _published(self, message_id: str, timeout: float) -> Iterator[tuple[str, Content]]:
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            yield message["msg_type"], message["content"]
            if message["content"].get("execution_state") == "idle":
                return

    def wait_until_idle(self, message_id: str, *, timeout: float = SECONDS) -> None:
        """Wait for a cell's end where no reply may come: an interrupt may cut ipykernel's own code."""
        for _ in self._published(message_id, timeout):
            pass

    def run(self, code: str, cell_id: str | None = None, **metadata: object) -> Outcome:
        """Run a cell."""
        return self.wait(self.send(code, cell_id, **metadata))

    def begin(self, code: str, cell_id: str | None = None, *, shows: str = "begun") -> str:
        """Start a cell and come back once it has printed ``shows``; ``wait`` gives what comes after."""
        message_id = self.send(code, cell_id)
        for kind, content in self._published(message_id, SECONDS):
            if kind == "stream" and shows in content["text"]:
                return message_id
        raise AssertionError(f"the cell ended and did not print {shows!r}")

    def track(self, body: str, line: str = "", cell_id: str | None = None) -> tuple[Outcome, Run]:
        """Run a tracked cell; gives what it showed, and its run."""
        before = {run.info.run_id for run in self.runs()} if self.has_store else set()
        outcome = self.run(f"%%track_run {line}\n{body}", cell_id)
        made = {run.info.run_id: run for run in self.runs() if run.info.run_id not in before}
        own = [run for run in made.values() if run.data.tags.get(PARENT_TAG) not in made]  # no run of the cell's own
        assert own, outcome
        return outcome, own[-1]

    def evaluate(self, expression: str, *, timeout: float = SECONDS) -> Any:
        """Give an expression's value through JSON, run as no cell: no hooks, no history."""
        place = self.state / "value.json"
        self._silently(
            f"with open({str(place)!r}, 'w') as _file: __import__('json').dump({expression}, _file)", timeout=timeout
        )
        return json.loads(place.read_text(encoding="utf-8"))

    def be_patient(self) -> None:
        """Have mltrack wait for what ended cells left as long as it takes, also when the kernel is shut down."""
        self._silently(PATIENT, timeout=SECONDS)

    def _silently(self, code: str, *, timeout: float) -> None:
        reply = self.reply(self.client.execute(code, silent=True), timeout=timeout)
        assert reply["status"] == "ok", reply

    def interrupt(self) -> None:
        """Send what the stop button sends."""
        self.manager.interrupt_kernel()

    def kill(self) -> None:
        """End the process with SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not self.manager.is_alive())

    def restart(self, *, now: bool = False) -> None:
        """Restart the kernel as the restart button does."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=now)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def shut_down(self, *, now: bool = False) -> None:
        """End the kernel; without ``now`` it is asked to, and may run its atexit hooks."""
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=now)

    @property
    def has_store(self) -> bool:
        """True once the kernel has made its store."""
        return (self.folder / "mltrack.db").exists()

    @property
    def store(self) -> SqliteStore:
        """The kernel's store, opened anew by this process."""
        return SqliteStore(self.folder / "mltrack.db")

    def runs(self) -> list[Run]:
        """Give all runs, the last begun first."""
        store = self.store
        places = tuple(each.experiment_id for each in store.list_experiments())
        return list(store.search_runs(Search(places)).rows)

    def notebook(self, run: Run, *, in_file_order: bool = True) -> dict[str, Any]:
        """Give a run's notebook once what its cell started is over."""
        self.settle()
        snapshot = self.store.load_snapshot(run.info.run_id)
        assert snapshot is not None
        return as_notebook(snapshot, run.info.run_id, in_file_order=in_file_order)

    def settle(self, seconds: float = SECONDS) -> None:
        """Wait until the outputs of ended cells are saved."""
        loaded = "__import__('mltrack_magics.extension').extension._loaded"
        found = self.evaluate(f"[each.settle({seconds}) for each in {loaded}.values()]", timeout=seconds + SECONDS)
        assert found == [None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.shut_down(now=True)
        self._sockets.cleanup()


def clean_environment(state: Path, **variables: str) -> dict[str, str]:
    """Give the environment of a program that knows nothing of this test run and writes only below ``state``."""
    # ipykernel does not watch file descriptors where it believes to be under test.
    strange = ("PYTEST", "JPY", "JUPYTER", "MLTRACK", "COV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    places = (
        *("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"),
        *("MPLCONFIGDIR", "MLTRACK_DATA_DIR"),
    )
    return {**kept, **{name: str(state) for name in places}, **variables}


@contextmanager
def running_kernel(folder: Path, *, load: bool = True, **variables: str) -> Iterator[Kernel]:
    """Give a kernel, with mltrack loaded, and end it."""
    with Kernel(folder, **variables) as kernel:
        if load:
            assert kernel.run(LOAD).status == "ok"
        yield kernel


def wait_until(condition: Callable[[], object], *, seconds: float = SECONDS, what: str = "it") -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.01)


def run_python(code: str, folder: Path, *, variables: Mapping[str, str] | None = None) -> str:
    """Run a script in a Python of its own; gives what it printed, its errors too."""
    state = folder / ".jupyter"
    state.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=clean_environment(state, **(variables or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
