"""The thread that sends what is in the spool to its server, again and again until it arrives."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from mltrack.exceptions import MltrackError
from mltrack.plain_text import visible
from mltrack.rest.bell import Bell
from mltrack.rest.dispatch import Dispatch
from mltrack.rest.spool import folder

if TYPE_CHECKING:
    from mltrack.rest.dispatch import Refusal
    from mltrack.rest.notices import Notices
    from mltrack.rest.spool import Place, Spool
    from mltrack.rest.transport import Transport

_SECONDS, _MOST_SECONDS = 10.0, 120.0  # that a request may take: longer after one that took too long
_FIRST_PAUSE, _LONGEST_PAUSE, _PAUSE_WAITED_FOR = 0.5, 30.0, 0.5
OUTAGE_SECONDS = 2.0
"""So long one waits for a server that is known to be gone, who need not have its answer."""
_SAID_AFTER = 5  # failures in a row: one may be a hiccup


class Patience(NamedTuple):
    """The seconds that one waits at most, and those of them while the server fails; None: until it fails again."""

    seconds: float
    outage: float | None

    def ends_at(self, begun: float, failing_since: float | None) -> float:
        """Give when it ends."""
        last = begun + self.seconds
        if failing_since is None:
            return last
        return min(last, failing_since + (OUTAGE_SECONDS if self.outage is None else self.outage))


class Courier:
    """Sends what waits; ``failures`` counts the tries in a row that did not arrive, 0 while the server answers.

    ``problem`` is what the last of them met.
    """

    def __init__(self, spool: Spool, transport: Transport, notices: Notices) -> None:
        self.failures = 0
        self.problem: MltrackError | None = None
        self._spool, self._notices = spool, notices
        self._dispatch = Dispatch(spool, transport, told=self._say_refused)
        self._work = Bell()
        self._sending = threading.Lock()
        self._tried = threading.Condition()
        self._waiting = 0
        self._seconds = _SECONDS
        self._next_try = 0.0
        self._is_over = False

    def run(self) -> None:
        """Send what comes, until ``stop``; the work of a thread."""
        while not self._is_over:
            pause = self._next_try - time.monotonic()
            if pause > 0:
                self._work.wait(pause)
            elif not self.attempt():
                self._work.wait()

    def tell(self) -> None:
        """Say that something is in the spool."""
        self._work.ring()

    def stop(self) -> None:
        """Let the thread end, and wait some time until it has."""
        self._is_over = True
        self._work.ring()

    def attempt(self) -> bool:
        """Send the next batch; False when nothing waits."""
        begun = time.monotonic()
        try:
            with self._sending:
                sent = self._dispatch.step(self._seconds)
        except MltrackError as error:
            if time.monotonic() - begun > self._seconds * 0.9:
                self._seconds = min(self._seconds * 2, _MOST_SECONDS)
            self.note_failure(error)
            return True
        except Exception as error:  # a fault of ours must not end the thread
            self._notices.once("fault", f"What waits for {self._spool.server} cannot be sent: {error!r}.")
            self.note_failure(MltrackError("a fault in mltrack"))
            return True
        if sent is not None:
            self._note_success()
        with self._tried:
            self._tried.notify_all()
        return sent is not None

    def wait(self, place: Place, patience: Patience) -> bool:
        """Wait until what lies before a place was sent."""
        if self._spool.sent >= place:
            return True
        begun, failures = time.monotonic(), self.failures
        since = begun if failures else None
        with self._tried:
            self._waiting += 1
            try:
                self._next_try = 0.0
                self._work.ring()
                while self._spool.sent < place:
                    now = time.monotonic()
                    since = (now if since is None else since) if self.failures else None
                    left = patience.ends_at(begun, since) - now
                    if left <= 0 or (self.failures > failures and patience.outage is None):
                        return False
                    self._tried.wait(left)
            finally:
                self._waiting -= 1
        return True

    def work_off(self, place: Place, patience: Patience) -> bool:
        """Do as ``wait``, and the thread's work with it, where no thread can be started any more."""
        begun, since = time.monotonic(), None
        while self._spool.sent < place:
            failures = self.failures
            if time.monotonic() >= patience.ends_at(begun, since) or not self.attempt():
                break
            since = (since or time.monotonic()) if self.failures else None
            if self.failures > failures:
                if patience.outage is None:
                    break
                time.sleep(_PAUSE_WAITED_FOR)
        return self._spool.sent >= place

    def finish(self, *, leave: bool) -> None:
        """Delete the file when nothing waits in it; with ``leave``, let others have what does."""
        with self._sending:
            self._spool.tidy()
            if leave:
                self._spool.leave()

    def note_failure(self, error: MltrackError) -> None:
        """Note that the server could not be asked: the next try comes after a while, each time a longer one."""
        with self._tried:
            self.failures += 1
            self.problem = error
            pause = min(_FIRST_PAUSE * 2 ** min(self.failures - 1, 8), _LONGEST_PAUSE)
            pause = min(pause, _PAUSE_WAITED_FOR) if self._waiting else pause
            self._next_try = time.monotonic() + pause * random.uniform(0.7, 1.0)  # noqa: S311 - it spreads callers
            self._tried.notify_all()
        if self.failures >= _SAID_AFTER:
            self.say_outage(error)

    def say_outage(self, error: MltrackError) -> None:
        """Say once for each outage that what is logged is kept."""
        self._notices.once(
            "outage",
            f"{visible(error.message)[:300]} Until then what is logged is kept in {folder()}, and sent when the server "
            "answers, or by `mltrack sync`.",
        )

    def _say_refused(self, refused: Refusal) -> None:
        kept = f" It is kept in {refused.kept}." if refused.kept else ""
        self._notices.once(
            f"refused {refused.run_id}",
            f"The server refused some of what was logged to run {refused.run_id}: "
            f"{visible(refused.reason)[:300]}{kept}",
        )

    def _note_success(self) -> None:
        self._seconds = _SECONDS
        if self.failures:
            self.failures, self.problem = 0, None
            self._notices.over("outage", "kept")
        while self._spool.damaged:
            path, damage = self._spool.damaged.pop()
            self._notices.once(
                f"damaged {path}",
                f"{damage.end - damage.start} bytes at {damage.start} of {path} are damaged; what they held is lost.",
            )
