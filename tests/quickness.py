"""What something costs, asked in a way that a slow or busy machine does not answer wrongly.

A bound in seconds stands far above what the work takes, and far below what it takes when it is broken; of some tries,
the first that is quick enough counts. Where there is no such room, the work is measured by other work, or its calls
are counted.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def assert_quick(
    action: Callable[[], T], seconds: float, *, tries: int = 3, clock: Callable[[], float] = time.thread_time
) -> T:
    """Do the work until it once takes less than so many seconds; gives what it gave then.

    The clock is this thread's time at work, unless another is given: ``time.process_time`` where other threads help.
    """
    taken = []
    for _ in range(tries):
        began = clock()
        found = action()
        taken.append(clock() - began)
        if taken[-1] < seconds:
            return found
    raise AssertionError(f"it took {min(taken):.3g} s, where {seconds:g} s are more than enough")


def assert_costs_at_most(times: float, other: Callable[[], Any], action: Callable[[], Any], *, tries: int = 20) -> None:
    """Do both, one after the other, until the work once takes at most so many times as long as the other."""
    seen = []
    for _ in range(tries):
        yardstick, cost = _seconds(other), _seconds(action)
        if cost <= times * yardstick:
            return
        seen.append(cost / yardstick)
    raise AssertionError(f"it costs {min(seen):.3g} times as much, where {times:g} times are enough")


def _seconds(action: Callable[[], Any]) -> float:
    began = time.thread_time()
    action()
    return time.thread_time() - began


def count_calls(action: Callable[[], Any]) -> int:
    """Count the functions of Python that this thread calls while it works."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count
