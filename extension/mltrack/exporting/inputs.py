"""The files that an exported run reads, by size and digest: where they go in the project, and which are copied."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.provenance.slice import FileUse

MOST_COPIED_BYTES = 20_000_000
_INPUTS = "inputs"
TAKEN = frozenset(
    [
        *("mlproject", "main.py", "main.ipynb", "python_env.yaml", "conda.yaml", "requirements.txt", "readme.md"),
        *("requirements-all.txt", "expected.json", "inputs.json", "git.json", "dirty.patch", "executed.ipynb"),
    ]
)
"""What a project's own files are called, in small letters."""


@dataclass(slots=True)
class InputFile:
    """A file that the run read: where it lies in the project, and whether it was copied there."""

    path: str
    use: FileUse
    copied: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give it without the places of this machine."""
        return {"path": self.path, "size": self.use.size, "sha256": self.use.digest, "copied": self.copied}


@dataclass(slots=True)
class Inputs:
    """The files of a run, and how the texts of its cells change that name them."""

    files: list[InputFile] = field(default_factory=list)
    moves: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def moved(self, text: str) -> str:
        """Give what a text of a cell becomes: a path inside the project where it names one of this machine."""
        if text in self.moves:
            return self.moves[text]
        below = f"{self.folder}/" if self.folder is not None else ""
        if below and text.startswith(below) and len(text) > len(below):
            return text.removeprefix(below)
        return text

    def told(self, text: str) -> str:
        """Give a sentence without the places of this machine."""
        for each in self.files:
            text = text.replace(each.use.whole_path, each.path)
        places = [*([self.folder] if self.folder else []), Path.home()]
        for place, short in zip(places, (".", "~")[-len(places) :], strict=True):
            text = text.replace(f"{place}/", f"{short}/")
        return text


def inputs_of(files: Iterable[FileUse], folder: Path | None) -> Inputs:
    """Say where each file goes: a relative path stays as it is, any other is moved below ``inputs``."""
    inputs = Inputs(folder=folder)
    taken = set(TAKEN)
    for use in files:
        path = _inside(use.path) or _below(use.path, folder)
        if path is None and not _is_whole(use.path) and use.size is None:
            continue  # the code names it, but no kernel saw it read: after a %cd it may lie inside
        if path is None or path.casefold() in taken:
            path = _free(f"{_INPUTS}/{_name_of(use.path)}", taken)
        taken.add(path.casefold())
        if path != use.path:
            inputs.moves[use.path] = path
        inputs.files.append(InputFile(path, use))
    return inputs


def _inside(path: str) -> str | None:
    """Give a relative path that stays inside the folder, cleaned; None for any other."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    is_plain = parts and not _is_whole(path) and ".." not in parts
    return "/".join(parts) if is_plain and "\0" not in path else None


def _is_whole(path: str) -> bool:
    return path.startswith(("/", "~", "\\")) or re.match("[A-Za-z]:", path) is not None


def _below(path: str, folder: Path | None) -> str | None:
    if folder is None or not path.startswith(f"{folder}/"):
        return None
    return _inside(path.removeprefix(f"{folder}/"))


def _name_of(path: str) -> str:
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1].replace("\0", "")
    return name if name not in ("", ".", "..") else "file"


def _free(path: str, taken: set[str]) -> str:
    place, number = PurePosixPath(path), 1
    while path.casefold() in taken:
        number += 1
        path = str(place.with_name(f"{place.stem}-{number}{place.suffix}"))
    return path


def copy_files(inputs: Inputs, draft: Path, *, largest: int | None = MOST_COPIED_BYTES) -> None:
    """Copy the files that are still what the run read, up to the ``largest`` size in bytes (None: any)."""
    for each in inputs.files:
        target = draft / each.path
        if not target.exists() and _is_unchanged(each.use, largest):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(each.use.whole_path, target)
            each.copied = True


def _is_unchanged(use: FileUse, largest: int | None) -> bool:
    place = Path(use.whole_path)
    try:
        if use.digest is None or not place.is_file() or (largest is not None and place.stat().st_size > largest):
            return False
        with place.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == use.digest
    except (OSError, ValueError):
        return False
