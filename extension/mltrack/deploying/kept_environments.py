"""The environments that were made and kept: their sizes, when they were last used, and removing those that rest."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from mltrack import config
from mltrack.deploying.environment_folders import FOLDER, READY
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeptEnvironment:
    """An environment: its name, its folder, its bytes, when it was last used (ms), and whether something runs in it."""

    name: str
    folder: Path
    size: int
    last_used: int
    is_running: bool


def kept_environments() -> list[KeptEnvironment]:
    """List the environments of models and projects, the one that was used last first."""
    root = config.user_folder() / FOLDER
    if not root.is_dir():
        return []
    running = _programs()
    found = []
    for place in root.iterdir():
        ready = place / READY
        if ready.is_file():
            used = ready.stat().st_mtime_ns // 1_000_000
            is_running = any(each.startswith(f"{place}{os.sep}") for each in running)
            found.append(KeptEnvironment(place.name, place, _size(place), used, is_running))
    return sorted(found, key=lambda each: -each.last_used)


def remove_environments(unused_for: float) -> list[KeptEnvironment]:
    """Remove the environments that were not used for so many seconds and in which nothing runs; gives them.

    What needs one of them again makes it again.
    """
    if not unused_for >= 0:
        raise InvalidParameterError(f"unused_for must be a number of seconds from 0; got {unused_for!r}.")
    before = (time.time() - unused_for) * 1000
    chosen = [each for each in kept_environments() if each.last_used <= before and not each.is_running]
    for each in chosen:
        (each.folder / READY).unlink(missing_ok=True)  # first, so that nobody takes what is half gone
        shutil.rmtree(each.folder, ignore_errors=True)
    return chosen


def _programs() -> set[str]:
    """Give the programs that run, as they were called: that of an environment leads on to another one's file."""
    commands = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    return {command[0] for command in commands if command}


def _size(folder: Path | str) -> int:
    """Give the bytes of a folder's files; those that uv's cache has too are counted."""
    total = 0
    with os.scandir(folder) as entries:
        for each in entries:
            is_folder = each.is_dir(follow_symlinks=False)
            total += _size(each.path) if is_folder else each.stat(follow_symlinks=False).st_size
    return total
