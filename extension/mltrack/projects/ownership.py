"""Whether a local folder is this user's own: its code is the user's, or nobody else could have put it there."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_own(folder: Path) -> bool:
    """Say whether this user owns a folder and what is in it, and nobody else can change or exchange it.

    What is looked at are the folder, the files and folders right in it, and the folders on the way to it.
    """
    if not hasattr(os, "getuid"):  # on Windows there is no owner to compare without asking the system's lists
        return True
    resolved = folder.resolve()
    try:
        with os.scandir(resolved) as entries:
            inside = [each.stat(follow_symlinks=False) for each in entries]
        above = [each.stat() for each in resolved.parents]
        status = resolved.stat()
    except OSError:
        return False
    if status.st_uid != os.getuid() or _others_write(status):
        return False
    return all(map(_is_ours, inside)) and not any(map(_is_open, above))


def _is_ours(status: os.stat_result) -> bool:
    """Say whether a file is this user's, or root's, as containers leave them, and nobody else can write it."""
    return status.st_uid in (os.getuid(), 0) and (stat.S_ISLNK(status.st_mode) or not _others_write(status))


def _is_open(status: os.stat_result) -> bool:
    """Say whether anyone could exchange what is in a folder; in one like ``/tmp`` only the owner can."""
    return _others_write(status) and not status.st_mode & stat.S_ISVTX


def _others_write(status: os.stat_result) -> bool:
    return bool(status.st_mode & stat.S_IWOTH)
