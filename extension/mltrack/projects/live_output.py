"""What a command prints, on its way: shown at once where the run was started, and kept in a log file, masked."""

from __future__ import annotations

import codecs
import os
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from mltrack.config import user_folder
from mltrack.masking import mask_text

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.projects.launch import Process

KEPT_LOGS = 200
_BLOCK = 1 << 16
_LONGEST_LINE = 1 << 20  # characters that are waited for; a longer line is kept in parts
_SECONDS = 1.0  # for what is in a pipe still when its command has ended


class LiveOutput:
    """Reads the pipes of a command, each in a thread of its own."""

    def __init__(self, run_id: str, *, shown: bool) -> None:
        self.file = log_file(run_id)
        self._streams: tuple[Any, Any] = (sys.stdout, sys.stderr) if shown else (None, None)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._log = _open_log(self.file)

    def follow(self, process: Process) -> None:
        """Begin to read what a process prints, if it was started with pipes."""
        for pipe, stream in zip((process.stdout, process.stderr), self._streams, strict=True):
            if pipe is not None:
                thread = threading.Thread(target=self._copy, args=(pipe, stream), name="mltrack-output", daemon=True)
                thread.start()
                self._threads.append(thread)

    def finish(self) -> None:
        """Wait for the rest, when the command has ended; what it left running may hold the pipes for longer."""
        for thread in self._threads:
            thread.join(_SECONDS)
        with self._lock, suppress(OSError):
            self._log.close()

    def text(self) -> str:
        """Give what was printed so far; secrets are masked."""
        try:
            return self.file.read_text(encoding="utf-8", errors="replace")
        except OSError:  # removed as one of the oldest
            return ""

    def _copy(self, pipe: IO[bytes], stream: Any) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        with pipe:
            while block := os.read(pipe.fileno(), _BLOCK):
                text = decoder.decode(block)
                _show(stream, text)
                whole, end, rest = (rest + text).rpartition("\n")
                if len(rest) > _LONGEST_LINE:
                    end, rest = end + rest, ""
                self._keep(whole + end)
        self._keep(rest)

    def _keep(self, text: str) -> None:
        """Write whole lines: a secret that comes in two parts is masked, too."""
        if text:
            with self._lock, suppress(OSError, ValueError):  # a full disk or a closed file ends no run
                self._log.write(mask_text(text))
                self._log.flush()


def log_file(run_id: str) -> Path:
    """Give the place of a run's log file, in this user's own folder."""
    return user_folder() / "projects" / "logs" / f"{run_id}.log"


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
