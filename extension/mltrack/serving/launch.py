"""Starting the front of a server as a process of its own, which an interrupt of this one does not reach."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError, StateError
from mltrack.serving.errors import revived
from mltrack.serving.logs import tail
from mltrack.serving.parent import kill_session
from mltrack.serving.states import State, log_file, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.serving.settings import Settings

_GRACE_SECONDS = 30.0  # beyond the model's own time to load, after which the front itself ends the attempt
_POLL_SECONDS = 0.2

Process = subprocess.Popen[bytes]


def launch(settings: Settings, *, stopping: threading.Event | None = None) -> tuple[Process, State]:
    """Start a server, and wait until it answers; when it cannot, or is not to any more, nothing of it is left.

    Raises
    ------
    MltrackError
        When the model cannot be loaded or the port is taken: why, in one message of the error's own type.
    """
    process = _start(settings)
    try:
        _send(process, settings)
        return process, State.from_values(_first_line(process, settings, stopping or threading.Event()))
    except BaseException:  # an interrupt, too
        end(process)
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()


def end(process: Process) -> None:
    """Kill a front's process, with its workers and what they have started."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kill_session(process.pid)
    if process.stdin is not None:
        with suppress(OSError):  # what was not written yet is nobody's
            process.stdin.close()


def _start(settings: Settings) -> Process:
    """Start the process; it ends when it gets no settings.

    The folder that this process is in is not where it looks for modules: one may have a file named as one of them.
    """
    try:
        log = os.open(log_file(settings), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise unwritable(log_file(settings).parent, error) from error
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack.serving.program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    except OSError as error:
        raise MltrackError(f"The server's process cannot be started: {error}.") from error
    finally:
        os.close(log)


def _send(process: Process, settings: Settings) -> None:
    """Send it the settings; the pipe, which only this process holds, stays open as long as it."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(settings.to_json().encode() + b"\n")
            process.stdin.flush()
            if settings.parent is None:
                process.stdin.close()


def _first_line(process: Process, settings: Settings, stopping: threading.Event) -> dict[str, Any]:
    """Read the line that says that it answers, or why it cannot."""
    lines = _lines(process, settings.limits.start_timeout, stopping)
    line = next((line for line in lines if line.startswith(b"{")), b"")  # before it may stand what Python itself prints
    if not line:
        raise MltrackError(f"The server ended while it started:\n{tail(log_file(settings), 20)}")
    values: dict[str, Any] = json.loads(line)
    if "error" in values:
        raise revived(values["error"])
    return values


def _lines(process: Process, seconds: float, stopping: threading.Event) -> Iterator[bytes]:
    if process.stdout is None:
        return
    deadline = time.monotonic() + seconds + _GRACE_SECONDS
    text = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not stopping.is_set():
            if time.monotonic() > deadline:
                raise MltrackError(f"The server did not start within {seconds + _GRACE_SECONDS:g} seconds.")
            if not selector.select(_POLL_SECONDS):
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return
            *lines, text = (text + chunk).split(b"\n")
            yield from lines
    raise StateError("The server was stopped while it started.")
