"""A copy of a store that is in use: whole, as of one moment, checked before it gets its name."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, StoreFormatError
from mltrack.store.connection import sqlite3, translated
from mltrack.store.opening import open_for_reading, stored_version

if TYPE_CHECKING:
    from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made: where, its bytes, and how many runs are in it."""

    path: str
    file_bytes: int
    runs: int


def back_up(path: Path, target: Path) -> Backup:
    """Copy the store at ``path`` to the new file ``target``, while others may read and write it.

    SQLite copies the pages of one snapshot (its online backup), with what is still in the write-ahead log; a plain
    copy of the file would leave that out. The copy is made under another name, checked, and then renamed.

    Raises
    ------
    AlreadyExistsError
        When there is something at ``target``; nothing is overwritten.
    InvalidParameterError
        When the target's folder is not there.
    StoreError
        When the store cannot be read or is damaged, or the copy cannot be written; no copy is left then.
    """
    folder = target.absolute().parent
    if not folder.is_dir():
        raise InvalidParameterError(f"There is no folder {folder} to put the copy into; make it first.")
    _refuse_taken(target)
    if stored_version(path) == 0:
        raise StoreFormatError(f"The store {path} is empty; there is nothing to copy.")
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{target.name}.", suffix=".unfinished")
    os.close(handle)
    unfinished = Path(name)
    try:
        runs = _copy(path, unfinished)
        shutil.copymode(path, unfinished)  # a temporary file is for its user alone; the copy is for whom the store is
        _publish(unfinished, target)
    finally:
        for leftover in (unfinished, *(Path(f"{unfinished}{suffix}") for suffix in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)
    return Backup(str(target), target.stat().st_size, runs)


def _copy(path: Path, unfinished: Path) -> int:
    try:
        with closing(open_for_reading(path)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)  # in one step, so that a writer cannot make it begin again
            return _checked(copy, path)
    except sqlite3.Error as error:
        raise translated(error, path) from error


def _checked(copy: Connection, path: Path) -> int:
    # Out of write-ahead mode, which the copy has from the store: it is one file then, and says so itself.
    copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreFormatError(
            f"The store {path} is damaged ({found}); no copy was made. `mltrack db check` says more."
        )
    runs: int = copy.execute("SELECT count(*) FROM runs").fetchone()[0]
    return runs


def _publish(unfinished: Path, target: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(unfinished, target)  # unlike a rename, it never replaces what came there meanwhile
    except FileExistsError:
        _refuse_taken(target)
        raise
    except OSError:  # a file system without links
        _refuse_taken(target)
        unfinished.rename(target)


def _refuse_taken(target: Path) -> None:
    if os.path.lexists(target):
        raise AlreadyExistsError(f"There is something at {target} already; nothing is overwritten. Give another name.")
