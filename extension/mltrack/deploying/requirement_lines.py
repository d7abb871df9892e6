"""The requirements that a model folder names, as parsed texts: a name, extras, versions, a marker, and nothing else.

They come from files that others wrote and end up as arguments and input of installers, where an option could change
the index, and an address or a path could run a stranger's build. So each line is parsed and written anew.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models.mlmodel import PYFUNC
from mltrack.models.requirements import pip_part
from mltrack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.models.folder import ModelFolder

_VERSION = re.compile(r"(\d+)\.(\d+)(\.\d+)?")
_COMMENT = re.compile(r"(^|\s)#.*$")


def parse_requirements(lines: Iterable[str], *, name: str) -> list[Requirement]:
    """Parse lines of a ``requirements.txt``; empty lines and comments are left out.

    Parameters
    ----------
    name
        Whose they are, for the message.

    Raises
    ------
    InvalidParameterError
        When a line is an option, an address, a path, or anything but a requirement.
    """
    found = []
    for line in lines:
        text = _COMMENT.sub("", line).strip()
        if text:
            found.append(_parsed(text, name))
    return found


def _parsed(text: str, name: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is None or requirement.url is not None:
        raise InvalidParameterError(
            f"The requirement {text[:120]!r} of {name} is no name with versions, as scikit-learn==1.5.0. Options, "
            "addresses and paths are not taken from a model; say in your own settings of pip or uv which index to use."
        )
    return requirement


def requirements_of(folder: ModelFolder) -> list[Requirement]:
    """Give what a model needs, by its ``requirements.txt``, else by its ``conda.yaml``; nothing when it has neither."""
    text = read_text(folder, "requirements.txt")
    if text is not None:
        return parse_requirements(text.splitlines(), name=f"the model {folder.uri}")
    document = _yaml(folder, "conda.yaml")
    return parse_requirements(pip_part(document), name=f"the model {folder.uri}") if document else []


def python_of(folder: ModelFolder) -> tuple[int, int] | None:
    """Give the Python that a model was made with, as ``(3, 11)``; None when it says none."""
    python_env = _yaml(folder, "python_env.yaml")
    said = (folder.model.flavors.get(PYFUNC, {}).get("python_version"), (python_env or {}).get("python"))
    for each in said:
        match = _VERSION.fullmatch(str(each))
        if match:
            return int(match[1]), int(match[2])
    return None


def names_of(requirements: Iterable[Requirement]) -> set[str]:
    """Give the distributions' names, normalised."""
    return {canonicalize_name(each.name) for each in requirements}


def read_text(folder: ModelFolder, name: str) -> str | None:
    """Read a text file of a model's; None when there is none."""
    try:
        return folder.read(name).decode("utf-8", errors="replace")
    except NotFoundError:
        return None


def _yaml(folder: ModelFolder, name: str) -> dict[str, Any] | None:
    text = read_text(folder, name)
    found = read_yaml(text, name) if text is not None else None
    return found if isinstance(found, dict) else None
