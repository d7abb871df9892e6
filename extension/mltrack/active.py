"""The active run: one per thread and asyncio task, seen by the threads and later cells that have none of their own.

A context's own runs are a stack in a ``ContextVar``. New threads begin with an empty context, and a kernel may run each
cell in a task of its own; they see the last run begun in the main thread that is still open.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from mltrack.entities import Run, RunData

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType

    from mltrack.entities import RunInfo
    from mltrack.store.protocol import Store


class ActiveRun(Run):
    """A run that is being written, as ``start_run`` gives it; leaving its ``with`` block ends it.

    An exception ends it as FAILED, an interrupt as KILLED; the exception goes on.
    """

    __slots__ = ("_last_work", "_place", "end", "in_block", "is_cell", "is_open", "store")

    end: Callable[[ActiveRun, str], None]
    in_block: bool  # inside a `with` block, which will end it
    is_cell: bool  # a tracked cell's own run, which the cell's end will end
    is_open: bool
    store: Store
    _last_work: list[Callable[[], object]]
    _place: _Place

    def __init__(self, info: RunInfo, data: RunData, *, store: Store, end: Callable[[ActiveRun, str], None]) -> None:
        super().__init__(info, data)
        self._set(store=store, end=end, in_block=False, is_cell=False, is_open=True)
        self._set(_place=_Place(), _last_work=[])

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # what is read of a run is frozen, how it stands here is not

    def __enter__(self) -> Self:
        self._set(in_block=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(self, status_after(error))

    def close(self) -> None:
        """Take the run out of what is active, without a word to the store."""
        self._set(is_open=False)
        _remember(self)

    def before_end(self, work: Callable[[], object]) -> None:
        """Have something done right before the run's end is written, as logging what is not logged yet.

        It must not raise. In a forked child it is not done.
        """
        self._last_work.append(work)

    def do_last_work(self) -> None:
        """Do what ``before_end`` was given, once."""
        while self._last_work:
            self._last_work.pop(0)()

    def belong_to_cell(self) -> None:
        """Say that a tracked cell began the run and will end it."""
        self._set(is_cell=True)

    @property
    def is_leftover(self) -> bool:
        """True when no ``with`` block, cell or other task will end the run, as after a bare ``start_run``."""
        return not self.in_block and not self.is_cell and self._place.is_over_or_here()

    @property
    def is_inherited(self) -> bool:
        """True in a child that was forked while the run was active: the parent is who ends it."""
        return self._place.pid != os.getpid()


class _Place:
    """Where a run was begun: process, thread and, inside one, asyncio task."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.in_main_thread = is_main_thread()
        task = _current_task()
        self.task = weakref.ref(task) if task is not None else None

    def is_over_or_here(self) -> bool:
        if self.pid != os.getpid() or not is_main_thread():
            return False  # no worker ends what the main thread or a parent process began
        task = self.task() if self.task is not None else None
        return task is None or task.done() or task is _current_task()


def is_main_thread() -> bool:
    """Say whether this is the thread that scripts and notebook cells run in."""
    return threading.current_thread() is threading.main_thread()


def _current_task() -> asyncio.Task[Any] | None:
    tasks = sys.modules.get("asyncio.tasks")  # where nobody imported asyncio there is no task
    try:
        return tasks.current_task() if tasks is not None else None
    except (RuntimeError, AttributeError):  # no loop runs here, or another thread is importing asyncio
        return None


_own: ContextVar[tuple[ActiveRun, ...]] = ContextVar("mltrack_runs", default=())
_begun: list[ActiveRun] = []  # in the main thread, oldest first; the ended are dropped as new ones come
_last: ActiveRun | None = None


def status_after(error: BaseException | None) -> str:
    """Give the status of a run whose work ended with this exception, or with none."""
    if error is None:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


def push(run: ActiveRun) -> None:
    """Make a run the active one here."""
    _remember(run)
    _own.set((*(each for each in _own.get() if each.is_open), run))
    if run._place.in_main_thread:
        _begun[:] = [each for each in _begun if each.is_open]
        _begun.append(run)


def _remember(run: ActiveRun) -> None:
    global _last  # noqa: PLW0603 - the module is the one holder of this state
    _last = run


def own_run() -> ActiveRun | None:
    """Give the active run that this process, thread and task began, or None."""
    mine = own_runs()
    return mine[-1] if mine else None


def own_runs() -> list[ActiveRun]:
    """Give the open runs that this process, thread and task began, the outermost first."""
    return [run for run in _own.get() if run.is_open and not run.is_inherited]


def cell_run() -> ActiveRun | None:
    """Give the open run of the tracked cell that is being executed, from whatever thread or task it is asked."""
    for run in reversed(_begun):
        if run.is_open and run.is_cell:
            return run
    return None


def current_run() -> ActiveRun | None:
    """Give the active run as seen from here: an own one, else the last begun in the main thread that is open."""
    for run in reversed(_own.get()):
        if run.is_open:
            return run
    for run in reversed(_begun):
        if run.is_open:
            return run
    return None


def last_run() -> ActiveRun | None:
    """Give the run that was begun or ended last in this process: after a parent's end the parent, as MLflow does."""
    return _last


def open_runs() -> list[ActiveRun]:
    """Give the open runs begun in this process's main thread, oldest first; a forked child has none of its own."""
    return [run for run in _begun if run.is_open and not run.is_inherited]
