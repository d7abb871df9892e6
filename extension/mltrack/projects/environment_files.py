"""What a project's environment file asks for: its Python and its requirements, of whichever of three kinds it is.

``python_env.yaml`` and ``conda.yaml`` are MLflow's, named by the file ``MLproject`` or just there; a project that has
neither and a ``requirements.txt`` is taken at that.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_text import printable
from mltrack.plain_yaml import read_yaml
from mltrack.projects.conda_files import read_conda
from mltrack.projects.entities import CONDA, NONE, PYTHON
from mltrack.projects.project_file import environment_file
from mltrack.projects.requirement_files import RequirementLines, text_inside

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.projects.entities import Project, ProjectFile

_VERSION = re.compile(r"(\d+)(?:\.(\d+)(\.\d+|\.\*)*([a-z]+\d+)?)?")
_OURS = "mlflow"
# What mlflow brings along that its users import without asking for it, and what its models are kept with here.
_BROUGHT = ("cloudpickle", "matplotlib", "numpy", "pandas", "pyarrow", "requests", "scikit-learn", "scipy", "skops")
_BROUGHT_SKINNY = ("cloudpickle", "requests")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a project's environment is to have.

    Attributes
    ----------
    python
        The version as ``(3, 11)``, and None for any.
    lines, constraints
        Requirements as texts that were parsed.
    left_out
        What is not taken, a line each.
    conda
        The document of the ``conda.yaml``, where it is one.
    """

    python: tuple[int, int] | None = None
    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    conda: Any = None


def read_wanted(project: Project, file: ProjectFile, *, with_twins: bool = True) -> Wanted:
    """Read what a project's environment is to have; nothing when it says nothing.

    Parameters
    ----------
    with_twins
        Whether conda's packages are looked for on PyPI; False where conda itself installs them.

    Raises
    ------
    InvalidParameterError
        When a file is none of its kind, or a line in it is refused; the message has the line.
    """
    path = environment_file(project, file)
    lines = RequirementLines(project.root or project.folder)
    if path is None:
        return Wanted()
    if file.environment.kind == NONE:
        lines.add_file(path)
        return _without_mlflow(lines, Wanted())
    document = read_yaml(text_inside(path, lines.root), path.name)
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise InvalidParameterError(f"The file {path.name} of the project is no mapping.")
    if file.environment.kind == PYTHON:
        return _without_mlflow(lines, _python_env(document, path, lines))
    if file.environment.kind != CONDA:
        raise InvalidParameterError(f"An environment of the kind {file.environment.kind} is not made of Python alone.")
    found = read_conda(document, path.name)
    lines.add(found.pip, path)
    if with_twins:
        lines.add(found.twins, path)
    left_out = tuple(found.left_out) if with_twins else ()
    return _without_mlflow(lines, Wanted(_python(found.python), left_out=left_out, conda=document))


def _python_env(document: dict[str, Any], path: Path, lines: RequirementLines) -> Wanted:
    for key in ("build_dependencies", "dependencies"):
        given = document.get(key) or []
        if not isinstance(given, list):
            raise InvalidParameterError(f"{key} of {path.name} is no list of requirements.")
        lines.add(given, path)
    python = document.get("python")
    if python is None:
        return Wanted()
    match = _VERSION.fullmatch(str(python).strip())
    if match is None:
        raise InvalidParameterError(f"The Python {printable(str(python))[:80]!r} of {path.name} is no version.")
    return Wanted((int(match[1]), int(match[2])) if match[2] else None)


def _python(versions: str) -> tuple[int, int] | None:
    """Give the Python that versions as of PEP 440 ask for; None when they allow this process's."""
    if not versions or SpecifierSet(versions).contains(".".join(map(str, sys.version_info[:3])), prereleases=True):
        return None
    found = re.search(r"(\d+)\.(\d+)", versions)
    return (int(found[1]), int(found[2])) if found else None


def _without_mlflow(lines: RequirementLines, wanted: Wanted) -> Wanted:
    """Leave MLflow out, whose place this mltrack takes, and ask for what it would have brought along."""
    kept, left_out, brought = [], [], set[str]()
    for line in lines.lines:
        name = _name(line)
        if name != _OURS and not name.startswith(f"{_OURS}-"):
            kept.append(line)
            continue
        left_out.append(f"{line}: this mltrack takes its place")
        brought.update(_BROUGHT if name == _OURS else _BROUGHT_SKINNY)
    asked = {_name(line) for line in kept}
    constraints = tuple(each for each in lines.constraints if not _name(each).startswith(_OURS))
    return Wanted(
        wanted.python,
        (*dict.fromkeys(kept), *sorted(brought - asked)),
        constraints,
        (*wanted.left_out, *dict.fromkeys(left_out)),
        wanted.conda,
    )


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line.partition(" --hash=")[0]).name)
