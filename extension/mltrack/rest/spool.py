"""What waits for one server: files in the user's own folder, read in the order in which they were written.

This process writes one file, and begins another when that has grown, so that what was sent can be given up. Files whose
processes are gone come first. Where the folder cannot be written, the file lies in memory until it can.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.rest.spool_file import REFUSED_SUFFIX, SUFFIX, Damage, SpoolFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mltrack.wire.shapes import Json

    Place = tuple[int, int]

MOST_BYTES = 1_000_000_000
"""What waits for one server at most: beyond it, points are dropped."""
MOST_IN_MEMORY = 64 << 20
SEGMENT = 32 << 20
WINDOW = 1 << 19
RETRY_SECONDS = 5.0
_SERVER_DIGITS = 16


def folder() -> Path:
    """Give the folder of these files, which need not be there yet."""
    return config.user_folder() / "spool"


def make_folder() -> Path:
    """Give the folder of these files, made when there is none; only this user can look into it."""
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.chmod(0o700)
    return place


def files(server: str | None = None, suffix: str = SUFFIX) -> list[Path]:
    """Give the files that wait for a server, or for any, in the order of their writing."""
    prefix = f"{_digest(server)}-" if server is not None else ""
    with suppress(OSError):
        found = [each for each in folder().iterdir() if each.suffix == suffix and each.name.startswith(prefix)]
        return sorted(found, key=lambda path: path.name.partition("-")[2])
    return []


def refused_file(path: Path) -> Path:
    """Give where what the server refused of a file is kept."""
    return path.with_suffix(REFUSED_SUFFIX)


def _digest(server: str) -> str:
    return hashlib.sha256(server.encode()).hexdigest()[:_SERVER_DIGITS]


class SpoolFullError(Exception):
    """There is no room for what was to be kept."""


@dataclass(slots=True)
class Window:
    """Records that are to be sent next, and where in their file those behind them begin."""

    file: SpoolFile
    records: list[Json]
    place: int


class Spool:
    """The files of one server, usable from any thread.

    Places are pairs of a file's number and an offset: what lies before ``sent`` has arrived.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.sent: Place = (0, 0)
        self.damaged: list[tuple[Path | None, Damage]] = []
        self.problem: OSError | None = None
        self._lock = threading.Lock()
        now = time.time_ns() // 1_000_000  # in the name, so that files sort as they were begun
        self._name = f"{_digest(server)}-{now:013}-{os.getpid()}-{secrets.token_hex(4)}"
        self._files: list[tuple[int, SpoolFile]] = []
        self._number = 0
        self._own: SpoolFile | None = None
        self._asked = 0.0
        self._has_adopted = False

    def adopt(self) -> None:
        """Take what gone processes left for this server, once."""
        if self._has_adopted:
            return
        with self._lock:
            if self._has_adopted:
                return
            for path in files(self.server):
                found = SpoolFile.take(path)
                if found is not None:
                    self._add(found)
            self._has_adopted = True
            self._note_sent()

    def take(self, path: Path) -> bool:
        """Take one file that a gone process left; False when it is held."""
        found = SpoolFile.take(path)
        if found is None:
            return False
        with self._lock:
            self._has_adopted = True
            self._add(found)
            self._note_sent()
        return True

    def has_others(self) -> bool:
        """Tell whether something waits in another file than the one that grows, as what another process left."""
        first = self._files[:1]
        return bool(first) and first[0][1] is not self._own

    def append(self, payloads: Sequence[bytes], *, may_drop: bool) -> Place:
        """Keep records, and give the place behind them; SpoolFullError when there is no room."""
        self.adopt()
        with self._lock:
            file = self._current()
            if may_drop and sum(each.waiting for _, each in self._files) >= MOST_BYTES:
                raise SpoolFullError
            try:
                if file.path is None and file.waiting >= MOST_IN_MEMORY:
                    raise SpoolFullError
                file.append(payloads)
            except OSError as error:
                self.problem = error
                if file.path is None:
                    raise SpoolFullError from error
                file = self._begin(None)
                file.append(payloads)
            return self._files[-1][0], file.end

    def end(self) -> Place:
        """Give the place behind all that was kept."""
        with self._lock:
            return (self._files[-1][0], self._files[-1][1].end) if self._files else self.sent

    def window(self) -> Window | None:
        """Give the oldest records that wait; None when none do."""
        self.adopt()
        with self._lock:
            while self._files:
                file = self._files[0][1]
                found = self._read(file)
                if found.records:
                    return found
                self._done(file, found.place)
                if file is self._own:
                    break
            return None

    def done(self, window: Window) -> None:
        """Note that a window was sent."""
        with self._lock:
            self._done(window.file, window.place)

    def keep_refused(self, window: Window, payloads: Sequence[bytes]) -> Path | None:
        """Keep what the server refused beside the file it was in; gives where, or None when that cannot be."""
        path = window.file.path
        if path is None:
            return None
        aside = refused_file(path)
        try:
            file = SpoolFile.take(aside) or SpoolFile.create(aside, self.server)
            file.append(payloads)
        except OSError:
            return None
        file.leave()
        return aside

    def tidy(self) -> None:
        """Delete this process's file when nothing waits in it."""
        if self.window() is not None:
            return
        with self._lock:
            if self._own is not None and len(self._files) == 1:
                self._own.remove()
                self._files.clear()
                self._own = None

    def leave(self) -> None:
        """Give up all files: whoever comes next sends what waits in them."""
        with self._lock:
            for _, file in self._files:
                file.leave()
            self._files.clear()
            self._own = None
            self._has_adopted = False

    def forget(self) -> None:
        """In a forked child: the files are the parent's."""
        for _, file in self._files:
            file.close()
        self._files = []

    def _read(self, file: SpoolFile) -> Window:
        found = Window(file, [], file.sent)
        for each in file.read(file.sent):
            found.place = each.end
            if isinstance(each, Damage):
                self.damaged.append((file.path, each))
            elif "run" in each.payload:
                found.records.append(each.payload)
            if found.place - file.sent > WINDOW:
                break
        return found

    def _done(self, file: SpoolFile, place: int) -> None:
        file.mark_sent(place)
        if file.sent >= file.end:
            if file is self._own:
                self._number += 1
                self._files[0] = (self._number, file)
            else:
                self._files.pop(0)
                file.remove()
        self._note_sent()

    def _note_sent(self) -> None:
        self.sent = (self._files[0][0], self._files[0][1].sent) if self._files else (self._number + 1, 0)

    def _current(self) -> SpoolFile:
        """Give the file that grows, beginning one where there is none, or it has grown too large."""
        file, now = self._own, time.monotonic()
        if file is not None and file.path is None and now >= self._asked:
            self._asked = now + RETRY_SECONDS
            try:
                file.move_to(self._path())
                self.problem = None
            except OSError as error:
                self.problem = error
        if file is not None and (file.path is None or file.end < SEGMENT):
            return file
        try:
            return self._begin(self._path())
        except OSError as error:
            self.problem = error
            self._asked = now + RETRY_SECONDS
            return self._begin(None)

    def _path(self) -> Path:
        return make_folder() / f"{self._name}-{self._number:06}{SUFFIX}"

    def _begin(self, path: Path | None) -> SpoolFile:
        try:
            file = SpoolFile.in_memory(self.server) if path is None else SpoolFile.create(path, self.server)
        except OSError as error:
            if path is not None:
                raise
            raise SpoolFullError from error
        self._own = file
        self._add(file)
        self._note_sent()
        return file

    def _add(self, file: SpoolFile) -> None:
        self._number += 1
        self._files.append((self._number, file))
