"""One digest of all that a folder holds, by which a project is known again: files, links and who may run them."""

from __future__ import annotations

import os
import stat
from hashlib import file_digest, sha256
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

MOST_FILES = 200_000


def tree_digest(folder: Path, *, without: Collection[str] = ()) -> str:
    """Give one SHA-256 in hexadecimal of a folder: of its files' contents, and of where its links lead.

    Parameters
    ----------
    without
        Names right in the folder that are left out.

    Raises
    ------
    InvalidParameterError
        When it holds over 200,000 files, or one that is neither file, folder nor link.
    """
    digest = sha256()
    for count, (entry, path) in enumerate(_entries(folder, "", frozenset(without))):
        if count >= MOST_FILES:
            raise InvalidParameterError(f"The folder {folder} holds over {MOST_FILES:,} files.")
        for part in (os.fsencode(path), *_said(entry)):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _entries(folder: Path | str, above: str, without: Collection[str] = ()) -> Iterator[tuple[os.DirEntry[str], str]]:
    with os.scandir(folder) as found:
        entries = sorted((each for each in found if each.name not in without), key=lambda each: os.fsencode(each.name))
    for each in entries:
        yield each, f"{above}{each.name}"
        if each.is_dir(follow_symlinks=False):
            yield from _entries(each.path, f"{above}{each.name}/")


def _said(entry: os.DirEntry[str]) -> tuple[bytes, bytes]:
    if entry.is_symlink():
        return b"link", os.fsencode(os.readlink(entry.path))
    if entry.is_dir(follow_symlinks=False):
        return b"folder", b""
    if not entry.is_file(follow_symlinks=False):
        raise InvalidParameterError(f"{entry.path} is no file, folder or link, so the project cannot be told by it.")
    runs = entry.stat(follow_symlinks=False).st_mode & stat.S_IXUSR
    with open(entry.path, "rb") as reader:
        return b"program" if runs else b"file", file_digest(reader, "sha256").digest()
