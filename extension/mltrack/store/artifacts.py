"""Artifact folders: paths checked by one function, files written whole and moved into place, digests kept."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

from mltrack.exceptions import InvalidParameterError, NotFoundError, StoreFullError, StoreReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
MAX_PLACE = 2048
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class SafePath:
    """A relative path that was checked: no way out of its folder, no character that hides what it is."""

    text: str

    def __str__(self) -> str:
        return self.text


def safe_path(text: str) -> SafePath:
    """Check an artifact's path below the run's root; the only way to a SafePath.

    Raises
    ------
    InvalidParameterError
        When it is empty, absolute, has ``..``, ``.``, ``//``, backslashes, a drive, control or direction characters,
        a part Windows reserves or that ends in a dot or space, a part over 255 bytes, or over 1,024 bytes in all.
    """
    if not isinstance(text, str):
        raise InvalidParameterError(f"An artifact path must be text; got a {type(text).__name__}.")
    reason = _path_fault(text)
    if reason:
        raise InvalidParameterError(
            f"The artifact path {text[:120]!r} {reason}; give a relative path such as 'plots/roc.png'."
        )
    return SafePath(text)


def _path_fault(text: str) -> str | None:
    if not text:
        return "is empty"
    if len(text.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        return f"is over {MAX_PATH_BYTES} bytes long"
    if text.startswith("/") or "\\" in text or re.match(r"[A-Za-z]:", text):
        return "is absolute, or has a backslash or drive letter"
    if any(unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI for c in text):
        return "holds a control, surrogate or text-direction character"
    for part in text.split("/"):
        if fault := _part_fault(part):
            return fault
    return None


def _part_fault(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"has the part {part!r}"
    if len(part.encode()) > MAX_SEGMENT_BYTES:
        return f"has a part over {MAX_SEGMENT_BYTES} bytes"
    if part.endswith((".", " ")) or _RESERVED.fullmatch(part):
        return f"has the part {part!r}, which some systems cannot store"
    return None


def local_place(text: str) -> str:
    """Check where an experiment's artifacts shall lie: a path, or ``file:///PATH``; gives the path.

    Raises
    ------
    InvalidParameterError
        For another scheme, a control character, and for over 2,048 characters.
    """
    path = unquote(text.removeprefix("file://")) if text.startswith("file:///") else text
    is_strange = not path.strip() or "://" in path or any(unicodedata.category(c) in ("Cc", "Cs") for c in path[:9999])
    if is_strange or len(text) > MAX_PLACE:
        raise InvalidParameterError(
            f"Artifacts cannot be kept at {text[:120]!r}; give a path or file:///PATH, at most {MAX_PLACE} characters."
        )
    return path


def write_bytes(root: Path, path: SafePath, content: bytes) -> tuple[int, str]:
    """Put a file of this content below ``root``, whole or not at all; gives its size and SHA-256."""
    target = _prepare(root, path)
    with _staged(target) as (handle, staged):
        handle.write(content)
        handle.close()
        staged.replace(target)
    return len(content), sha256(content).hexdigest()


def copy_file(root: Path, path: SafePath, source: Path) -> tuple[int, str]:
    """Copy a regular file below ``root``, whole or not at all; gives its size and SHA-256."""
    if not stat.S_ISREG(source.stat().st_mode):
        raise InvalidParameterError(f"{source} is not a regular file, so it cannot be logged.")
    target = _prepare(root, path)
    digest, size = sha256(), 0
    with source.open("rb") as reader, _staged(target) as (handle, staged):
        while block := reader.read(_BLOCK):
            handle.write(block)
            digest.update(block)
            size += len(block)
        handle.close()
        staged.replace(target)
    return size, digest.hexdigest()


def files_below(folder: Path) -> list[Path]:
    """Give the regular files of a folder tree in order; links, pipes and devices are left out."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            path = type(folder)(parent) / name
            if stat.S_ISREG(path.lstat().st_mode):
                found.append(path)
    return found


def open_artifact(root: Path, path: SafePath) -> Path:
    """Give the place of a file that is there; no part of the way to it may be a link."""
    target = root.joinpath(*path.text.split("/"))
    _refuse_links(root, path)
    if not target.is_file():
        raise NotFoundError(f"There is no artifact {path.text!r} in {root}.")
    return target


def _prepare(root: Path, path: SafePath) -> Path:
    target = root.joinpath(*path.text.split("/"))
    _refuse_links(root, path)
    if target.is_dir():
        raise InvalidParameterError(f"The artifact path {path.text!r} is a folder of this run already.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InvalidParameterError(
            f"A part of the artifact path {path.text!r} is a file of this run already."
        ) from None
    except PermissionError as error:
        raise StoreReadOnlyError(
            f"The artifact folder {root} cannot be written by this user: {error.strerror}."
        ) from error
    return target


def _refuse_links(root: Path, path: SafePath) -> None:
    place = root
    for part in path.text.split("/"):
        place = place / part
        if place.is_symlink():
            raise InvalidParameterError(f"The artifact path {path.text!r} goes through a link, which is not followed.")


@contextmanager
def _staged(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a file under a temporary name beside its target; it is gone again unless it was moved into place."""
    staged = target.with_name(f".mltrack-{token_hex(8)}")
    try:
        with staged.open("xb") as handle:
            yield handle, staged
    except PermissionError as error:
        raise StoreReadOnlyError(f"The artifact folder {target.parent} cannot be written: {error.strerror}.") from error
    except OSError as error:
        raise StoreFullError(f"The artifact {target} could not be written: {error.strerror}.") from error
    finally:
        staged.unlink(missing_ok=True)
