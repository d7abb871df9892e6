"""The names of servers: each is one server's of this user, for as long as its front's process lives."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mltrack.exceptions import AlreadyExistsError
from mltrack.serving.states import unwritable

if TYPE_CHECKING:
    from mltrack.serving.settings import Settings


class Claim:
    """A name that no other server may have: a file that this process has locked, as the system undoes when it ends."""

    def __init__(self, settings: Settings, descriptor: int | None = None) -> None:
        self.settings = settings
        self._descriptor = descriptor

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Claim the name of a server, with a number after it where it is ``numbered`` and others have it.

        Raises
        ------
        AlreadyExistsError
            When another server has the name.
        MltrackError
            When the folder of the servers' files cannot be written.
        """
        if not settings.folder:
            return cls(settings)
        for number in count(1):
            name = settings.name if number == 1 else f"{settings.name}-{number}"
            descriptor = _locked(_file(settings.folder, name))
            if descriptor is not None:
                return cls(settings.changed(name=name, numbered=False), descriptor)
            if not settings.numbered:
                break
        raise AlreadyExistsError(f"A server named {settings.name!r} runs already; stop it, or give another name.")

    def give_back(self) -> None:
        """Let others have the name."""
        if self._descriptor is not None:
            with suppress(OSError):
                _file(self.settings.folder, self.settings.name).unlink()
            os.close(self._descriptor)
            self._descriptor = None


def _file(folder: str, name: str) -> Path:
    """Give the file of a name, which says nothing of it: names may have any characters."""
    return Path(folder) / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.name"


def _locked(file: Path) -> int | None:
    """Lock a file and give its descriptor, or None when another process has locked it."""
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unwritable(file.parent, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                os.close(descriptor)
                return None
            return descriptor  # a file system without locks
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        os.close(descriptor)  # who had it has just removed it
