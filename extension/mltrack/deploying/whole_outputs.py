"""Files and folders that come into being whole, or not at all: they are written under another name and moved."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mltrack.exceptions import AlreadyExistsError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Write a file, replacing one that is there; what fails leaves the old one as it was.

    Raises
    ------
    NotFoundError
        When there is no folder to write it to.
    """
    target = Path(path).absolute()
    draft = _draft(target)
    try:
        with draft.open("xb") as writer:
            yield writer
        draft.replace(target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder that is not there yet, or is empty; everybody may read it, whatever the umask says.

    Raises
    ------
    AlreadyExistsError
        When it is there and holds something.
    NotFoundError
        When there is no folder to make it in.
    """
    target = Path(path).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExistsError(f"The path {str(path)!r} is there already and not empty; give another.")
    draft = _draft(target)
    draft.mkdir()
    try:
        yield draft
        _open_to_readers(draft)
        if target.exists():
            target.rmdir()
        os.rename(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _open_to_readers(folder: Path) -> None:
    """Let others read: what is copied into an image keeps its mode, and another user reads it there."""
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)


def _draft(target: Path) -> Path:
    if not target.parent.is_dir():
        raise NotFoundError(f"There is no folder {str(target.parent)!r} to write {target.name!r} to; make it first.")
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
