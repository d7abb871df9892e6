"""Where a project is: the URI that a user gives, taken apart and checked, as MLflow reads it.

Source: https://mlflow.org/docs/latest/ml/projects/ and ``mlflow.projects.utils``. A folder that is there is a local
project, what ends in ``.zip`` an archive, and all else an address of Git's; of those only the ones whose transport runs
no program that the address names.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from mltrack.exceptions import ExecutionError
from mltrack.masking import mask_text
from mltrack.plain_text import printable

LOCAL, ZIP, GIT = "local", "zip", "git"
"""The kinds of places that projects come from."""
PROTOCOLS = ("https", "http", "ssh", "git")
"""The transports that Git may use for what is not on this machine."""
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SSH = re.compile(r"([A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][\w.-]+:(?![:-])\S+", re.ASCII)
_REF_FAULTS = re.compile(r"[\s\x00-\x20\x7f:^~?*\[\\]|\.\.|@\{|//|\.lock$|/$")


@dataclass(frozen=True, slots=True)
class Address:
    """The kind of a place, the path or address of it, and the subdirectory that the project is in."""

    kind: str
    place: str
    subdirectory: str = ""

    @property
    def uri(self) -> str:
        """The whole, with credentials masked."""
        return shown(f"{self.place}#{self.subdirectory}" if self.subdirectory else self.place)


def parse_address(uri: str) -> Address:
    """Take a project's URI apart; nothing is asked of any other machine.

    Raises
    ------
    ExecutionError
        When it is a path and nothing is there, could be read as an option, has a transport that runs programs, or
        a subdirectory with a dot.
    """
    text = str(uri).strip("'\"")
    if not text or text.startswith("-") or not printable(text) == text:
        raise ExecutionError.invalid_parameter_value(
            f"The project URI {shown(text)!r} is empty, begins with a dash or holds hidden characters; give a path, "
            "an address of Git or a .zip."
        )
    place, _, subdirectory = text.partition("#")
    _check_subdirectory(subdirectory)
    path = _local_path(place)
    if path is not None and path.is_dir():
        return Address(GIT if _is_bare(path) else LOCAL, _whole(path), subdirectory)
    if place.endswith(".zip"):
        return Address(ZIP, _zip_place(place, path), subdirectory)
    if path is not None and path.exists():
        raise ExecutionError.invalid_parameter_value(
            f"{shown(place)} is no folder; give the folder that the file MLproject is in."
        )
    check_git_address(place)
    return Address(GIT, place, subdirectory)


def check_git_address(place: str) -> None:
    """See that an address of Git's names a machine and a transport that runs nothing.

    Raises
    ------
    ExecutionError
        When it is anything else, or looks like a path, and nothing is there.
    """
    if _SCHEME.match(place):
        if _is_asked_for(place):
            return
    elif _SSH.fullmatch(place):  # no second colon, behind which stand the words of a program
        return
    elif ":" not in place:
        raise ExecutionError(f"There is no project at {shown(place)!r}: no such folder.", _NOT_THERE)
    raise ExecutionError.invalid_parameter_value(
        f"The project URI {shown(place)!r} is no folder on this machine, and no address that Git may be asked for: "
        f"those begin with {', '.join(f'{each}://' for each in PROTOCOLS)} or are HOST:PATH."
    )


def check_version(version: str) -> str:
    """Give a commit, branch or tag back if no program could take it for anything else.

    Raises
    ------
    ExecutionError
        When it is empty, begins with a dash, or has characters that no such name has.
    """
    if not version or version[0] in "-+/." or _REF_FAULTS.search(version) or printable(version) != version:
        raise ExecutionError.invalid_parameter_value(
            f"The version {printable(str(version))[:120]!r} is no commit, branch or tag."
        )
    return version


def without_credentials(address: str) -> str:
    """Give an address of Git's without the user and password in it, as MLflow's tag has it; other secrets masked."""
    parts = _url(address)
    if parts is not None and "@" in parts.netloc and parts.scheme != "ssh":
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return mask_text(address)


def shown(uri: str) -> str:
    """Give a URI as messages and tags may have it: one line, and credentials masked."""
    return printable(mask_text(without_credentials(uri)))[:2000]


def _is_asked_for(address: str) -> bool:
    parts = _url(address)
    if parts is None or parts.scheme not in PROTOCOLS or re.search(r"\s", address):
        return False
    return not any(each.startswith("-") for each in (parts.hostname or "-", parts.username or ""))


def _url(text: str) -> SplitResult | None:
    """Take a text with a scheme apart; None for another, and where no machine can have such a name."""
    try:
        return urlsplit(text) if _SCHEME.match(text) else None
    except ValueError:  # as of a bracket that is not closed
        return None


def _check_subdirectory(text: str) -> None:
    if "." in text:
        raise ExecutionError.invalid_parameter_value(
            f"'.' is not allowed in project subdirectory paths; got {printable(text)!r}."
        )
    if text.startswith("/") or "\\" in text or ":" in text:
        raise ExecutionError.invalid_parameter_value(
            f"The project subdirectory {printable(text)!r} is no path inside the project."
        )


def _local_path(place: str) -> Path | None:
    """Give the path that a place may be: a ``file:`` URI's or the text itself; None for other URIs."""
    if place.startswith("file:"):
        parts = urlsplit(place)
        if parts.netloc not in ("", "localhost"):
            raise ExecutionError.invalid_parameter_value(
                f"The file URI {shown(place)!r} names another machine; write file:///PATH."
            )
        raw = Path(parts.path)
        return raw if raw.exists() else Path(unquote(parts.path))
    return None if _SCHEME.match(place) else Path(place)


def _whole(path: Path) -> str:
    """Give a folder's path without ``..``, as MLflow does, where that is the same folder in spite of links."""
    plain = os.path.abspath(path)
    return plain if os.path.isdir(plain) and os.path.samefile(plain, path) else str(path.resolve())


def _zip_place(place: str, path: Path | None) -> str:
    if path is None:
        if place.startswith(("https://", "http://")):
            return place
        raise ExecutionError.invalid_parameter_value(
            f"The archive {shown(place)!r} can be had by https, http or from a path only."
        )
    if not path.is_file():
        raise ExecutionError(f"There is no archive at {shown(place)!r}.", _NOT_THERE)
    return str(path.absolute())


def _is_bare(folder: Path) -> bool:
    """Say whether a folder is a repository without files of its own, as servers keep them."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
