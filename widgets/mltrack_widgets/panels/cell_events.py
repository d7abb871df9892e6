"""When cells begin and end, told to the panels: IPython's events, whether or not the extension is loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.config import test_mode
from mltrack_widgets.panels import host

if TYPE_CHECKING:
    from collections.abc import Callable


class CellEvents:
    """Calls what was registered when a cell begins, with its key (see ``host.cell_key``), and when one has ended.

    A cell that another one runs is a part of that one. ``is_ending`` says that one has ended, and that not all was told
    so yet. What is called never disturbs a cell: what fails is said in one line, once; an interrupt ends it.
    """

    def __init__(self) -> None:
        self.is_busy = self.is_ending = False
        self._begin: list[Callable[[str], None]] = []
        self._end: list[Callable[[], None]] = []
        self._shell: Any = None
        self._message = ""
        self._depth = 0
        self._said: set[str] = set()

    def at_begin(self, work: Callable[[str], None]) -> None:
        """Have something called when a cell begins."""
        self._begin.append(work)

    def at_end(self, work: Callable[[], None]) -> None:
        """Have something called when a cell has ended, however it did; in the order in which it was asked for."""
        self._end.append(work)

    def listen(self) -> None:
        """Begin to listen in the shell of this process; called from inside a cell, and harmless when called again."""
        shell = host.shell()
        if shell is None or shell is self._shell:
            return
        shell.events.register("pre_run_cell", self._began)
        shell.events.register("post_run_cell", self._ended)
        self._shell, self._message, self._depth, self.is_busy = shell, host.message_id(), 1, True

    def stop(self) -> None:
        """Listen no more, until a panel is displayed again."""
        shell, self._shell = self._shell, None
        self._depth, self.is_busy = 0, False
        if shell is not None:
            for event, callback in (("pre_run_cell", self._began), ("post_run_cell", self._ended)):
                if callback in shell.events.callbacks[event]:
                    shell.events.unregister(event, callback)

    def _began(self, info: object) -> None:
        del info
        message = host.message_id()
        if message == self._message and self._depth:
            self._depth += 1
            return
        if self._depth:  # an interrupt fell where IPython tells of an end
            self._finish()
        self._message, self._depth, self.is_busy = message, 1, True
        for work in self._begin:
            self._call(work, host.cell_key())

    def _ended(self, result: object) -> None:
        del result
        self._depth -= 1
        if self._depth <= 0:
            self._finish()

    def _finish(self) -> None:
        self._depth, self.is_ending = 0, True
        self.is_busy = False  # after the other: a thread that asks for both in this order sees no gap between them
        try:
            for work in self._end:
                self._call(work)
        finally:
            self.is_ending = False

    def _call(self, work: Callable[..., None], *arguments: str) -> None:
        try:
            work(*arguments)
        except KeyboardInterrupt:  # the cell has ended; what is interrupted is ours
            return
        except Exception as error:
            if test_mode():
                raise
            self._say(error)

    def _say(self, error: Exception) -> None:
        line = " ".join(f"mltrack: a panel could not be drawn: {type(error).__name__}: {error}".split())
        if line not in self._said and sys.stderr is not None:
            self._said.add(line)
            sys.stderr.write(line + "\n")


cell_events = CellEvents()
"""Those of this process."""
