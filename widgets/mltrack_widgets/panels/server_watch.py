"""Looks at a server once a second while a panel shows it, and does what their buttons ask for."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet, WeakValueDictionary

from mltrack.exceptions import MltrackError
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.serving.handles import Server
    from mltrack_widgets.panels.server import ServerPanel

THREAD_NAME = "mltrack-server-panel"
LOOK_SECONDS = 1.0
HISTORY = 60
"""So many looks the small chart of requests a second goes back."""

DOING = {"stop": "stopping", "restart": "restarting", "reload": "reloading"}
"""What the buttons do, and the word for it meanwhile."""

_SHARE = 0.005


class Reading(NamedTuple):
    """What is known of a server at a moment.

    ``stats`` are the server's; ``at`` is the moment (s since 1970); ``rates`` are requests a second between the last
    looks; ``doing`` is the word for what a button has begun, ``note`` what came of the last.
    """

    stats: Mapping[str, Any]
    at: float
    rates: tuple[float, ...] = ()
    doing: str = ""
    note: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing goes on any more that could be looked at."""
        return self.stats["state"] == "stopped" and not self.doing


class ServerWatch:
    """One for each server, however many panels show it: they all say the same.

    A thread looks at the server while it runs and a panel is displayed, for at most half a percent of the time. Panels
    are held weakly.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.reading = Reading({"state": "stopped"}, 0.0)
        self._panels: WeakSet[ServerPanel] = WeakSet()
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._rates: deque[float] = deque(maxlen=HISTORY)
        self._counted: tuple[float, int] | None = None
        self._doing = self._note = ""

    def look(self) -> Reading:
        """Ask the server how it is."""
        stats = self.server.stats()
        with self._lock:
            stats["serving"] = stats["serving"] or self.reading.stats.get("serving")  # what was served until it ended
            self._count(stats)
            self.reading = Reading(stats, time.time(), tuple(self._rates), self._doing, self._note)
            return self.reading

    def _count(self, stats: Mapping[str, Any]) -> None:
        now, requests = time.monotonic(), int(stats["requests"])
        if self._counted is not None and requests >= self._counted[1]:
            seconds = now - self._counted[0]
            if seconds < LOOK_SECONDS / 2:  # a look between two of the thread
                return
            self._rates.append(round((requests - self._counted[1]) / seconds, 3))
        self._counted = now, requests

    def add(self, panel: ServerPanel) -> None:
        """Keep a panel up to date from now on."""
        with self._lock:
            self._panels.add(panel)
            self._begin()

    def remove(self, panel: ServerPanel) -> None:
        """Leave a panel as it is from now on."""
        with self._lock:
            self._panels.discard(panel)
        self._wake.set()

    def is_watching(self, panel: ServerPanel) -> bool:
        """Tell whether a panel is kept up to date."""
        return panel in self._panels

    def do(self, name: str) -> None:
        """Begin what a button asks for, a key of ``DOING``; nothing while something else is being done."""
        with self._lock:
            if self._doing:
                return
            self._doing, self._note = DOING[name], ""
            self.reading = self.reading._replace(doing=self._doing, note="")
        threading.Thread(target=self._do, args=(name,), name=f"{THREAD_NAME}-{name}", daemon=True).start()

    def _do(self, name: str) -> None:
        self.tell()
        note = ""
        try:
            getattr(self.server, name)()
        except (MltrackError, OSError) as error:
            note = str(error)
        except Exception as error:  # the buttons would wait for ever for what does not end
            note = f"{type(error).__name__}: {error}"
        with self._lock:
            self._doing, self._note = "", note
            self.reading = self.reading._replace(doing="", note=note)
        self.tell()
        with self._lock:
            self._begin()

    def tell(self) -> None:
        """Look, and show in all panels what was found; what cannot be found or shown now may be the next time."""
        with suppress(Exception):
            self.look()
        for panel in list(self._panels):
            with suppress(Exception):  # it takes nothing from the others
                panel.show(self.reading)

    def cell_ended(self) -> None:
        """Bring up to date what is saved of the panels; go on if the server runs again, which was stopped before."""
        for panel in list(self._panels):
            panel.keep()
        with self._lock:
            if self._thread is None and len(self._panels) and self.server.stats()["state"] != "stopped":
                self._begin()

    def _begin(self) -> None:
        self._wake.set()
        if self._thread is None and len(self._panels):
            self._thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        pace = Pace(shortest=LOOK_SECONDS, share=_SHARE)
        while True:
            self._wake.clear()
            with pace:
                self.tell()
            with self._lock:
                if not len(self._panels) or (self.reading.is_over and not self._wake.is_set()):
                    self._thread = None
                    return
            self._wake.wait(pace.pause)


_watches: WeakValueDictionary[int, ServerWatch] = WeakValueDictionary()


def watch_of(server: Server) -> ServerWatch:
    """Give the one that looks at a server; each holds its server, so that no other has its identity."""
    watch = _watches.get(id(server))
    if watch is None:
        watch = _watches[id(server)] = ServerWatch(server)
    return watch


def _cell_ended() -> None:
    for watch in list(_watches.values()):
        watch.cell_ended()


cell_events.at_end(_cell_ended)
