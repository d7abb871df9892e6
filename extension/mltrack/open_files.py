"""How many files, of which each connection is one, a process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

_MOST = 65536


def raise_file_limit() -> int:
    """Raise the limit of open files to what the system lets, and give it."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if most == resource.RLIM_INFINITY else min(most, _MOST)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        return wanted
    return now
