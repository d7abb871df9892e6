"""What a pipeline is: a folder with a file ``MLproject`` whose key ``steps:`` names steps, their inputs and outputs.

MLflow does not read that key, so that the folder stays a project of MLflow's.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_name
from mltrack.pipelines.places import folder_inside, path_of_input, path_of_output, plain_path
from mltrack.pipelines.templates import value_text
from mltrack.projects.project_file import read_project_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mltrack.projects.entities import EntryPoint, ProjectFile

MAIN = "main"
MOST_STEPS = 1000
_KEYS = ("project", "entry_point", "parameters", "inputs", "outputs", "needs", "code", "always")
_LISTS = ("inputs", "outputs", "needs", "code")
_NAME = re.compile(r"\w[\w.\-]{0,99}")
_SCRIPTS = (".py", ".sh", ".ipynb")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pipeline.

    Attributes
    ----------
    name
        Its key below ``steps:``.
    project
        The folder of its project, relative to the pipeline's (``.`` for the same one).
    entry_point
        Default: the entry point that has the step's name, else ``main``.
    parameters
        What its entry point is given: texts with placeholders (see ``templates``).
    inputs, outputs
        Files or folders, relative to the pipeline's folder; an input may lie outside of it, an output not.
    needs
        Steps that run before it, whether or not they leave something that it reads.
    code
        The files and folders that count as its code; None for all of its project's (see ``code``).
    always
        Run it every time.
    """

    name: str
    project: str = "."
    entry_point: str = MAIN
    parameters: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    code: tuple[str, ...] | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline as its file says it: its name, its folder, its steps in the file's order, and their project files."""

    name: str
    root: Path
    steps: Mapping[str, Step]
    projects: Mapping[str, ProjectFile]

    def folder_of(self, step: Step) -> Path:
        """Give the folder of a step's project."""
        return self.root if step.project == "." else self.root / step.project

    def entry_of(self, step: Step) -> EntryPoint | None:
        """Give a step's entry point; None for a script that the project's file does not name."""
        return self.projects[step.project].entry_points.get(step.entry_point)


def read_pipeline(root: Path) -> Pipeline:
    """Read the pipeline of a folder.

    Raises
    ------
    InvalidParameterError
        When the file has no steps, or something in them is not as it must be; the message names the step.
    """
    file = read_project_file(root)
    if not file.steps:
        raise InvalidParameterError(
            f"{root} is no pipeline: its MLproject has no steps. Name them below the key steps:, as in "
            "steps: {train: {inputs: [data.csv], outputs: [model.pkl]}}."
        )
    if len(file.steps) > MOST_STEPS:
        raise InvalidParameterError(f"{root} has {len(file.steps)} steps; at most {MOST_STEPS} go.")
    steps, projects = {}, {".": file}
    for key, said in file.steps.items():
        step = _read_step(root, str(key), said, projects)
        steps[step.name] = step
    name = check_name(file.name or root.resolve().name or "pipeline", "pipeline")
    return Pipeline(name, root, steps, projects)


def _read_step(root: Path, name: str, said: Any, projects: dict[str, ProjectFile]) -> Step:
    if not _NAME.fullmatch(name):
        raise InvalidParameterError(
            f"{name!r} cannot name a step; letters, digits, '_', '-' and '.' can, at most 100 of them."
        )
    found = {} if said is None else said
    if not isinstance(found, dict):
        raise InvalidParameterError(f"Step {name!r} must be a mapping of {', '.join(_KEYS)}; got {said!r:.80}.")
    for key in found:
        _check_key(name, str(key))
    project = _project(root, name, found.get("project"))
    if project not in projects:
        projects[project] = read_project_file(root / project)
    lists = {key: _texts(name, key, found.get(key)) for key in _LISTS}
    return Step(
        name,
        project,
        _entry_point(root / project, projects[project], name, found.get("entry_point")),
        _parameters(name, found.get("parameters")),
        tuple(path_of_input(name, each) for each in lists["inputs"]),
        tuple(path_of_output(root, name, each) for each in lists["outputs"]),
        lists["needs"],
        None if found.get("code") is None else tuple(plain_path(name, "code", each) for each in lists["code"]),
        _switch(name, found.get("always")),
    )


def _check_key(name: str, key: str) -> None:
    if key in _KEYS:
        return
    close = difflib.get_close_matches(key, _KEYS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise InvalidParameterError(
        f"Step {name!r} has the key {key!r}, which is not known.{hint} It takes {', '.join(_KEYS)}."
    )


def _project(root: Path, name: str, said: Any) -> str:
    if said is None:
        return "."
    if not isinstance(said, str):
        raise InvalidParameterError(f"Step {name!r}: project must be the path of a folder; got {said!r:.80}.")
    return folder_inside(root, name, said)


def _entry_point(folder: Path, file: ProjectFile, name: str, said: Any) -> str:
    if said is None:
        return name if name in file.entry_points else MAIN if MAIN in file.entry_points else _lost(file, name, MAIN)
    text = str(said)
    if text in file.entry_points:
        return text
    if text.endswith(_SCRIPTS) and (folder / plain_path(name, "entry_point", text)).is_file():
        return text
    return _lost(file, name, text)


def _lost(file: ProjectFile, name: str, wanted: str) -> str:
    known = ", ".join(file.entry_points) or "none"
    raise InvalidParameterError(
        f"Step {name!r}: its project has no entry point {wanted!r}; there are: {known}. Name one with entry_point:."
    )


def _parameters(name: str, said: Any) -> dict[str, str]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise InvalidParameterError(
            f"Step {name!r}: parameters must be a mapping of names to values; got {said!r:.80}."
        )
    found = {}
    for key, value in said.items():
        if isinstance(value, (dict, list)) or value is None:
            raise InvalidParameterError(f"Step {name!r}: the parameter {key!r} must be one value; got {value!r:.80}.")
        found[str(key)] = value_text(value)
    return found


def _texts(name: str, key: str, said: Any) -> tuple[str, ...]:
    if said is None:
        return ()
    listed: Iterable[Any] = [said] if isinstance(said, str) else said
    if not isinstance(listed, list) or not all(isinstance(each, (str, int, float)) for each in listed):
        raise InvalidParameterError(f"Step {name!r}: {key} must be a list of texts; got {said!r:.80}.")
    texts = tuple(str(each) for each in listed)
    for text in texts:
        if not text.strip() or texts.count(text) > 1:
            raise InvalidParameterError(f"Step {name!r}: {key} has {text!r}, which is empty or there twice.")
    return texts


def _switch(name: str, said: Any) -> bool:
    if said is None or isinstance(said, bool):
        return bool(said)
    raise InvalidParameterError(f"Step {name!r}: always must be true or false; got {said!r:.80}.")
