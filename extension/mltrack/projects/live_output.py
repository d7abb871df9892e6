"""What a command prints, on its way: shown at once where the run was started, and kept in a log file, masked."""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from mltrack.config import user_folder
from mltrack.masking import mask_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack.projects.launch import Process

KEPT_LOGS = 200
_BLOCK = 1 << 16
_LONGEST_LINE = 1 << 20  # characters that are waited for; a longer line is kept in parts
_SECONDS, _LOOK_SECONDS = 1.0, 0.05  # for what comes when the command has ended, as from what it prints through
# What is in a pipe by then is waited for, as on a busy machine: so many bytes, as a pipe has up to 1 MiB, and as long.
_MOST_LEFT, _MOST_SECONDS = 1 << 21, 60.0


class LiveOutput:
    """Reads the pipes of a command, each in a thread of its own."""

    def __init__(self, run_id: str, *, shown: bool) -> None:
        self.file = log_file(run_id)
        self._streams: tuple[Any, Any] = (sys.stdout, sys.stderr) if shown else (None, None)
        self._lock = threading.Lock()
        self._readers: list[_Reader] = []
        self._log = _open_log(self.file)

    def follow(self, process: Process) -> None:
        """Begin to read what a process prints, if it was started with pipes."""
        for pipe, stream in zip((process.stdout, process.stderr), self._streams, strict=True):
            if pipe is not None:
                reader = _Reader(pipe, stream, self._keep)
                reader.start()
                self._readers.append(reader)

    def finish(self) -> None:
        """Wait for the rest, when the command has ended; what it left running may hold the pipes for longer."""
        for reader in self._readers:
            enough, deadline = reader.kept + _MOST_LEFT, time.monotonic() + _MOST_SECONDS
            reader.join(_SECONDS)
            while reader.is_at_work() and reader.kept <= enough and time.monotonic() < deadline:
                reader.join(_LOOK_SECONDS)
        with self._lock, suppress(OSError):
            self._log.close()

    def text(self) -> str:
        """Give what was printed so far; secrets are masked."""
        try:
            return self.file.read_text(encoding="utf-8", errors="replace")
        except OSError:  # removed as one of the oldest
            return ""

    def _keep(self, text: str) -> None:
        """Write whole lines: a secret that comes in two parts is masked, too."""
        if text:
            with self._lock, suppress(OSError, ValueError):  # a full disk or a closed file ends no run
                self._log.write(mask_text(text))
                self._log.flush()


class _Reader(threading.Thread):
    """Reads a pipe to its end; ``kept`` counts the bytes of it that were shown and kept."""

    def __init__(self, pipe: IO[bytes], stream: Any, keep: Callable[[str], None]) -> None:
        super().__init__(name="mltrack-output", daemon=True)
        self.kept = 0
        self._pipe, self._stream, self._keep = pipe, stream, keep
        self._waits = False

    def run(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        with self._pipe:
            while block := self._next():
                text = decoder.decode(block)
                _show(self._stream, text)
                whole, end, rest = (rest + text).rpartition("\n")
                if len(rest) > _LONGEST_LINE:
                    end, rest = end + rest, ""
                self._keep(whole + end)
                self.kept += len(block)
        self._keep(rest)

    def is_at_work(self) -> bool:
        """Say whether something that is in the pipe by now is not kept yet; its end counts, too."""
        if not self.is_alive():
            return False
        try:
            has_more = _is_readable(self._pipe, 0)
        except (OSError, ValueError):  # it was read to its end, and closed
            return True
        return has_more or not self._waits  # in this order: it is read only once nobody waits any more

    def _next(self) -> bytes:
        self._waits = True
        _is_readable(self._pipe, None)
        self._waits = False
        return os.read(self._pipe.fileno(), _BLOCK)


def log_file(run_id: str) -> Path:
    """Give the place of a run's log file, in this user's own folder."""
    return user_folder() / "projects" / "logs" / f"{run_id}.log"


def _is_readable(pipe: IO[bytes], milliseconds: float | None) -> bool:
    """Wait until there is something to be read, or the end; None: as long as it takes."""
    poller = select.poll()  # unlike ``select``, for files of any number
    poller.register(pipe.fileno(), select.POLLIN)
    return bool(poller.poll(milliseconds))


def _show(stream: Any, text: str) -> None:
    if stream is not None and text:
        with suppress(OSError, ValueError):  # who looked on is gone
            stream.write(text)
            stream.flush()


def _open_log(file: Path) -> Any:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _drop_oldest(file.parent)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


def _drop_oldest(folder: Path) -> None:
    """Keep the logs of so many runs."""
    with suppress(OSError):
        found = [*folder.glob("*.log")]
        if len(found) >= KEPT_LOGS:
            for old in sorted(found, key=lambda each: each.stat().st_mtime)[: len(found) - KEPT_LOGS + 1]:
                old.unlink(missing_ok=True)
