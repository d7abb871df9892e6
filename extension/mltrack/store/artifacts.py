"""The names of artifacts and of the places they lie at, each checked by one function."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import unquote

from mltrack.exceptions import InvalidParameterError

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
MAX_PLACE = 2048
REMOTE_SCHEMES = ("s3", "gs", "abfs", "abfss", "az", "memory")
UNFINISHED = re.compile(r"\.mltrack-[0-9a-f]{16}")
"""How a local file is called until it is whole."""
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_AZURE_HOST = re.compile(r"([A-Za-z0-9$][A-Za-z0-9-]*@)?[A-Za-z0-9][A-Za-z0-9._-]*")  # container@account.dfs.core…


@dataclass(frozen=True, slots=True)
class SafePath:
    """A relative path that was checked: no way out of its folder, no character that hides what it is."""

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def parts(self) -> list[str]:
        """The names of the folders on the way, and of the file."""
        return self.text.split("/")

    @property
    def ending(self) -> str:
        """What follows the name's last dot, in small letters; empty when there is none."""
        return PurePath(self.text).suffix.lstrip(".").lower()


def safe_path(text: str) -> SafePath:
    """Check an artifact's path below the run's root; the only way to a SafePath.

    Raises
    ------
    InvalidParameterError
        When it is empty, absolute, has ``..``, ``.``, ``//``, backslashes, a drive, control or direction characters,
        a part Windows reserves or that ends in a dot or space, a part over 255 bytes, over 1,024 bytes in all, or the
        name of an unfinished file (``.mltrack-`` and 16 hexadecimal digits).
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
    if UNFINISHED.fullmatch(part):
        return f"has the part {part!r}, a name kept for unfinished files"
    return None


def below(folder: SafePath | None, text: str) -> SafePath:
    """Check a path below a folder, or below the root when there is none."""
    return safe_path(f"{folder.text}/{text}" if folder else text)


def artifact_place(text: str) -> str:
    """Check where an experiment's artifacts shall lie; gives a path as it is, or a URI without a slash at its end.

    Taken are paths, ``file:///PATH``, and ``s3://``, ``gs://``, ``abfs://`` (also ``abfss://`` and ``az://``) and
    ``memory://`` with a bucket or container. ``~`` and ``$NAME`` stay as they are written.

    Raises
    ------
    InvalidParameterError
        For another scheme, for ``..``, control characters, the root of a file system, a fragment, a query, a user or a
        password in a URI, and for over 2,048 characters.
    """
    if len(text) > MAX_PLACE:
        raise InvalidParameterError(
            f"Artifacts cannot be kept at {text[:60]!r}… with {len(text)} characters; at most {MAX_PLACE} are taken."
        )
    if is_remote(text):
        fault, place = _remote_fault(text), text.rstrip("/")
    else:
        place = _local_path(text)
        fault = _local_fault(place)
    if fault:
        raise InvalidParameterError(
            f"Artifacts cannot be kept at {_without_user(text)[:120]!r}: {fault}. Give a path, file:///PATH, or "
            "s3://, gs:// or abfs:// with a bucket."
        )
    return place


def is_remote(place: str) -> bool:
    """Say whether a place is a URI that fsspec opens, not a path."""
    return place.partition("://")[0] in REMOTE_SCHEMES and "://" in place


def _local_path(text: str) -> str:
    for start in ("file://", "file:"):
        if text.startswith(f"{start}/"):
            return unquote(text.removeprefix(start))
    return text


def _local_fault(path: str) -> str | None:
    parts = path.replace("\\", "/").split("/")
    if fault := _character_fault(path):
        return fault
    if not path.strip() or "://" in path or path.startswith(("file:", "runs:", "models:")):
        return "it is no path, and no URI of a kind that is known"
    if ".." in parts:
        return "it has the part '..'"
    if path.startswith(("//", "\\\\")) or (os.name != "nt" and ("\\" in path or re.match(r"[A-Za-z]:", path))):
        return "it is a network share or drive of another system"
    if PurePath(path) == PurePath(path).parent:
        return "it is the root of a file system, or this folder itself"
    return None


def _remote_fault(uri: str) -> str | None:
    scheme, _, rest = uri.partition("://")
    host, *parts = rest.rstrip("/").split("/")
    pattern = _AZURE_HOST if scheme in ("abfs", "abfss", "az") else _HOST
    if fault := _character_fault(uri):
        return fault
    if not pattern.fullmatch(host):
        return "it has no plain bucket name; credentials come from the environment, never from a URI"
    if any(character in rest for character in "?#\\") or "::" in rest or "://" in rest:
        return "it has a query, a fragment, a backslash or a second URI"
    plain = [unquote(part) for part in parts]
    if any(part in ("", ".", "..") or "/" in part or "\\" in part for part in (*parts, *plain)):
        return "it has an empty part, or one with dots or slashes that is no name"
    return None


def _character_fault(text: str) -> str | None:
    if any(unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI for c in text):
        return "it holds a control, surrogate or text-direction character"
    return None


def _without_user(text: str) -> str:
    return re.sub(r"//[^/]*@", "//…@", text)
