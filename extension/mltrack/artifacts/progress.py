"""A line of text that says how far a long transfer is, in a terminal and under a cell.

It begins after a second, is written over itself (a carriage return, which JupyterLab and the capture of tracked cells
follow), and ends as one finished line. It is text in both places because rich's live display makes a widget in a
notebook, which would join the outputs of the tracked cell, and a thread that draws.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from mltrack.sizes import human_size

if TYPE_CHECKING:
    from typing import TextIO

PATIENCE = 1.0
"""Seconds until a transfer is long enough to be shown."""
PAUSE = 0.25


class Progress:
    """Counts the bytes and files of one transfer, from any thread, and shows them when it takes long.

    Parameters
    ----------
    verb
        What is being done and was done, such as ``("Uploading", "Uploaded")``.
    size
        All bytes, or None when that is not known.
    """

    def __init__(self, verb: tuple[str, str], what: str, *, size: int | None = None) -> None:
        self._verb, self._what, self._size = verb, what, size
        self._stream = sys.stderr
        self._is_seen = is_seen(self._stream)
        self._lock = threading.Lock()
        self._done = self._width = 0
        self._begin = time.monotonic()
        self._next = self._begin + PATIENCE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._width:
            seconds = time.monotonic() - self._begin
            ending = f"{self._verb[1]} {self._what}: {human_size(self._done)} in {seconds:.0f} s"
            self._show(ending if kind is None else f"{self._verb[0]} {self._what}: stopped", end="\n")

    def add(self, count: int) -> None:
        """Count bytes that went."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if self._is_seen and now >= self._next:
                self._next = now + PAUSE
                self._show(self._line(now - self._begin))

    def _line(self, seconds: float) -> str:
        speed = f"{human_size(int(self._done / max(seconds, 1e-9)))}/s"
        if not self._size:
            return f"{self._verb[0]} {self._what}: {human_size(self._done)}, {speed}"
        part = min(self._done / self._size, 1.0)
        bar = "█" * int(part * 20) + "░" * (20 - int(part * 20))
        return f"{self._verb[0]} {self._what}: {bar} {part:.0%} of {human_size(self._size)}, {speed}"

    def _show(self, text: str, *, end: str = "") -> None:
        try:
            self._stream.write("\r" + text.ljust(self._width) + end)
            self._stream.flush()
        except (OSError, ValueError, UnicodeError):  # a closed or narrow stream must not end the transfer
            self._is_seen = False
        self._width = len(text)


def is_seen(stream: TextIO | None) -> bool:
    """Say whether someone looks at a stream: a terminal, or the output of a notebook's cell."""
    if stream is None:
        return False
    try:
        return type(stream).__module__ == "ipykernel.iostream" or stream.isatty()
    except (AttributeError, OSError, ValueError):
        return False
