"""How processes end, and ending with the one that one was started for: a kernel, or the front of a server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.process import is_gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.process import Owner

SECONDS = 1.0
"""How often a parent is looked for where the system does not tell."""

_PR_SET_PDEATHSIG = 1  # prctl(2)
_MOMENT = 0.01  # seconds


def die_with_parent() -> None:
    """Have this process killed when its parent ends, whatever it is doing then.

    Linux does that itself; elsewhere a thread looks every second.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes  # the one way to this call, and other systems do without

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended just before
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent,), name="mltrack-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os._exit(1)


def kill_session(leader: int) -> None:
    """Kill what is left of the session that a process led: what its children have started, and did not end with them.

    It must just have ended: while one of the session lives, nobody else can have its id.
    """
    killed: set[int] = set()
    while left := {pid for pid in _pids() if _session(pid) == leader} - killed - {leader}:
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        killed |= left
        time.sleep(_MOMENT)  # one that was starting another may have done so


def _pids() -> list[int]:
    if sys.platform == "linux":
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    import psutil  # slow to import, and Linux does without

    return list(psutil.pids())


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None


def how_it_ended(what: str, code: int) -> str:
    """Say for a reader how a process ended: by ``returncode`` of ``subprocess``."""
    if code >= 0:
        return f"{what} ended with exit code {code}"
    with suppress(ValueError):
        return f"{what} was killed by {signal.Signals(-code).name}"
    return f"{what} was killed by signal {-code}"


async def wait_for_end(owner: Owner, pipe: int, done: Callable[[], None]) -> None:
    """Call ``done`` when a process ends: when the pipe whose other end it holds is closed, or when it is not there.

    The pipe tells at once. But a forked child of that process holds it too, so the process itself is looked for.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: _Pipe(ended), os.fdopen(pipe, "rb", buffering=0))
    try:
        while not ended.is_set() and not is_gone(owner):
            try:
                await asyncio.wait_for(ended.wait(), SECONDS)
            except TimeoutError:
                continue
    finally:
        transport.close()
    done()


class _Pipe(asyncio.Protocol):
    """Says when the other end is closed; what is written to it is nobody's."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, error: Exception | None) -> None:
        """The other end is closed."""
        del error
        self._ended.set()
