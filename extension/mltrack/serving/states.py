"""What is known of the servers of this user: one file each, which only the user can read, as long as it runs."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mltrack import config
from mltrack.exceptions import MltrackError
from mltrack.process import Owner, current_owner, is_gone
from mltrack.serving.settings import Settings

_FOLDER = "servers"
_LOG_DAYS = 7  # that the log of a server that ended is kept


@dataclass(frozen=True, slots=True)
class State:
    """One server that answers: what it was started with, its port, its front's process, and since when (s of 1970)."""

    settings: Settings
    port: int
    owner: Owner
    started: float

    @classmethod
    def of(cls, settings: Settings, port: int) -> Self:
        """Describe this process as a server."""
        return cls(settings, port, current_owner(), time.time())

    @property
    def address(self) -> str:
        """The host that callers on this machine use."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)  # noqa: S104 - it is compared

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://[{self.address}]:{self.port}" if ":" in self.address else f"http://{self.address}:{self.port}"

    @property
    def log_file(self) -> Path:
        """Where its log is."""
        return log_file(self.settings)

    @property
    def token_file(self) -> Path | None:
        """Where the token lies that callers show; None when they need none."""
        return self._file(".token") if self.settings.token and self.settings.folder else None

    def is_running(self) -> bool:
        """Say whether the front's process lives."""
        return not is_gone(self.owner)

    def to_json(self) -> str:
        """Give one line of JSON, with all secrets."""
        values = {"port": self.port, "owner": str(self.owner), "started": self.started}
        return json.dumps(values | {"settings": json.loads(self.settings.to_json())})

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_json`` gave, parsed; raises a ValueError, KeyError or TypeError for anything else."""
        owner = Owner.parse(str(values["owner"]))
        if owner is None:
            raise ValueError(values["owner"])
        settings = Settings.from_json(json.dumps(values["settings"]))
        return cls(settings, int(values["port"]), owner, float(values["started"]))

    def write(self) -> Self:
        """Keep it, for ``found``; MltrackError when that cannot be."""
        if not self.settings.folder:
            return self
        try:
            if self.token_file is not None:
                write_private(self.token_file, f"{self.settings.token}\n")
            draft = self._file(".draft")
            write_private(draft, self.to_json())
            draft.replace(self._file(".json"))
        except OSError as error:
            raise unwritable(Path(self.settings.folder), error) from error
        return self

    def remove(self) -> None:
        """Forget the server; its log, if it has one, stays for a while, for whoever wants to know why it ended."""
        for suffix in (".json", ".token", ".draft"):
            with suppress(OSError):
                self._file(suffix).unlink()
        with suppress(OSError):
            if self.settings.folder and not self.log_file.stat().st_size:
                self.log_file.unlink()

    def _file(self, suffix: str) -> Path:
        return Path(self.settings.folder) / f"{self.settings.nonce}{suffix}"


def log_file(settings: Settings) -> Path:
    """Give where the log of a server with these settings is."""
    return Path(settings.folder) / f"{settings.nonce}.log"


def servers_folder() -> Path:
    """Give the folder of these files, made when there is none; nobody else can look into it.

    Raises
    ------
    MltrackError
        When it cannot be made; the message names it.
    """
    folder = config.user_folder() / _FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def unwritable(folder: Path, error: OSError) -> MltrackError:
    """Make the error of a folder of servers' files that cannot be written."""
    return MltrackError(
        f"The files of servers cannot be written to {folder}: {error.strerror or error}. Make room, or set "
        f"{config.DATA_DIR.name} to a folder that this user may write.",
        error_code="PERMISSION_DENIED",
    )


def found() -> list[State]:
    """Give the servers of this user on this machine that run, the oldest first; what others left is removed."""
    folder = servers_folder()
    states = []
    for file in folder.glob("*.json"):
        state = _read(file)
        if state is not None and state.is_running():
            states.append(state)
        elif state is not None:
            state.remove()
    _remove_old_logs(folder, {state.log_file for state in states})
    return sorted(states, key=lambda state: state.started)


def write_private(file: Path, text: str) -> None:
    """Write a file that only this user can read."""
    with suppress(FileNotFoundError):
        file.unlink()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as writer:
        writer.write(text)


def _read(file: Path) -> State | None:
    try:
        state = State.from_values(json.loads(file.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, MltrackError):
        return None
    settings = state.settings
    return state if (Path(settings.folder), settings.nonce) == (file.parent, file.stem) else None


def _remove_old_logs(folder: Path, used: set[Path]) -> None:
    limit = time.time() - _LOG_DAYS * 86400
    for file in folder.glob("*.log*"):
        with suppress(OSError):
            if file.with_name(file.name.removesuffix(".1")) not in used and file.stat().st_mtime < limit:
                file.unlink()
