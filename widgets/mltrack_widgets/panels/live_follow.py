"""Which run a live panel shows: one that was named, or the active one, the newest where several are open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mltrack import active
from mltrack_widgets.panels.live_reader import LiveReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.active import ActiveRun
    from mltrack.entities import Run
    from mltrack.store.protocol import Store


class RunFollower:
    """Reads the run that is shown. ``read`` is called on one thread at a time.

    Without a named run it is the active one as this process sees it: a child when it begins, its parent once that is
    logged to again.
    """

    def __init__(self, *, named: tuple[Store, Run] | None = None, metrics: Sequence[str] = ()) -> None:
        self._metrics = tuple(metrics)
        self._is_named = named is not None
        self._since = time.time_ns() // 1_000_000
        self._readers: dict[str, LiveReader] = {}
        self.shown: LiveReader | None = None
        if named is not None:
            self._show(named[0], named[1].info.run_id)

    def read(self) -> bool:
        """Read what is new of the run that is shown now; tells whether something is."""
        before = self.shown
        is_new = bool(before is not None and before.read())
        run = None if self._is_named else self._active()
        if run is not None and (before is None or run.info.run_id != before.run_id):
            self._turn_to(run)
        return is_new or self.shown is not before

    @property
    def is_over(self) -> bool:
        """Whether what is shown has ended, and nothing else that is open would be shown."""
        if self.shown is None or self.shown.is_open:
            return False
        return self._is_named or active.current_run() is None

    def _active(self) -> ActiveRun | None:
        """Give the active run, or one that began and ended since the last look."""
        run = active.current_run()
        if run is not None:
            return run
        last = active.last_run()
        return last if last is not None and last.info.start_time >= self._since and self._is_new(last) else None

    def _is_new(self, run: Run) -> bool:
        return run.info.run_id not in self._readers

    def _turn_to(self, run: ActiveRun) -> None:
        if self._is_new(run):
            self._show(run.store, run.info.run_id).read()
            return
        earlier = self._readers[run.info.run_id]
        if earlier.read():
            self.shown = earlier

    def _show(self, store: Store, run_id: str) -> LiveReader:
        reader = self._readers[run_id] = self.shown = LiveReader(store, run_id, wanted=self._metrics)
        return reader
