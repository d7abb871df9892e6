"""Which files are the code of a step: those of its project that could change what it does.

A step that says nothing has all files of its project's folder but inputs and outputs of steps, what git ignores, what
tools leave there, what the step itself left there the last time, and the scripts of other steps that nothing of it
names. It may be too much, never too little; ``code:`` says it exactly.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, StateError
from mltrack.pipelines.digests import files_below
from mltrack.pipelines.places import holds
from mltrack.projects.git import ask_git

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from mltrack.pipelines.digests import Digests
    from mltrack.pipelines.steps import Pipeline, Step

MOST_FILES = 5_000
SOURCES = (".py", ".sh", ".r", ".ipynb", ".sql", ".jl", ".c", ".cpp", ".h", ".rs", ".toml", ".yaml", ".yml", ".cfg")
"""Endings of files that are never taken for something that a step left behind."""

_TOOLS = {"__pycache__", "node_modules", "mlruns", "mlartifacts", "site-packages", "dist-info"}
_LEFT_BEHIND = re.compile(r".*\.py[co]|mltrack\.db.*|mlflow\.db.*|.*~|.*\.egg-info")
_DOCUMENTS = re.compile(r"(readme|license|licence|changelog|authors|contributing)(\.\w+)?", re.IGNORECASE)
_IMPORT = re.compile(r"^[ \t]*(?:from\s[^\n]*?)?import\s*(?:\([^)]*\)|[^\n]*)", re.MULTILINE)


def code_of(pipeline: Pipeline, step: Step, digests: Digests, *, without: Collection[str] = ()) -> dict[str, str]:
    """Give the digests of the files that are a step's code, by path from its project's folder.

    Parameters
    ----------
    without
        Files that the step itself left there.

    Raises
    ------
    InvalidParameterError
        When there are over 5,000.
    StateError
        When a file named under ``code:`` is not there any more.
    """
    if step.code is not None:
        return _named(pipeline, step, digests)
    folder = pipeline.folder_of(step)
    names = [name for name in _files(pipeline, step, folder) if name not in without]
    if len(names) > MOST_FILES:
        raise InvalidParameterError(
            f"Step {step.name!r}: its folder {folder} has over {MOST_FILES:,} files. Say which are its code, as in "
            "code: [train.py, lib], or have git ignore the others."
        )
    kept = _without_scripts_of_others(pipeline, step, names)
    found = {name: digests.of(folder / name) for name in kept}
    return {name: digest for name, digest in found.items() if digest is not None}


def left_behind(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Give the files that came while a step ran and that are no sources: its logs and caches, say."""
    return sorted(name for name in after if name not in before and not name.lower().endswith(SOURCES))


def _named(pipeline: Pipeline, step: Step, digests: Digests) -> dict[str, str]:
    found = {}
    for path in step.code or ():
        digest = digests.of(pipeline.root / path)
        if digest is None:
            raise StateError(f"Step {step.name!r}: code has {path!r}, which is not in {pipeline.root} any more.")
        found[path] = digest
    return found


def _files(pipeline: Pipeline, step: Step, folder: Path) -> list[str]:
    prefix = "" if step.project == "." else f"{step.project}/"
    places = [path for each in pipeline.steps.values() for path in (*each.inputs, *each.outputs)]
    others = [each for each in pipeline.projects if each != step.project]
    environment = pipeline.projects[step.project].environment.file
    skipped = {environment.name} if environment is not None and environment.parent == folder else set()
    found = []
    for name in _listed(folder):
        whole = f"{prefix}{name}"
        is_data = any(holds(path, whole) for path in places)
        is_others = any(other != "." and holds(other, whole) and not holds(other, step.project) for other in others)
        if not (is_data or is_others or name in skipped or _is_left_out(name)):
            found.append(name)
        if len(found) > MOST_FILES:
            break
    return sorted(found)


def _is_left_out(name: str) -> bool:
    parts = name.split("/")
    if any(part.startswith(".") or part in _TOOLS for part in parts):
        return True
    if _LEFT_BEHIND.fullmatch(parts[-1]):
        return True
    return len(parts) == 1 and (name.lower() == "mlproject" or bool(_DOCUMENTS.fullmatch(name)))


def _listed(folder: Path) -> list[str]:
    """Give the files below a folder; in a git repository without those that git ignores."""
    listed = ask_git("ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=folder)
    if listed is not None:
        return [name for name in dict.fromkeys(listed.split("\0")) if name and (folder / name).exists()]
    return [name for name, _ in files_below(folder, enter=lambda part: not (part.startswith(".") or part in _TOOLS))]


def _without_scripts_of_others(pipeline: Pipeline, step: Step, names: Sequence[str]) -> list[str]:
    """Leave out the scripts that only other steps' commands name, and that no file of this step names or imports."""
    own = _scripts(pipeline, step, names)
    others = {
        name
        for each in pipeline.steps.values()
        if each.project == step.project and each.name != step.name
        for name in _scripts(pipeline, each, names)
    }
    foreign = others - own
    kept = [name for name in names if name not in foreign]
    folder = pipeline.folder_of(step)
    checked: set[str] = set()
    while foreign and (fresh := [name for name in kept if name not in checked]):
        checked.update(fresh)
        texts = [_text(folder / name) for name in fresh]
        called = {name for name in foreign if any(_names(text, name) for text in texts)}
        foreign -= called
        kept += sorted(called)
    return sorted(kept)


def _scripts(pipeline: Pipeline, step: Step, names: Sequence[str]) -> set[str]:
    entry = pipeline.entry_of(step)
    command = step.entry_point if entry is None else entry.command
    try:
        words = shlex.split(command, comments=False)
    except ValueError:
        words = command.split()
    cleaned = {word.removeprefix("./").strip(";&|()") for word in words}
    return cleaned & set(names)


def _names(text: str, script: str) -> bool:
    """Tell whether a source names a script as a file, or imports it as a module."""
    base = script.rpartition("/")[2]
    stem = re.escape(base.rpartition(".")[0] or base)
    if base in text or re.search(rf"[\"'.]{stem}[\"']", text):
        return True
    return any(re.search(rf"\b{stem}\b", found[0]) for found in _IMPORT.finditer(text))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
