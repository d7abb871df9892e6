"""Worker processes that do jobs, some at once: started, listened to, replaced when they die, and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, cast

from mltrack.serving.parent import how_it_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mltrack.rerunning.jobs import Job

    Hear = Callable[[Job, dict[str, Any]], None]

STOP_SECONDS = 10.0
_OWN = ("JPY_", "MLFLOW_RUN_ID", "MLTRACK_RUN_ID", "MLFLOW_EXPERIMENT", "MLTRACK_EXPERIMENT")
"""What the environment says of this process alone, and not of those that it starts."""


class Crew:
    """Does jobs by worker processes, each with a thread here that listens to it.

    Parameters
    ----------
    jobs
        What is to be done, in this order.
    workers
        How many at once.
    hear
        Called with a job and what is told of it, from the threads; the last is always ``{"kind": "end"}``.
    """

    def __init__(self, jobs: Iterable[Job], workers: int, *, hear: Hear) -> None:
        self._jobs = deque(jobs)
        self._hear = hear
        self._lock = threading.Lock()
        self._is_stopped = False
        self._processes: set[subprocess.Popen[str]] = set()
        count = min(workers, len(self._jobs))
        self._threads = [threading.Thread(target=self._work, name="mltrack-rerun", daemon=True) for _ in range(count)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float | None = None) -> None:
        """Wait until all is done or stopped."""
        for thread in self._threads:
            thread.join(seconds)

    @property
    def pids(self) -> list[int]:
        """The worker processes that live."""
        with self._lock:
            return [process.pid for process in self._processes]

    def stop(self) -> None:
        """Begin no further job, and interrupt those that run; their ends are still told."""
        with self._lock:
            self._is_stopped = True
            processes = list(self._processes)
        for process in processes:
            threading.Thread(target=_end, args=(process,), name="mltrack-rerun-stop", daemon=True).start()

    def _next(self) -> Job | None:
        with self._lock:
            return None if self._is_stopped or not self._jobs else self._jobs.popleft()

    def _work(self) -> None:
        worker: _Process | None = None
        while (job := self._next()) is not None:
            worker = worker or self._started()
            if not worker.do(job, self._hear):
                self._forget(worker)
                worker = None
        if worker is not None:
            self._forget(worker)

    def _started(self) -> _Process:
        worker = _Process()
        with self._lock:
            self._processes.add(worker.process)
            is_late = self._is_stopped
        if is_late:
            worker.close()
        return worker

    def _forget(self, worker: _Process) -> None:
        worker.close()
        _end(worker.process)
        with self._lock:
            self._processes.discard(worker.process)


class _Process:
    """One worker process."""

    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack.rerunning.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=kept,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # what interrupts this process is not meant for it
        )
        self._requests = cast("IO[str]", self.process.stdin)
        self._told = cast("IO[str]", self.process.stdout)
        self._kernel: int | None = None

    def do(self, job: Job, hear: Hear) -> bool:
        """Have a job done; False when the process cannot do another."""
        try:
            self._requests.write(job.to_json() + "\n")
            self._requests.flush()
        except (OSError, ValueError):  # it has ended, or was stopped
            return self._died(job, hear)
        for line in self._told:
            message = json.loads(line)
            if message["kind"] == "kernel":
                self._kernel = message["pid"]
            hear(job, message)
            if message["kind"] == "end":
                self._kernel = None
                return str(message["status"]) != "killed"
        return self._died(job, hear)

    def _died(self, job: Job, hear: Hear) -> bool:
        if self._kernel is not None:
            with suppress(OSError):  # a kernel leads a session of its own
                os.killpg(self._kernel, signal.SIGKILL)
        code = self.process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        text = how_it_ended("the process that ran it", code) + (f": {said[-1]}" if said and code > 0 else "")
        hear(job, {"kind": "error", "text": text[0].upper() + text[1:] + "."})
        hear(job, {"kind": "end", "status": "killed"})
        return False

    def close(self) -> None:
        """Tell it that there are no more jobs."""
        with suppress(OSError, ValueError):
            self._requests.close()


def _end(process: subprocess.Popen[str]) -> None:
    """Close a process's input, which asks it to end, and kill it when it does not."""
    with suppress(OSError, ValueError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
