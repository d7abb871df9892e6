"""The command of an entry point, with its values in it: no value reaches the shell but quoted."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Formatter
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import ExecutionError
from mltrack.projects.entities import EntryPoint
from mltrack.projects.parameters import PathFolder, values_of
from mltrack.projects.shell_text import ShellText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.projects.entities import Project, ProjectFile

SCRIPTS = (".py", ".sh", ".ipynb")
_INVALID = "INVALID_PARAMETER_VALUE"


@dataclass(frozen=True, slots=True)
class ComposedCommand:
    """What is run.

    Attributes
    ----------
    text
        For ``bash -c``, in the project's folder.
    parameters
        The values as they are logged: plain, with the defaults.
    downloads
        A temporary folder with what parameters named, to be removed when the run is over, or None.
    is_notebook
        True for a notebook that is no entry point of the file's: it is run by papermill.
    """

    text: str
    parameters: Mapping[str, str]
    downloads: Path | None = None
    is_notebook: bool = False


def command_of(
    project: Project,
    file: ProjectFile,
    *,
    entry_point: str = "main",
    parameters: Mapping[str, Any] | None = None,
    storage_dir: str | Path | None = None,
) -> ComposedCommand:
    """Give the command of an entry point, with values of its parameters and those it does not declare after it.

    ``storage_dir`` is where places that are not local are fetched to; default: a temporary folder.

    Raises
    ------
    ExecutionError
        When there is no such entry point, values are missing or not what they must be, or the command has a
        field that is no parameter, or puts one where it could be read as code.
    """
    found = find_entry_point(project, file, entry_point)
    paths = PathFolder(storage_dir)
    try:
        values = values_of(found, parameters or {}, paths)
        text = _filled(found, values.declared) + "".join(
            f" --{shlex.quote(name)} {shlex.quote(value)}" for name, value in values.extra.items()
        )
    except BaseException:
        paths.remove()
        raise
    is_notebook = entry_point not in file.entry_points and entry_point.endswith(".ipynb")
    return ComposedCommand(text, values.given, paths.temporary, is_notebook)


def find_entry_point(project: Project, file: ProjectFile, name: str) -> EntryPoint:
    """Give an entry point by its name: one of the file's, or a script or notebook of the project."""
    if name in file.entry_points:
        return file.entry_points[name]
    suffix = PurePosixPath(name).suffix
    known = f"the entry points are {', '.join(map(repr, file.entry_points))}" if file.entry_points else "it has none"
    if suffix not in SCRIPTS:
        raise ExecutionError(
            f"Could not find {name!r} among the entry points of {project.uri} ({known}), "
            f"and it is no script to run: those end with {', '.join(SCRIPTS)}.",
            _INVALID,
        )
    if "\0" in name or not (project.folder / name).is_file():
        raise ExecutionError(
            f"{name!r} is no entry point of {project.uri} ({known}), and no file in {project.folder}.", _INVALID
        )
    return EntryPoint(name, f"{_interpreter(suffix)} {_word(name)}")


def _interpreter(suffix: str) -> str:
    if suffix == ".sh":
        return shlex.quote(os.environ.get("SHELL") or "bash")
    return "python" if suffix == ".py" else "python -m mltrack.projects.notebooks"


def _word(name: str) -> str:
    """Give a file's name as a literal part of a command that is about to be filled in."""
    quoted = shlex.quote(f"./{name}" if name.startswith("-") else name)
    return quoted.replace("{", "{{").replace("}", "}}")


def _filled(entry_point: EntryPoint, values: Mapping[str, str]) -> str:
    what = f"The command of the entry point {entry_point.name!r}"
    if not entry_point.command.strip():
        raise ExecutionError(f"{what} is empty; write one as command: in the file MLproject.", _INVALID)
    shell = ShellText(entry_point.command)
    try:
        for code, field, form, conversion in Formatter().parse(entry_point.command):
            shell.add_code(code)
            if field is not None:
                _add(shell, what, field=_checked(what, field, (form, conversion), values), values=values)
    except ValueError as error:  # a single brace
        raise ExecutionError(
            f"{what} has a brace that is no parameter's ({error}); write {{{{ for one.", _INVALID
        ) from error
    return shell.text


def _checked(what: str, field: str, rest: tuple[str | None, str | None], values: Mapping[str, str]) -> str:
    if field in values and not any(rest):
        return field
    names = ", ".join(values) or "none"
    shown = field + (f"!{rest[1]}" if rest[1] else "") + (f":{rest[0]}" if rest[0] else "")
    raise ExecutionError(
        f"{what} has {{{shown}}}, which is no parameter that it declares ({names}); write {{{{ and }}}} for braces.",
        _INVALID,
    )


def _add(shell: ShellText, what: str, *, field: str, values: Mapping[str, str]) -> None:
    if not shell.takes(values[field]):
        raise ExecutionError(
            f"{what} has quotes or a substitution of its own around {{{field}}}, or reads it twice (eval, arithmetic), "
            f"and this value could be run as code there; write {{{field}}} without: values are quoted.",
            _INVALID,
        )
    shell.add_value(values[field])
