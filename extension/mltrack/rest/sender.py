"""Sends what is logged to a server: points in the background, params and tags in order.

A point goes into a deque in memory, without a lock. One thread writes what is there to the spool, four times a second
or once there are many; another sends what is in the spool. So a server that is slow, gone or full costs a training loop
nothing, and a process that is killed loses a quarter of a second of points.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

from mltrack import config
from mltrack.exceptions import MltrackError
from mltrack.rest import records
from mltrack.rest.courier import OUTAGE_SECONDS, Courier, Patience
from mltrack.rest.delivery import is_refusal, is_too_old
from mltrack.rest.keeper import Keeper
from mltrack.rest.notices import Notices
from mltrack.rest.spool import Spool, folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Metric, Param, RunTag
    from mltrack.rest.spool import Place
    from mltrack.rest.transport import Transport
    from mltrack.wire.shapes import Json

END_SECONDS, EXIT_SECONDS = 10.0, 5.0
"""The longest waits for a server when a run ends, and when the process does."""
_VALUES_SECONDS = 10.0
_SHORT_SECONDS = 1.0  # the wait of a run's end in an outage that another one's has waited for


class Sender:
    """What goes to one server from this process. Usable from any thread; a forked child begins anew.

    Parameters
    ----------
    transport
        The way to the server.
    uri
        Its address; what it may hold of a user and password is kept nowhere.
    """

    def __init__(self, transport: Transport, uri: str) -> None:
        self._transport = transport
        self._server = config.without_user(uri)
        self._is_child = False
        self._begin()
        _senders.add(self)

    def _begin(self) -> None:
        self._notices = Notices()
        self._spool = Spool(self._server)
        self._courier = Courier(self._spool, self._transport, self._notices)
        self._keeper = Keeper(self._spool, self._notices, told=self._courier.tell)
        self._starting = threading.Lock()
        self._threads: list[threading.Thread] | None = None
        self._has_waited = False
        self._begun: dict[str, bytes] = {}  # the records of runs that are to be made later
        self._of_parent: dict[str, bytes] = {}

    def begin_anew(self) -> None:
        """In a forked child: what waits is the parent's to send, and its threads hold no lock here."""
        self._spool.forget()
        begun = {**self._of_parent, **self._begun}
        self._begin()
        self._of_parent = begun
        self._is_child = True

    @property
    def is_failing(self) -> bool:
        """Whether the server was not to be reached when it was asked last."""
        return self._courier.failures > 0

    def create(self, run_id: str, body: Json, problem: MltrackError | None) -> None:
        """Have a run made later, before all that is logged to it; ``problem`` is why it was not made now, if new."""
        if problem is not None:
            self._courier.note_failure(problem)
            self._courier.say_outage(problem)
        record = self._begun[run_id] = records.of_creation(run_id, body)
        self._queue(run_id, record)
        self._notices.speak()

    def awaits(self, run_id: str) -> bool:
        """Tell whether a run is not made yet, as far as this process had it made later."""
        if run_id in self._of_parent:
            self._make_for_parent(run_id)
        if run_id in self._begun and self._unsent(run_id) is None:
            del self._begun[run_id]
        return run_id in self._begun

    def _make_for_parent(self, run_id: str) -> None:
        """Have a run made that the parent of this forked child began: what it does itself may come too late."""
        record = self._begun[run_id] = self._of_parent.pop(run_id)
        self._queue(run_id, record)

    def send(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Take points of a run, which are sent in the background, and send params and tags.

        What goes with params or tags is sent with them. When the server cannot be reached, all of it is kept, sent
        later in this order, and one warning is given.

        Raises
        ------
        MltrackError
            What the server refused of params and tags, such as a param that has another value already.
        """
        if run_id in self._of_parent:
            self._make_for_parent(run_id)
        if params or tags:
            self._send_values(run_id, records.of_values(run_id, metrics, params, tags))
        elif metrics:
            if self._threads is None:
                self._start()
            self._keeper.add(run_id, tuple(metrics))
            if self._is_child or not self._threads:
                self._keeper.keep()  # a child may end without a word, as workers do
        if self._notices:
            self._notices.speak()

    def log_inputs(self, run_id: str, inputs: Json) -> None:
        """Tell by ``runs/log-inputs`` what a run read; where the server cannot be reached, it is kept and sent later.

        Raises
        ------
        MltrackError
            What the server refused.
        """
        self.awaits(run_id)
        self._send_values(run_id, records.of_inputs(run_id, inputs))
        self._notices.speak()

    def end(self, run_id: str, change: Json) -> Json | None:
        """Change a run by ``runs/update`` (``status``, ``end_time``…) after all that was logged to it.

        It waits up to ten seconds for the server, and two for one that is gone; after that the rest is kept, and so is
        the change. Gives the server's answer, or None when it is sent later.
        """
        seconds = self._patience()
        deadline = time.monotonic() + seconds
        answer = None
        if self._settle(run_id, Patience(seconds, OUTAGE_SECONDS)) and seconds:
            left = max(deadline - time.monotonic(), _SHORT_SECONDS)
            answer = self._asked("runs/update", {"run_id": run_id, **change}, left)
        if answer is None:
            self._has_waited = True
            self._queue(run_id, records.of_end(run_id, change))
            if self._courier.problem is not None:
                self._courier.say_outage(self._courier.problem)
            else:
                self._notices.once("kept", f"The end of run {run_id} is kept. {self._kept()}")
        if Notices.is_ending:
            self._courier.finish(leave=False)
        self._notices.speak()
        return answer

    def _patience(self) -> float:
        """Give the seconds that a run's end waits: fewer when one has waited before, none when the process ends."""
        if not self._courier.failures:
            return EXIT_SECONDS if Notices.is_ending else END_SECONDS
        return 0.0 if Notices.is_ending else _SHORT_SECONDS if self._has_waited else END_SECONDS

    def flush(self, run_id: str | None = None, timeout: float | None = None, *, outage: float | None = None) -> bool:
        """Send what waits of a run, or all that this process logged; True when nothing of it waits any more.

        What ended processes left for the server is sent before. ``timeout`` is the longest wait in seconds, and
        ``outage`` while the server fails. Without a timeout it is given up as soon as the server fails.
        """
        self._spool.adopt()
        if not self._keeper.has_news() and self._unsent(run_id) is None:
            self._notices.speak()
            return True
        given = outage if outage is not None else timeout
        is_sent = self._settle(run_id, Patience(END_SECONDS if timeout is None else timeout, given))
        self._notices.speak()
        return is_sent

    def close(self) -> None:
        """Send what waits, for some seconds, and leave the rest to ``mltrack sync`` or the next process."""
        if self._threads is None:
            return
        if not self._settle(None, Patience(EXIT_SECONDS, OUTAGE_SECONDS)):
            self._notices.once("left", self._kept())
        if lost := self._keeper.lost:
            self._notices.once("lost", f"{lost:,} points and other values were lost: there was no room to keep them.")
        if Notices.is_ending:  # runs may still be ended
            self._courier.finish(leave=False)
        else:
            self._stop()
        self._notices.speak()

    def _stop(self) -> None:
        keeper, courier, threads = self._keeper, self._courier, self._threads or []
        notices = self._notices
        _started.discard(self)
        self._begin()
        self._notices = notices
        keeper.stop()
        courier.stop()
        for thread in threads:
            thread.join(EXIT_SECONDS)
        keeper.keep()
        courier.finish(leave=True)

    def _send_values(self, run_id: str, record: bytes) -> None:
        if not self._must_queue(run_id):
            for batch in records.batches([records.read(record)]):
                if self._asked(batch.path, batch.body(), _VALUES_SECONDS) is None:
                    break
            else:
                return
        self._queue(run_id, record)

    def _asked(self, path: str, body: Json, seconds: float) -> Json | None:
        """Ask the server; None when it cannot be reached."""
        try:
            return self._transport.call("POST", path, body=body, timeout=seconds)
        except MltrackError as error:
            if is_refusal(error) or is_too_old(error, path):
                raise
            self._courier.note_failure(error)
            self._courier.say_outage(error)
        return None

    def _must_queue(self, run_id: str) -> bool:
        """Tell whether something that must come first still waits; while the server answers, it is sent now."""
        self._spool.adopt()
        if self._courier.failures:
            return True
        place = self._unsent(run_id, ordered=True)
        return place is not None and not self._waited(place, Patience(_VALUES_SECONDS, None))

    def _queue(self, run_id: str, record: bytes) -> None:
        self._start()
        self._keeper.put(run_id, record)
        self._courier.tell()

    def _settle(self, run_id: str | None, patience: Patience) -> bool:
        self._keeper.keep()
        place = self._unsent(run_id)
        return place is None or self._waited(place, patience)

    def _unsent(self, run_id: str | None, *, ordered: bool = False) -> Place | None:
        if self._spool.has_others():
            return self._spool.end()
        return self._keeper.unsent(run_id, ordered=ordered)

    def _waited(self, place: Place, patience: Patience) -> bool:
        self._start()
        if self._threads:
            return self._courier.wait(place, patience)
        return self._courier.work_off(place, patience)

    def _start(self) -> None:
        """Start the threads; at the end of a process, which can start none, there are none."""
        if self._threads is not None:
            return
        with self._starting:
            if self._threads is not None:
                return
            threads = [
                threading.Thread(target=part.run, name=f"mltrack-{name}", daemon=True)
                for name, part in (("spool", self._keeper), ("sender", self._courier))
            ]
            try:
                for thread in threads:
                    thread.start()
            except RuntimeError:
                threads = []
            self._threads = threads
            _started.add(self)
        if self._is_child and (util := sys.modules.get("multiprocessing.util")):
            util.Finalize(None, self.close, exitpriority=10)  # its children end without running exit handlers

    def _kept(self) -> str:
        return (
            f"What waits for {self._server} is in {folder()}; the next process that logs there sends it, or "
            "`mltrack sync`."
        )


_senders: WeakSet[Sender] = WeakSet()
_started: set[Sender] = set()  # what they hold is sent or kept, also when nobody else knows them any more


def _in_child() -> None:
    _started.clear()
    for sender in list(_senders):
        sender.begin_anew()


def _at_exit() -> None:
    Notices.is_ending = True
    for sender in list(_started):
        sender.close()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)
