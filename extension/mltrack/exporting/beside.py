"""The Python modules that lie beside a notebook, and what they import in turn."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.exporting.inputs import TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MOST_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Beside:
    """The texts of modules beside a notebook by their paths below its folder, and the other modules that are needed."""

    texts: dict[str, str]
    others: tuple[str, ...]


def modules_beside(imports: Iterable[str], folder: Path | None) -> Beside:
    """Find which imports are files beside the notebook, as they are now, with those that they import; 2 MB in all."""
    texts: dict[str, str] = {}
    others: set[str] = set()
    waiting, seen, room = list(imports), set[str](), MOST_BYTES
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        files = dict(_files(name, folder))
        if not files:
            others.add(name)
        for path, text in files.items():
            if len(text) <= room and path.casefold() not in TAKEN:
                room -= len(text)
                texts[path] = text
                waiting += imported_by(text)
    return Beside(texts, tuple(sorted(others)))


def imported_by(python: str) -> set[str]:
    """Give the roots of the modules that a text of Python imports by statements; none of one that does not parse."""
    roots: set[str] = set()
    try:
        tree = ast.parse(python)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return roots
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return roots


def _files(name: str, folder: Path | None) -> Iterator[tuple[str, str]]:
    """Give the files of a module or package in the folder, by their paths, with their texts."""
    if folder is None or not name.isidentifier():
        return
    package = folder / name
    found = [folder / f"{name}.py"]
    if package.is_dir():
        found += sorted(package.rglob("*.py"))
    for path in found:
        try:
            if not path.is_file() or path.stat().st_size > MOST_BYTES:
                continue
            with path.open(encoding="utf-8", newline="") as file:
                yield path.relative_to(folder).as_posix(), file.read()
        except (OSError, ValueError):
            continue
