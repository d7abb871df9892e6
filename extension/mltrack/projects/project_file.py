"""Reads a project's file ``MLproject``, whose name may be in any letter case; every fault is one message.

Source of the format: ``mlflow.projects._project_spec`` of MLflow 3.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import ExecutionError
from mltrack.plain_text import visible
from mltrack.plain_yaml import read_yaml
from mltrack.projects.entities import CONDA, DOCKER, NONE, PYTHON, EntryPoint, EnvironmentFile, Parameter, ProjectFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.projects.entities import Project

FILE_NAME = "MLproject"
REQUIREMENTS = "requirements.txt"
MOST_BYTES = 1 << 20
TYPES = ("string", "float", "path", "uri")
_KINDS = {"python_env": PYTHON, "conda_env": CONDA, "docker_env": DOCKER}
_FOUND = (("python_env.yaml", PYTHON), ("conda.yaml", CONDA))
"""What a project that names no environment has one in, the first of these that is there."""

_INVALID = "INVALID_PARAMETER_VALUE"


def read_project_file(folder: Path) -> ProjectFile:
    """Read what a project's folder says of itself; a folder without the file has an empty one.

    Raises
    ------
    ExecutionError
        When the file is no YAML, or says what cannot be: the message names the key.
    """
    path = find_project_file(folder)
    document = _read(path) if path is not None else {}
    if "python_file" in _mapping(document, "databricks_spark_job"):
        raise _fault("it is a Databricks Spark job (databricks_spark_job), which runs on Databricks only")
    return ProjectFile(
        name=_text(document.get("name"), "name") if document.get("name") is not None else None,
        environment=_environment(document, folder),
        entry_points=_entry_points(_mapping(document, "entry_points")),
        steps=_mapping(document, "steps"),
    )


def find_project_file(folder: Path) -> Path | None:
    """Give the path of a folder's ``MLproject``, whatever the case of its letters, or None."""
    found = sorted(name for name in os.listdir(folder) if name.lower() == FILE_NAME.lower())
    # Two differ in case only: the one that is spelled as it should be.
    return folder / (FILE_NAME if FILE_NAME in found else found[0]) if found else None


def environment_file(project: Project, file: ProjectFile) -> Path | None:
    """Give the file that says what a project's environment is; None when none does."""
    if file.environment.kind != NONE:
        return file.environment.file
    plain = project.folder / REQUIREMENTS
    return plain if plain.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():  # a device would be read without end
        raise _fault("it is no file")
    if path.stat().st_size > MOST_BYTES:
        raise _fault(f"it has {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} go")
    try:
        document = read_yaml(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise _fault("it is not UTF-8 text") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _fault(f"it holds a {_kind(document)} instead of keys such as entry_points")
    return document


def _environment(document: Mapping[str, Any], folder: Path) -> EnvironmentFile:
    named = [key for key in _KINDS if key in document]
    if len(named) > 1:
        raise _fault(f"a project cannot contain multiple environment fields, and it has {', '.join(named)}")
    if not named or not document[named[0]]:
        for name, kind in _FOUND:
            if (folder / name).is_file():
                return EnvironmentFile(kind, folder / name)
        return EnvironmentFile(NONE)
    key = named[0]
    if _KINDS[key] == DOCKER:
        return EnvironmentFile(DOCKER, docker=_docker(_mapping(document, key)))
    file = folder / _text(document[key], key)
    if not file.is_file():
        raise _fault(f"{key} names the file {document[key]!r}, and there is none at {file}")
    return EnvironmentFile(_KINDS[key], file)


def _docker(found: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(found.get("image"), str) or not found["image"]:
        raise _fault("docker_env names no image; write image: NAME below it")
    volumes, variables = found.get("volumes") or [], found.get("environment") or []
    if not isinstance(volumes, list) or not all(isinstance(each, str) for each in volumes):
        raise _fault("docker_env's volumes must be a list of texts such as '/path1:/path1'")
    if not isinstance(variables, list) or not all(_is_variable(each) for each in variables):
        raise _fault("docker_env's environment must be a list of names to copy, or of [NAME, VALUE]")
    return dict(found)


def _is_variable(found: object) -> bool:
    if isinstance(found, list):
        return len(found) == 2 and isinstance(found[0], str) and not isinstance(found[1], (list, dict))
    return isinstance(found, str)


def _entry_points(found: Mapping[str, Any]) -> dict[str, EntryPoint]:
    return {str(name): _entry_point(str(name), each) for name, each in found.items()}


def _entry_point(name: str, found: object) -> EntryPoint:
    what = f"the entry point {name!r}"
    if not isinstance(found, dict):
        raise _fault(f"{what} is a {_kind(found)}; write its command: and parameters: below it")
    command = found.get("command", "")
    parameters = _mapping(found, "parameters", of=f" of {what}")
    made = tuple(_parameter(str(key), each, what) for key, each in parameters.items())
    return EntryPoint(name, _text(command, f"command of {what}"), made)


def _parameter(name: str, found: object, what: str) -> Parameter:
    if found is None or isinstance(found, str):
        return Parameter(name, _type(found))
    if not isinstance(found, dict):
        raise _fault(f"the parameter {name!r} of {what} is a {_kind(found)}; write its type, or type: and default:")
    return Parameter(name, _type(found.get("type")), found.get("default"))


def _type(found: object) -> str:
    return found if isinstance(found, str) and found in TYPES else "string"


def _mapping(document: Mapping[str, Any], key: str, *, of: str = "") -> dict[str, Any]:
    found = document.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _fault(f"{key}{of} is a {_kind(found)} instead of names with what they are below them")
    return found


def _text(found: object, what: str) -> str:
    if isinstance(found, str):
        return found
    raise _fault(f"the {what} is a {_kind(found)} ({str(found)[:80]}); write it between quotes")


def _kind(found: object) -> str:
    names = {list: "list", dict: "mapping", str: "text", bool: "true/false", type(None): "nothing"}
    return names.get(type(found), "number" if isinstance(found, (int, float)) else type(found).__name__)


def _fault(why: str) -> ExecutionError:
    return ExecutionError(f"The file {FILE_NAME} of the project cannot be used: {visible(why)}.", _INVALID)
