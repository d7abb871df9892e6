"""The process between mltrack and a project's command: what the command started ends when it is cancelled, or orphaned.

It is run as a file by a bare Python (``-I -S``), so that it begins within milliseconds: only the standard library is
here. Its arguments are the id of its parent, a pipe whose other end only that holds, ``own`` or ``shared`` for the
process group, and the command. Its exit code is the command's, 128 and the signal's number where one ended it.

- SIGTERM, the parent's end, or a signal that ended the command: SIGTERM to all that it started, and SIGKILL to what is
  left 5 seconds later.
- SIGINT: the same, but they get a SIGINT before, and 2 seconds.

The group is shared in a terminal, which sends SIGINT to all of it, and lets no other group read what is typed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # typing, too, takes long to import
if TYPE_CHECKING:
    from collections.abc import Callable

TERM_SECONDS, INTERRUPT_SECONDS = 5.0, 2.0
LOOK_SECONDS, MOMENT = 1.0, 0.01
NOT_FOUND = 127
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class Guard:
    """Starts the command, waits for its end, and ends what it started."""

    def __init__(self, parent: int, pipe: int, *, is_shared: bool) -> None:
        self.parent, self.pipe, self.is_shared = parent, pipe, is_shared
        self.code: int | None = None
        self.was_killed = False
        self.child = 0
        self.wake = self._listen()

    def _listen(self) -> int:
        """Have signals written to a pipe, so that none is lost between two looks."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        return reader

    def start(self, command: str) -> None:
        """Start the command; its standard streams are those of this process."""
        self.child = os.fork()
        if self.child == 0:
            try:
                if not self.is_shared:
                    os.setpgid(0, 0)
                os.execvp("bash", ["bash", "-c", command])  # noqa: S606, S607 - the one shell there is, for MLproject
            except OSError as error:
                os.write(2, f"mltrack: bash cannot be started: {error}\n".encode())
            finally:
                os._exit(NOT_FOUND)
        if not self.is_shared:
            attempt(os.setpgid, self.child, self.child)  # whoever of the two comes first
        adopt_orphans()

    def run(self) -> int:
        """Wait for the command's end, or for a reason to end it; give its exit code."""
        while not self.reap():
            select.select([self.pipe, self.wake], [], [], LOOK_SECONDS)
            if os.getppid() != self.parent or self.is_abandoned():
                self.end()
                break
            got = self.signals()
            if signal.SIGINT in got:
                self.interrupt()
            if signal.SIGINT in got or signal.SIGTERM in got or signal.SIGHUP in got:
                self.end()
                break
        if self.was_killed:
            self.end()
        return self.code if self.code is not None else 128 + signal.SIGKILL

    def reap(self) -> bool:
        """Take note of processes that have ended; say whether the command is one."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return self.code is not None
            if pid == 0:
                return self.code is not None
            if pid == self.child:
                code = os.waitstatus_to_exitcode(status)
                self.code, self.was_killed = (code, False) if code >= 0 else (128 - code, True)

    def is_abandoned(self) -> bool:
        """Say whether the parent's end of the pipe is closed."""
        return bool(select.select([self.pipe], [], [], 0)[0]) and os.read(self.pipe, 1) == b""

    def signals(self) -> set[int]:
        """Give the signals that came since the last look."""
        try:
            return set(os.read(self.wake, 4096))
        except BlockingIOError:
            return set()

    def interrupt(self) -> None:
        """Let the command end as by Ctrl-C, if it does so soon."""
        if not self.is_shared:
            self.tell(signal.SIGINT)
        self.wait(INTERRUPT_SECONDS)

    def end(self) -> None:
        """End all that the command started."""
        self.tell(signal.SIGTERM)
        self.tell(signal.SIGCONT)
        if not self.wait(TERM_SECONDS):
            while not self.wait(MOMENT):
                self.tell(signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing of the command is left, at most so long; say whether that is so."""
        deadline = time.monotonic() + seconds
        while True:
            if self.reap() and not self.left():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(MOMENT)

    def tell(self, number: int) -> None:
        """Send a signal to every process of the command."""
        for pid in self.left():
            attempt(os.kill, pid, number)
        if not self.is_shared:
            attempt(os.killpg, self.child, number)

    def left(self) -> list[int]:
        """Give the processes that come from this one; where the system does not say, whether the group is there."""
        if sys.platform == "linux":
            return descendants(os.getpid())
        try:
            os.killpg(self.child, 0)
        except OSError:
            return [] if self.code is not None else [self.child]
        return [self.child]


def attempt(call: Callable[..., object], *arguments: int) -> None:
    """Make a call of the system that may be too late; ``contextlib`` would take as long to import as the rest."""
    try:
        call(*arguments)
    except OSError:
        return


def adopt_orphans() -> None:
    """Have processes whose parent ends become children of this one, where Linux can."""
    if sys.platform == "linux":
        import ctypes  # slow to import: the command runs already

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> list[int]:
    """Give the processes below one, those that have ended left out."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (parent := _parent(name)):
            children.setdefault(parent, []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _parent(pid: str) -> int:
    # proc(5): the name in parentheses may hold spaces; after it come the state and the parent.
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return 0
    return 0 if state in (b"Z", b"X") else int(parent)


def main() -> None:
    """Run the command that the arguments say."""
    parent, pipe, group, command = sys.argv[1:]
    guard = Guard(int(parent), int(pipe), is_shared=group == "shared")
    guard.start(command)
    sys.exit(guard.run())


if __name__ == "__main__":
    main()
