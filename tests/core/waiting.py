"""Waiting for what comes in its own time, and for the moment at which whoever waits can be interrupted."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 120.0


def wait_until(happened: Callable[[], object], what: str = "it happened") -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"waited too long until {what}"
        time.sleep(0.01)


def wait_until_the_main_thread_waits_in(function: Callable[..., object]) -> None:
    """Wait until a function has the main thread wait for an event: what it does about an interrupt counts by then."""

    def waits() -> bool:
        frame, codes = sys._current_frames().get(threading.main_thread().ident or 0), []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        return {function.__code__, threading.Event.wait.__code__} <= {*codes}

    wait_until(waits, f"the main thread waited in {function.__qualname__}")


def wait_until_at_rest(pid: int) -> None:
    """Wait until all threads of a process wait, as it does for the end of what it started, once that runs."""
    wait_until(lambda: _is_at_rest(pid), "the process had nothing to do")


def _is_at_rest(pid: int) -> bool:
    """Say whether none of the threads has run between two looks at all of them."""
    try:
        first, second = _turns(pid), _turns(pid)
    except FileNotFoundError:  # one has ended meanwhile
        return False
    return first == second and {state for state, _ in first.values()} == {"S"}


def _turns(pid: int) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Give each thread's state, and how often it has given up a processor."""
    found = {}
    for place in Path(f"/proc/{pid}/task").iterdir():
        lines = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
        switches = tuple(value for name, value in lines.items() if name.endswith("voluntary_ctxt_switches"))
        found[place.name] = (lines["State"].split()[0], switches)
    return found
