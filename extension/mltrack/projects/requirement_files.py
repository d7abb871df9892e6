"""The requirements that a project's files name: lines as in a ``requirements.txt``, parsed and written anew.

A line is a name with versions, a file of such lines inside the project (``-r``, ``-c``), or it is refused: an option
could change the index, and an address or a path could run a stranger's build. Which index to use is said in one's own
settings of uv.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_BYTES = 4 << 20
_MOST_FILES = 50
_COMMENT = re.compile(r"(^|\s)#.*$")
_CONTINUED = re.compile(r"\\\r?\n")
_OTHER_FILE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)")
_HASH = re.compile(r"\s+--hash[= ](sha(?:256|384|512):[0-9a-f]{64,128})")


@dataclass(slots=True)
class RequirementLines:
    """Requirements and constraints as they are collected from the files of one project, whose ``root`` they are in."""

    root: Path
    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    _read: set[tuple[Path, bool]] = field(default_factory=set)

    def add_file(self, path: Path, *, as_constraints: bool = False) -> None:
        """Add a file's lines, and those of the files it names; one that was added already is left out.

        Raises
        ------
        InvalidParameterError
            When it is not there, not inside the project, too large, or a line is refused.
        """
        text = text_inside(path, self.root)
        if (path.resolve(), as_constraints) in self._read:
            return
        self._read.add((path.resolve(), as_constraints))
        if len(self._read) > _MOST_FILES:
            raise InvalidParameterError(f"{_shown(path.name)} leads to over {_MOST_FILES} files of requirements.")
        self.add(_CONTINUED.sub(" ", text).splitlines(), path, as_constraints=as_constraints)

    def add(self, lines: Iterable[object], path: Path, *, as_constraints: bool = False) -> None:
        """Add lines that stand in a file; paths in them are relative to its folder.

        Raises
        ------
        InvalidParameterError
            When one is refused; the message has the line and the file.
        """
        for given in lines:
            if not isinstance(given, str):
                raise _refused(str(given), path)
            line = _COMMENT.sub("", given).strip()
            other = _OTHER_FILE.fullmatch(line)
            if other:
                is_constraint = as_constraints or other[1] in ("-c", "--constraint")
                self.add_file(path.parent / other[2].strip(), as_constraints=is_constraint)
            elif line:
                (self.constraints if as_constraints else self.lines).append(_parsed(line, path))


def text_inside(path: Path, root: Path) -> str:
    """Read a file of a project's, which no ``..`` or link leads out of.

    Raises
    ------
    InvalidParameterError
        When it is outside, not there, no text, or over 4 MiB.
    """
    try:
        inside = path.resolve().is_relative_to(root.resolve())
        if inside and path.is_file() and path.stat().st_size <= MOST_BYTES:
            return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):  # a NUL in the path, or bytes that are no UTF-8, are ValueErrors
        pass
    raise InvalidParameterError(
        f"The project names the file {_shown(str(path))}, which is no text file inside the project of at most "
        f"{MOST_BYTES >> 20} MiB."
    )


def _parsed(line: str, path: Path) -> str:
    hashes = _HASH.findall(line)
    try:
        requirement = Requirement(_HASH.sub("", line))
    except InvalidRequirement:
        raise _refused(line, path) from None
    if requirement.url is not None:
        raise _refused(line, path)
    return " ".join([str(requirement), *(f"--hash={each}" for each in hashes)])


def _refused(line: str, path: Path) -> InvalidParameterError:
    return InvalidParameterError(
        f"The line {_shown(line)!r} of {_shown(path.name)} is no name with versions, as scikit-learn==1.5.0. Options, "
        "addresses and paths are not taken from a project; say in your own settings of uv (UV_INDEX, UV_FIND_LINKS) "
        "which index to use."
    )


def _shown(text: str) -> str:
    return printable(text)[:200]
