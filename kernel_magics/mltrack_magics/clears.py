"""Whether ``clear_output(wait=True)`` still waits for the cell's next output, which would take all outputs away.

A loop that draws its state anew ends so in many notebooks. mltrack's card would be that next output.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mltrack_magics.recorder import Executed

SECONDS = 0.2
STREAM_SECONDS = 0.03  # what was printed is on its way to the tap, which reads every 10 ms


class Clears:
    """Watches what the present cell clears and displays; what it prints is seen by the tap alone."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._publisher = shell.display_pub
        self._sent = 0
        self._waits = False

    def start(self) -> None:
        """Look at each display message from now on; outside a kernel there are none."""
        if hasattr(self._publisher, "register_hook"):
            self._publisher.register_hook(self._see)

    def stop(self) -> None:
        """Look no more."""
        if hasattr(self._publisher, "unregister_hook"):
            self._publisher.unregister_hook(self._see)

    def begin(self) -> None:
        """Note that a cell begins."""
        self._sent, self._waits = 0, False

    def _see(self, message: dict[str, Any]) -> dict[str, Any]:
        is_clear = message.get("msg_type") == "clear_output"
        self._sent += is_clear
        self._waits = is_clear and bool(message["content"].get("wait"))
        return message

    def are_waiting(self, executed: Executed) -> bool:
        """Say whether the next output would clear what the cell has shown."""
        if not self._waits:
            return False
        with contextlib.suppress(Exception):  # the user may have put anything in their place
            sys.stdout.flush()
            sys.stderr.flush()
        deadline = time.monotonic() + SECONDS
        while executed.clears < self._sent and time.monotonic() < deadline:
            time.sleep(0.005)
        deadline = time.monotonic() + STREAM_SECONDS
        while executed.clear_waits and time.monotonic() < deadline:
            time.sleep(0.005)
        return executed.clear_waits or executed.clears < self._sent
