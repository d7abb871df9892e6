"""A line for a cell that waits until a test has seen what it wants to see."""

from __future__ import annotations

HELD: set[str] = set()


def held(name: str) -> str:
    """Give a line for a cell, which waits there until ``Lab.release(name)``: its own time says nothing.

    After five minutes it goes on by itself: where a test failed before it came to that, others want the kernel.

    Raises
    ------
    ValueError
        Where another cell waits for the name: the tests share one folder, so one's release would be the other's too.
    """
    if name in HELD:
        raise ValueError(f"Another cell waits for {name!r}: choose a name of this cell's own.")
    HELD.add(name)
    step = f"__import__('os').path.exists({name!r}) or __import__('time').sleep(0.02)"
    return f"any({step} for _ in range(15000))"
