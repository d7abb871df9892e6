"""Shows what is new in panels that are displayed: one thread for all of them, which lives while there are some."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mltrack.exceptions import MltrackError
from mltrack_widgets.panels import host
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.pace import Pace

if TYPE_CHECKING:
    from mltrack_widgets.panels.panel import Panel

THREAD_NAME = "mltrack-refresher"
LOOK_SECONDS = 1.0
QUIET_SECONDS = 3.0
"""So long after the last change, and with no cell running, what is saved of a panel is brought up to date."""

BUSY_SHARE, IDLE_SHARE = 0.005, 0.05
STOP_SECONDS = 1.0
MOST_WATCHED = 30
"""So many panels at most; a front end that does not say which cell is executed leaves those it replaces."""


class _Watched:
    """What is known of a panel that is watched."""

    def __init__(self) -> None:
        self.cell = host.cell_key()
        self.pace = Pace(shortest=LOOK_SECONDS)
        self.version: object = None
        self.due = 0.0
        self.changed_at: float | None = None  # since it was displayed as it is now


class Refresher:
    """Calls ``refresh`` of the panels it watches when their store has changed, one after the other.

    It looks about once a second, which costs microseconds. A panel whose refresh takes long is refreshed more rarely:
    all of them together take at most half a percent of the time while a cell runs, and 5 % while none does. Panels are
    held weakly. One whose refresh fails says so and is watched no more; so is one whose cell is executed again, and the
    oldest of very many.
    """

    def __init__(self) -> None:
        self._start_over()
        cell_events.at_begin(self._cell_begins)

    def _start_over(self) -> None:
        self._wake = threading.Condition()
        self._panels: WeakKeyDictionary[Panel, _Watched] = WeakKeyDictionary()
        self._thread: threading.Thread | None = None

    def watch(self, panel: Panel) -> None:
        """Keep a panel up to date from now on; the thread starts with the first."""
        cell_events.listen()
        with self._wake:
            self._panels.pop(panel, None)  # the last displayed are the last of them
            self._panels[panel] = _Watched()
            left = list(self._panels)[:-MOST_WATCHED]
            for each in left:
                del self._panels[each]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
                self._thread.start()
                atexit.register(self.stop)  # a thread inside SQLite when the interpreter is taken apart could crash it
        for each in left:
            _say(each, MltrackError(f"{MOST_WATCHED} panels were displayed after it. Run its cell again."))

    def unwatch(self, panel: Panel) -> None:
        """Leave a panel as it is from now on."""
        with self._wake:
            self._panels.pop(panel, None)
            self._wake.notify_all()

    def is_watching(self, panel: Panel) -> bool:
        """Tell whether a panel is kept up to date."""
        return panel in self._panels

    def stop(self) -> None:
        """Watch nothing any more and wait for the thread's end."""
        with self._wake:
            self._panels.clear()
            thread = self._thread
            self._wake.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_SECONDS)

    def _cell_begins(self, key: str) -> None:
        """A cell that is executed again shows new panels in the place of the old."""
        with self._wake:
            for panel, watched in list(self._panels.items()):
                if key and watched.cell == key:
                    self._panels.pop(panel, None)

    def _work(self) -> None:
        while self._wait():
            with self._wake:
                found = list(self._panels.items())
            for panel, watched in found:
                if self._panels.get(panel) is watched:
                    self._look(panel, watched, share=len(found))
            found.clear()
            panel = watched = None  # type: ignore[assignment]  # nothing is kept alive while waiting

    def _wait(self) -> bool:
        """Wait until the next look; False, for good, when nothing is watched any more."""
        with self._wake:
            if len(self._panels):
                self._wake.wait(LOOK_SECONDS)
            if len(self._panels):
                return True
            self._thread = None
            atexit.unregister(self.stop)
            return False

    def _look(self, panel: Panel, watched: _Watched, *, share: int) -> None:
        watched.pace.share = (BUSY_SHARE if cell_events.is_busy else IDLE_SHARE) / share
        try:
            if time.monotonic() >= watched.due and (version := panel.version()) != watched.version:
                self._refresh(panel, watched, version)
            elif watched.changed_at is not None and self._is_quiet(time.monotonic() - watched.changed_at):
                watched.changed_at = None
                with watched.pace:
                    panel.show_again()
        except Exception as error:
            self.unwatch(panel)
            _say(panel, error)

    def _refresh(self, panel: Panel, watched: _Watched, version: object) -> None:
        # The first look cannot tell whether something was written since the panel was made, so it refreshes.
        is_first, watched.version = watched.version is None, version
        with watched.pace:
            panel.refresh()
        if not is_first:
            watched.changed_at = time.monotonic()
        watched.due = time.monotonic() + watched.pace.pause - LOOK_SECONDS / 2

    def _is_quiet(self, seconds: float) -> bool:
        return seconds >= QUIET_SECONDS and not cell_events.is_busy


def _say(panel: Panel, error: Exception) -> None:
    with suppress(Exception):  # what is wrong may be wrong here, too
        panel.show_fault(error)


refresher = Refresher()
"""The one of this process."""

if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=refresher._start_over)
