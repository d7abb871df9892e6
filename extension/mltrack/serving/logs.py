"""The log of a server: what the model prints and what the server says, in a file that cannot grow without end."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 4 * 1024 * 1024
"""At this size the file becomes the old one, and the one that was old is gone."""

_TAIL_BYTES = 256 * 1024


class Log:
    """Writes to this process's stderr; with a path, stderr becomes that file, and begins anew when it is full."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._size = 0
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(descriptor, sys.__stderr__.fileno() if sys.__stderr__ else 2)
        self._size = os.fstat(descriptor).st_size
        os.close(descriptor)

    def write(self, data: bytes) -> None:
        """Write what a model printed."""
        if self._path is not None and self._size + len(data) > MOST_BYTES:
            self._begin_anew(self._path)
        with suppress(OSError):  # a full disk or a closed terminal is no reason to end
            self._size += os.write(2, data)

    def _begin_anew(self, path: Path) -> None:
        try:
            os.replace(path, old_log(path))
            self._open(path)
        except OSError:  # the folder is gone, or full
            with suppress(OSError):
                os.ftruncate(2, 0)
            self._size = 0

    def say(self, text: str) -> None:
        """Write a line of the server's own, with the time (UTC)."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.write(f"{moment} {text}\n".encode(errors="backslashreplace"))


class LogHandler(logging.Handler):
    """Writes what libraries log as errors into a log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._log.say(self.format(record))


def old_log(path: Path) -> Path:
    """Give the file that a full log became."""
    return path.with_name(f"{path.name}.1")


def tail(path: Path, lines: int) -> str:
    """Give the last lines of a log, from the last 256 KiB of it; an empty text when there is none."""
    text = b""
    for file in (old_log(path), path):
        try:
            with file.open("rb") as opened:
                opened.seek(max(0, os.fstat(opened.fileno()).st_size - _TAIL_BYTES))
                text += opened.read()
        except FileNotFoundError:
            continue
    return "\n".join(text[-_TAIL_BYTES:].decode(errors="replace").splitlines()[-lines:]) if lines > 0 else ""
