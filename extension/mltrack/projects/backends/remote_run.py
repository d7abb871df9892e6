"""A project that runs on a backend: a thread looks how it stands, shows what it prints, and ends its run."""

from __future__ import annotations

import sys
import threading
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.entities import RunStatus
from mltrack.exceptions import MltrackError
from mltrack.masking import mask_text
from mltrack.plain_text import visible
from mltrack.projects.request import KEPT
from mltrack.projects.submitted import SubmittedRun
from mltrack.settings import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.projects.backends.submission import Submission

_MOST_FAILURES = 10  # of looks at it, one after the other


class RemoteRun(SubmittedRun):
    """The handle of a run on a backend, which says how one looks at it, ends it and reads its logs."""

    pause = 1.0
    """The seconds between two looks at it."""

    def __init__(self, submission: Submission) -> None:
        self._run = submission.run
        self._say = submission.request.say
        self._shows = submission.request.output != KEPT
        self._status = RunStatus.SCHEDULED
        self._is_to_stop = threading.Event()
        self._ended = threading.Event()
        self._shown = 0

    def begin(self, clean_up: Callable[[], object]) -> None:
        """Begin to follow it; ``clean_up`` is called when it has ended, by itself or not."""
        # A script waits for its end before it ends itself, as with a local one; a kernel that is shut down does not.
        arguments = (clean_up,)
        threading.Thread(target=self._follow, args=arguments, name="mltrack-project", daemon=state.in_notebook).start()

    @property
    def run_id(self) -> str:
        """The id of the run that it logs to."""
        return self._run.run_id

    def wait(self) -> bool:
        """Wait for its end, and that of its run, and say whether it finished well."""
        self._ended.wait()
        return self._status == RunStatus.FINISHED

    def get_status(self) -> str:
        """Give how it stood a moment ago: also ``SCHEDULED`` here, before it is ``RUNNING``."""
        return str(self._status.value)

    def cancel(self) -> None:
        """Have the backend end it, and wait until it has ended; one that has is left as it is."""
        self._is_to_stop.set()
        self._ended.wait()

    def logs(self) -> str:
        """Give what it printed so far, secrets masked."""
        return mask_text(self.read_logs())

    @abstractmethod
    def look(self) -> RunStatus:
        """Ask the backend how it stands."""

    @abstractmethod
    def stop(self) -> None:
        """Have the backend end it, and return when it has."""

    @abstractmethod
    def read_logs(self) -> str:
        """Ask the backend what it printed so far."""

    def release(self) -> None:
        """Give up what was held for it here, when it has ended."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._run.name} ({self.run_id}) {self.status}>"

    def _follow(self, clean_up: Callable[[], object]) -> None:
        try:
            status = self._final()
        except Exception as error:  # whatever client a backend has
            self._say(f"The run can be followed no longer: {visible(mask_text(str(error)))}")
            status = RunStatus.FAILED
        try:
            self.release()
            self._run.end(status)
        except MltrackError as error:
            print(f"mltrack: run {self.run_id} could not be ended: {error}", file=sys.stderr)
        finally:
            clean_up()
            self._status = status
            self._ended.set()

    def _final(self) -> RunStatus:
        """Look at it until it has ended, and say how."""
        failures = 0
        while True:
            try:
                status = self._look()
                failures = 0
            except Exception:  # of the network, mostly
                failures += 1
                if failures == _MOST_FAILURES:
                    raise
            else:
                if status.is_final:
                    return status
                self._status = status
            self._is_to_stop.wait(self.pause)

    def _look(self) -> RunStatus:
        status = self.look()
        if not status.is_final and self._is_to_stop.is_set():
            self.stop()
            status = RunStatus.KILLED
        if status is not RunStatus.SCHEDULED:
            with suppress(Exception):  # what it prints can be read later, if at all; how it stands is known
                self._show(self.read_logs(), ended=status.is_final)
        return status

    def _show(self, text: str, *, ended: bool) -> None:
        """Print what came since the last time, in whole lines until the end."""
        end = len(text) if ended else text.rfind("\n") + 1
        new, self._shown = text[self._shown : end], max(self._shown, end)
        if new and self._shows:
            print(visible(mask_text(new)), end="" if new.endswith("\n") else "\n", flush=True)
