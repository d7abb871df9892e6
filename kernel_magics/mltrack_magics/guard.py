"""What stands between a fault of ours and the user's cell: one line of warning, and interrupts kept for later."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from IPython.core import events

from mltrack.config import test_mode
from mltrack.exceptions import MltrackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_RESEND_SECONDS = 0.02
_RESENDS = 3_000  # a minute, which no hook takes
_HOOKS = frozenset((__file__, events.__file__))
_said: set[str] = set()


def warn_once(what: str, error: BaseException) -> None:
    """Say in one line on stderr what failed; the same words are not said twice in one kernel."""
    reason = str(error) if isinstance(error, MltrackError) else f"{type(error).__name__}: {error}"
    line = " ".join(f"mltrack: {what} failed: {reason} Your cell is not affected.".split())
    if line in _said:
        return
    _said.add(line)
    with contextlib.suppress(Exception):  # the user may have put anything in the place of stderr
        sys.stderr.write(line + "\n")  # in one piece: from a thread, its end could come in another cell's output


def forget_warnings() -> None:
    """Let everything be said once more."""
    _said.clear()


def guarded(
    what: str, *, resend: bool = False
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result | None]]:
    """Make a hook that never raises into the user's cell, and that an interrupt does not cut in two.

    With ``resend`` an interrupt that came during the hook is sent again right after it, so that it stops the cell.
    In test mode faults are raised.
    """

    def decorate(hook: Callable[Arguments, Result]) -> Callable[Arguments, Result | None]:
        @functools.wraps(hook)
        def call(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result | None:
            try:
                with _Uninterrupted(resend=resend):
                    return hook(*arguments, **options)
            except KeyboardInterrupt:  # it fell between our lines; IPython would print it and let the cell run on
                if not resend:
                    raise
                _send_interrupt_again()
            except Exception as error:
                if test_mode():
                    raise
                warn_once(what, error)
            return None

        return call

    return decorate


class _Uninterrupted:
    """Hold SIGINT back for a block of code in the main thread."""

    def __init__(self, *, resend: bool) -> None:
        self._resend = resend
        self._came = False
        self._before: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._came = True

    def __exit__(self, *error: object) -> None:
        if self._before is None:
            return
        signal.signal(signal.SIGINT, self._before)
        if self._came and self._resend:
            _send_interrupt_again()


def _send_interrupt_again() -> None:
    """Interrupt the cell that comes after a hook: the hook itself cannot stop it, a signal can."""
    threading.Thread(target=_interrupt_after_hooks, name="mltrack-interrupt", daemon=True).start()


def _interrupt_after_hooks() -> None:
    """Wait until the main thread is out of all hooks: in one, IPython would print the interrupt and run the cell."""
    for _ in range(_RESENDS):
        time.sleep(_RESEND_SECONDS)
        if not _is_in_hook(sys._current_frames().get(threading.main_thread().ident or 0)):
            break
    os.kill(os.getpid(), signal.SIGINT)


def _is_in_hook(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename in _HOOKS:
            return True
        frame = frame.f_back
    return False
