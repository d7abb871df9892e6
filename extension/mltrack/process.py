"""Which process writes a run, and whether it still lives.

A process is known by its machine, boot, pid name space, pid and start time, because pids are reused, containers of
one host share a boot but not their pids, and two machines may write one file.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FIRST_NAMESPACE = "pid:[4026531836]"
"""Of what runs in no container (PROC_PID_INIT_INO in Linux's proc_ns.h)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process on one machine, as text in the store: five parts with ``|`` between them."""

    machine: str
    boot: str
    namespace: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.machine}|{self.boot}|{self.namespace}|{self.pid}|{self.started}"

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read the text that ``str`` made, or None when it is something else."""
        parts = text.split("|")
        if len(parts) != 5 or not parts[3].isdecimal() or len(parts[3]) > 20:
            return None
        return cls(parts[0], parts[1], parts[2], int(parts[3]), parts[4])


def current_owner() -> Owner:
    """Say which process this is; a forked child is another one."""
    return _owner_of(os.getpid())


def is_gone(owner: Owner, *, among_copies: bool = False) -> bool:
    """Say whether a process surely lives no more; False when that cannot be known from here.

    ``among_copies``: containers of one image on several machines, of one name each, may not be told apart.
    """
    here = current_owner()
    if owner.machine != here.machine:
        return False
    if owner.boot != here.boot:
        in_container = {owner.namespace, here.namespace} != {_FIRST_NAMESPACE}
        return _machine_is_unique() and not (among_copies and in_container)
    if owner.namespace != here.namespace:
        return False
    started = _start_time(owner.pid)
    if not owner.started or (started is None and _is_hidden(owner.pid)):
        return False
    return started != owner.started


@lru_cache(maxsize=1)
def _owner_of(pid: int) -> Owner:
    return Owner(_machine(), _boot(), _namespace(), pid, _start_time(pid) or "")


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        return ""


def _machine() -> str:
    return f"{platform.node()}/{_read('/etc/machine-id')[:12]}".replace("|", "_")


def _machine_is_unique() -> bool:
    """Another boot of the same machine ended all processes, unless copies of one image share its names."""
    return bool(_read("/etc/machine-id")) and sys.platform == "linux"


def _boot() -> str:
    if sys.platform == "linux":
        return _read("/proc/sys/kernel/random/boot_id")
    import psutil  # slow to import, and Linux does without

    return str(int(psutil.boot_time()) // 60)  # it wavers by a second where it is computed from the clock


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """Give the process's start in the system's own unit, or None when it is gone or a zombie."""
    if sys.platform == "linux":
        return _linux_start_time(pid)
    import psutil  # slow to import, and Linux does without

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return "unknown"


def _is_hidden(pid: int) -> bool:
    """Say whether a process of another user lives that /proc does not show (mount option ``hidepid``)."""
    if sys.platform != "linux" or _read(f"/proc/{pid}/stat"):
        return False
    try:
        os.kill(pid, 0)  # signal 0 is sent to no one: it only asks
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _linux_start_time(pid: int) -> str | None:
    # proc(5): field 2 is the name in parentheses and may hold spaces, field 3 the state, field 22 the start in ticks.
    stat = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not stat or stat[0] in "ZX":
        return None
    return stat[19]
