"""What threads in the background have to tell a user: each thing once, as warnings of the user's next call."""

from __future__ import annotations

import sys
import threading
from collections import deque

from mltrack.backlog import warn


class Notices:
    """Texts that wait to be shown. At the end of the process they go to stderr at once."""

    is_ending = False

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._unsaid: deque[str] = deque()
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._unsaid)

    def once(self, kind: str, text: str) -> None:
        """Say something, unless it was said of this kind already."""
        with self._lock:
            if kind in self._known:
                return
            self._known.add(kind)
        self._unsaid.append(text)

    def over(self, *kinds: str) -> None:
        """Let these kinds be said again, should they come again."""
        with self._lock:
            self._known.difference_update(kinds)

    def speak(self) -> None:
        """Show what waits."""
        while self._unsaid:
            text = self._unsaid.popleft()
            if Notices.is_ending:
                print(f"mltrack: {text}", file=sys.stderr)
            else:
                warn(text)
