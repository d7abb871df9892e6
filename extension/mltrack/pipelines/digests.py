"""What a file or a folder holds, as a digest; large files are read again only when they have changed.

What is known of large files lies in the user's own folder, by place, size, time of change and file number.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGE = 1_000_000
"""Bytes from which on a file's digest is kept."""

MOST_FILES = 100_000
"""Files of a folder that is an input or an output."""

_MOST_KEPT = 20_000
_SETTLED_NS = 2_000_000_000  # a file that was written this lately may be written again within one tick of its clock
_FILE = "file-digests.json"
_LINK = "link:"


class Digests:
    """Digests of files, and what is kept of them; one for each run of a pipeline. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place = config.user_folder() / _FILE
        self._kept: dict[str, list[object]] | None = None
        self._is_new = False
        self.files_read = 0

    def of(self, path: Path) -> str | None:
        """Give the digest of a file or folder: 64 hex digits of SHA-256; None when there is none.

        That of a folder is made of the names and digests of all files below it.

        Raises
        ------
        InvalidParameterError
            When it is a pipe or a device, or a folder of over 100,000 files.
        """
        if path.is_dir():
            return self._of_folder(path)
        if path.is_file():
            return self._of_file(path)
        if path.exists():
            raise InvalidParameterError(f"{path} is neither a file nor a folder, so that it has no digest.")
        return None

    def save(self) -> None:
        """Keep what was learnt for later runs; what cannot be kept is read again then."""
        with self._lock:
            if not self._is_new or self._kept is None:
                return
            kept = dict(list(self._kept.items())[-_MOST_KEPT:])
            self._is_new = False
        scratch = self._place.with_name(f".{_FILE}.{secrets.token_hex(8)}")
        with suppress(OSError):
            self._place.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(json.dumps(kept), encoding="utf-8")
            os.replace(scratch, self._place)

    def _of_folder(self, folder: Path) -> str:
        found = hashlib.sha256()
        for count, (name, place) in enumerate(sorted(files_below(folder)), start=1):
            if count > MOST_FILES:
                raise InvalidParameterError(f"{folder} has over {MOST_FILES:,} files; name those that matter.")
            digest = self._of_file(place) if place.is_file() else _of_link(place)
            found.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
        return found.hexdigest()

    def _of_file(self, path: Path) -> str:
        status = path.stat()
        key = str(path.resolve())
        stamp = [status.st_size, status.st_mtime_ns, status.st_ino]
        if status.st_size >= LARGE and (known := self._known(key, stamp)):
            return known
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.files_read += 1
        if status.st_size >= LARGE and time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
            self._keep(key, [*stamp, digest])
        return digest

    def _known(self, key: str, stamp: list[int]) -> str | None:
        with self._lock:
            if self._kept is None:
                self._kept = _read(self._place)
            found = self._kept.get(key)
        return str(found[3]) if isinstance(found, list) and len(found) == 4 and found[:3] == stamp else None

    def _keep(self, key: str, entry: list[object]) -> None:
        with self._lock:
            if self._kept is None:
                self._kept = _read(self._place)
            self._kept.pop(key, None)  # the last kept are the last to go
            self._kept[key] = entry
            self._is_new = True


def files_below(folder: Path, *, enter: Callable[[str], bool] | None = None) -> Iterator[tuple[str, Path]]:
    """Give the name (relative, POSIX) and place of all files below a folder; ``enter`` says which folders to look into.

    Links to folders are not entered, and stand for themselves.
    """
    for base, folders, names in os.walk(folder):
        if enter is not None:
            folders[:] = [name for name in folders if enter(name)]
        linked = [name for name in folders if os.path.islink(os.path.join(base, name))]
        for name in (*names, *linked):
            place = Path(base, name)
            yield place.relative_to(folder).as_posix(), place


def _of_link(place: Path) -> str:
    """Give what stands for a link to a folder or to nothing, or for a pipe: reading it would lead elsewhere or hang."""
    return f"{_LINK}{os.readlink(place)}" if place.is_symlink() else "other"


def _read(place: Path) -> dict[str, list[object]]:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
