"""Which files a model folder holds, with their sizes and digests, and one digest of them all."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.store.artifact_folder import FileRecord, files_in, read_record
from mltrack.store.artifacts import safe_path
from mltrack.store.directories import tree
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_FILES = 100_000


def manifest(folder: Path) -> dict[str, FileRecord]:
    """Read every file of a folder and give its size and SHA-256 by path; links and what is no file are left out.

    Raises
    ------
    InvalidParameterError
        When it holds over 100,000 files.
    """
    found: dict[str, FileRecord] = {}
    place = LocalFolder(folder)
    for each in files_in(place):
        if len(found) >= MAX_FILES:
            raise InvalidParameterError(f"The model folder {folder} holds over {MAX_FILES} files.")
        found[each.path] = read_record(place, safe_path(each.path))
    return found


def strays_in(folder: Path, records: Mapping[str, FileRecord]) -> list[str]:
    """List what a folder holds beside the files of its manifest: links, pipes, and names that no artifact may have."""
    return [name for name, is_regular in tree(folder) if not is_regular or name not in records]


def digest_of(records: Mapping[str, FileRecord]) -> str:
    """Give one SHA-256 in hexadecimal of a folder: of its lines ``DIGEST  SIZE  PATH``, sorted."""
    lines = sorted(f"{record.digest}  {record.size}  {path}\n" for path, record in records.items())
    return sha256("".join(lines).encode()).hexdigest()
