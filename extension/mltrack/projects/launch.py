"""Starts a project's command, in its folder and environment, under a guard that leaves nothing of it behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.config import PARENT_RUN_ID, uri_for_mlflow
from mltrack.exceptions import ExecutionError, MissingLibraryError
from mltrack.projects import stand_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.projects.entities import PreparedEnvironment

Process = subprocess.Popen[bytes]
_GUARD = Path(__file__).with_name("guard.py")
_TRACKING_URI = "MLTRACK_TRACKING_URI"
_MARK = "MLTRACK_LAUNCH"  # among the variables of all that a command starts
_held: dict[int, tuple[int, str]] = {}
"""Of each guard that runs, by its process's id, the end of the pipe that this process holds, and its mark."""


def launch(
    command: str,
    *,
    folder: Path,
    environment: PreparedEnvironment,
    variables: Mapping[str, str],
    output: int | None = None,
) -> Process:
    """Run a command with ``bash -c`` and return without waiting.

    What is given is the guard's process: SIGTERM (``terminate()``) ends all that the command started, SIGINT does so
    after letting it end by itself, and ``returncode`` is the command's, 128 and the number where a signal ended it.
    When this process ends, all ends. Call ``release`` once it has ended.

    Parameters
    ----------
    variables
        Of the run, as ``run_variables`` gives them; those of the environment are put below them.
    output
        None for this process's own standard output and error, ``subprocess.PIPE`` for pipes of their own.

    Raises
    ------
    ExecutionError
        When it cannot be started, as when it is too long for the system.
    """
    if shutil.which("bash") is None:
        raise MissingLibraryError("Projects are run with bash, and there is none on this machine's PATH.")
    reader, writer = os.pipe()
    group = "shared" if os.isatty(0) else "own"
    words = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(reader), group, command]
    mark = os.urandom(8).hex()
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=_variables(environment, {**variables, _MARK: mark}, is_piped=output is not None),
            stdout=output,
            stderr=output,
            pass_fds=[reader],
            process_group=None if group == "shared" else 0,
        )
    except (OSError, ValueError) as error:
        os.close(writer)
        raise ExecutionError(f"The command cannot be started: {error}.") from error
    finally:
        os.close(reader)
    _held[process.pid] = (writer, mark)
    return process


def release(process: Process) -> None:
    """Close what this process holds of one that has ended, and end what a guard that was killed could not."""
    writer, mark = _held.pop(process.pid, (None, ""))
    if writer is not None:
        os.close(writer)
        if process.returncode is not None and process.returncode < 0:
            _end_orphans(f"{_MARK}={mark}")


def _end_orphans(mark: str) -> None:
    """End all processes with a mark among their variables: SIGTERM, and SIGKILL to what is left 5 seconds later."""
    from mltrack.projects.guard import MOMENT, TERM_SECONDS  # of use where one was killed

    start = time.monotonic()
    while found := _marked(mark):
        number = signal.SIGTERM if time.monotonic() - start < TERM_SECONDS else signal.SIGKILL
        for pid in found:
            with suppress(OSError):
                os.kill(pid, number)
        time.sleep(MOMENT)


def _marked(mark: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):  # none on other systems than Linux
        with suppress(OSError):  # another user's, or gone
            if mark.encode() in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
    return found


def run_variables(run_id: str, experiment_id: str, tracking_uri: str) -> dict[str, str]:
    """Give the variables that make a child log to a run, under MLflow's names and ours.

    MLflow's own URI is one that the mlflow package refuses, should a child import that (see ``uri_for_mlflow``).
    """
    values = {"RUN_ID": run_id, "EXPERIMENT_ID": experiment_id, "TRACKING_URI": tracking_uri}
    found = {f"{owner}_{name}": value for owner in ("MLFLOW", "MLTRACK") for name, value in values.items()}
    return {**found, "MLFLOW_TRACKING_URI": uri_for_mlflow(tracking_uri)}


def _variables(environment: PreparedEnvironment, variables: Mapping[str, str], *, is_piped: bool) -> dict[str, str]:
    found = {**os.environ, **environment.variables, **variables}
    found.pop(PARENT_RUN_ID.name, None)  # that of this process is not that of the run
    if is_piped:
        found.setdefault("PYTHONUNBUFFERED", "1")  # or Python would keep what it prints until it has a block
    return {**found, **stand_in.variables(found.get(_TRACKING_URI, ""), found)}
