"""Small files that another program wrote, read within bounds; no link is followed."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_yaml import MAX_LENGTH, read_yaml
from mltrack.store.directories import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INT64 = 2**63


def names(folder: Path) -> list[str]:
    """Give the names of the folders in a folder, in order, links left out; none when it is no folder."""
    if not is_folder(folder):
        return []
    return sorted(each.name for each in folder.iterdir() if is_folder(each))


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there that is no link."""
    return _has_mode(path, stat.S_ISDIR)


def is_file(path: Path) -> bool:
    """Tell whether a regular file is there that is no link."""
    return _has_mode(path, stat.S_ISREG)


def _has_mode(path: Path, wanted: Any) -> bool:
    try:
        return bool(wanted(path.lstat().st_mode))
    except (OSError, ValueError):
        return False


def read_text(path: Path) -> str:
    """Read a text as it is; InvalidParameterError when it is too long or cannot be read."""
    try:
        if path.lstat().st_size > MAX_LENGTH:
            raise InvalidParameterError(f"{path} has over {MAX_LENGTH} bytes.")
        return path.read_bytes().decode("utf-8", "backslashreplace")
    except OSError as error:
        raise InvalidParameterError(f"{path} cannot be read: {error.strerror}.") from error


def read_meta(path: Path) -> dict[str, Any] | None:
    """Read a ``meta.yaml``; None when there is none, InvalidParameterError when it is no mapping."""
    if not is_file(path):
        return None
    found = read_yaml(read_text(path), path)
    if not isinstance(found, dict):
        raise InvalidParameterError(f"{path} is no mapping.")
    return found


def read_pairs(folder: Path) -> list[tuple[str, str]]:
    """Read a folder of which each file is a value and its path the key."""
    return [(name, read_text(folder / name)) for name in _files(folder)]


def read_fields(folder: Path) -> Iterator[tuple[str, list[str], bool]]:
    """Give (key, fields, whether the line is whole) of each line of the files in a folder."""
    for name in _files(folder):
        with (folder / name).open("rb") as lines:
            for line in lines:
                yield name, line.decode("utf-8", "backslashreplace").split(), line.endswith(b"\n")


def _files(folder: Path) -> list[str]:
    return [name for name, is_regular in tree(folder) if is_regular] if is_folder(folder) else []


def as_text(value: object) -> str:
    """Give a scalar of a YAML file as text; nothing for None and for what is no scalar."""
    return "" if value is None or isinstance(value, (dict, list, bytes)) else str(value)


def as_integer(value: object) -> int | None:
    """Give a whole number of 64 bits; None for anything else."""
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -INT64 <= number < INT64 else None
