"""A project that was started: waiting for it, how it stands, ending it, and what it printed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack.exceptions import MltrackError
from mltrack.masking import mask_text
from mltrack.plain_text import printable
from mltrack.projects.launch import release
from mltrack.projects.live_output import LiveOutput
from mltrack.projects.request import INHERITED, SHOWN
from mltrack.settings import state

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from mltrack.projects.launch import Process
    from mltrack.projects.project_run import ProjectRun

_SHOWN = 60  # characters of a command


class SubmittedRun:
    """A project that runs, wherever that is, with the names of MLflow's class."""

    @property
    def run_id(self) -> str:
        """The id of the run that it logs to."""
        raise NotImplementedError

    @property
    def status(self) -> str:
        """``RUNNING``, ``FINISHED``, ``FAILED`` or ``KILLED``."""
        return self.get_status()

    def wait(self) -> bool:
        """Wait for its end and say whether it succeeded."""
        raise NotImplementedError

    def get_status(self) -> str:
        """Give how it stands now."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End it, and wait until it has ended; one that has is left as it is."""
        raise NotImplementedError

    def logs(self) -> str:
        """Give what it printed so far."""
        raise NotImplementedError


class LocalSubmittedRun(SubmittedRun):
    """A project's command that runs on this machine; the run is ended when it ends."""

    def __init__(
        self,
        run: ProjectRun,
        command: str,
        *,
        process: Process,
        output: LiveOutput | None = None,
        clean_up: Callable[[], object] | None = None,
    ) -> None:
        self._run = run
        self._command = command
        self._process = process
        self._output = output
        self._clean_up = clean_up
        self._was_cancelled = False
        self._ended = threading.Event()
        # A script waits for its end before it ends itself, as with MLflow; a kernel that is shut down does not.
        thread = threading.Thread(target=self._watch, name="mltrack-project", daemon=state.in_notebook)
        thread.start()

    @property
    def run_id(self) -> str:
        """The id of the run that it logs to."""
        return self._run.run_id

    @property
    def exit_code(self) -> int | None:
        """The command's exit code, 128 and the number where a signal ended it; None while it runs."""
        return self._process.returncode if self._ended.is_set() else None

    def wait(self) -> bool:
        """Wait for the end of the command and of its run, and say whether it succeeded.

        An interrupt here ends nothing; ``run`` in its synchronous form cancels.
        """
        self._ended.wait()
        return self.get_status() == RunStatus.FINISHED

    def get_status(self) -> str:
        """Give how the command stands: ``RUNNING``, ``FINISHED``, ``FAILED`` or, cancelled, ``KILLED``."""
        if not self._ended.is_set():
            return str(RunStatus.RUNNING.value)
        return str(self._final_status().value)

    def cancel(self) -> None:
        """End the command with all that it started, and wait until it has ended: SIGTERM, after 5 seconds SIGKILL."""
        self._stop(signal.SIGTERM)

    def interrupt(self) -> None:
        """End it as Ctrl-C does: its processes may end by themselves before ``cancel`` ends them."""
        self._stop(signal.SIGINT)

    def logs(self) -> str:
        """Give what it printed so far, secrets masked; empty when its output went straight to the terminal."""
        return self._output.text() if self._output is not None else ""

    def __repr__(self) -> str:
        command = printable(mask_text(self._command))
        shown = command if len(command) <= _SHOWN else f"{command[: _SHOWN - 1]}…"
        return f"<SubmittedRun {self._run.name} ({self.run_id}) {self.status}: {shown}>"

    def _stop(self, number: signal.Signals) -> None:
        if not self._ended.is_set():
            self._was_cancelled = True
            self._process.send_signal(number)
            self._ended.wait()

    def _watch(self) -> None:
        self._process.wait()
        try:
            if self._output is not None:
                self._output.finish()
            release(self._process)
            self._run.end(self._final_status())
        except MltrackError as error:
            print(f"mltrack: run {self.run_id} could not be ended: {error}", file=sys.stderr)
        finally:
            if self._clean_up is not None:
                self._clean_up()
            self._ended.set()

    def _final_status(self) -> RunStatus:
        if self._process.returncode == 0:
            return RunStatus.FINISHED
        return RunStatus.KILLED if self._was_cancelled else RunStatus.FAILED


def start_command(
    run: ProjectRun, command: str, start: Callable[..., Process], *, output: str, stack: ExitStack
) -> LocalSubmittedRun:
    """Start a command for a run by ``launch``, of which ``start`` lacks the command and the output.

    ``output`` is one of ``INHERITED``, ``SHOWN`` and ``KEPT``; what ``stack`` has to clean up is done at the end.
    """
    live = None if output == INHERITED else LiveOutput(run.run_id, shown=output == SHOWN)
    process = start(command, output=None if live is None else subprocess.PIPE)
    if live is not None:
        live.follow(process)
    return LocalSubmittedRun(run, command, process=process, output=live, clean_up=stack.pop_all().close)
