"""One run of a pipeline in a folder at a time: two would write the same outputs."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.exceptions import StateError

if TYPE_CHECKING:
    from pathlib import Path


class FolderLock:
    """Held from a run's begin to its end, or to the death of its process, by whatever means.

    The file lies in the user's own folder. On Windows, which has no such locks, nothing is held.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: int | None = None

    def take(self) -> None:
        """Begin to hold it; StateError when somebody else does."""
        try:
            import fcntl  # not on Windows
        except ImportError:
            return
        name = hashlib.sha256(str(self._root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        folder = config.user_folder() / "pipelines"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 32).decode(errors="replace").strip()
            os.close(file)
            raise StateError(
                f"The pipeline in {self._root} is being run already, by process {holder or '?'}; wait for its end."
            ) from error
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file

    def release(self) -> None:
        """Hold it no longer."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)
