"""A project's ``conda.yaml`` for uv: its Python, its pip part, and PyPI's twins of conda's packages.

Source of conda's versions: https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_text import printable
from mltrack.projects.conda_names import twin_of

_PACKAGE = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_][\w.-]{0,99})\s*(.*)", re.ASCII)
_VERSIONS = re.compile(r"[\w.*!+<>=~,|\s-]*", re.ASCII)
_PART = re.compile(r"(===|==|~=|!=|>=|<=|=|<|>)?\s*([\w.*!+-]+)(?:\s*=\s*|\s+)?([\w.*]+)?", re.ASCII)


@dataclass(slots=True)
class CondaFile:
    """What a ``conda.yaml`` asks for.

    Attributes
    ----------
    python
        The versions of Python as PEP 440 writes them, empty when it says none.
    pip
        The lines of its pip part, as they stand there.
    twins
        Requirements for PyPI's twins of its packages.
    left_out
        What could not be mapped, each with the reason.
    """

    python: str = ""
    pip: list[Any] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_conda(document: Any, name: str) -> CondaFile:
    """Take a ``conda.yaml`` that was read apart; ``name`` is its own, for messages.

    Raises
    ------
    InvalidParameterError
        When its dependencies are no list of texts and pip parts, or one is an option, a path or an address.
    """
    dependencies = document.get("dependencies") if isinstance(document, dict) else None
    if dependencies is None and isinstance(document, dict):
        dependencies = []
    if not isinstance(dependencies, list):
        raise InvalidParameterError(f"The file {name} has no list of dependencies.")
    found = CondaFile()
    for each in dependencies:
        if isinstance(each, dict) and isinstance(each.get("pip"), list) and len(each) == 1:
            found.pip += each["pip"]
        elif isinstance(each, str):
            _add(found, each.strip(), name)
        else:
            raise _refused(each, name)
    return found


def _add(found: CondaFile, text: str, name: str) -> None:
    match = _PACKAGE.fullmatch(text)
    if match is None or not _VERSIONS.fullmatch(match[2]):
        raise _refused(text, name)
    package = match[1]
    try:
        versions, build = pep440(match[2])
    except InvalidSpecifier:
        versions, build = None, ""
    if package == "python":
        found.python = versions or ""
        return
    twin = twin_of(package, build)
    if twin is None:
        found.left_out.append(f"{text}: conda has it, and PyPI has not")
    elif versions is None:
        found.left_out.append(f"{text}: its versions are not understood; {twin} is taken as it comes")
        found.twins.append(twin)
    else:
        found.twins.append(f"{twin}{versions}")


def pep440(versions: str) -> tuple[str, str]:
    """Give conda's versions as PEP 440 writes them, and the build where one is named.

    ``=1.2`` and ``1.2`` are any 1.2, ``==1.2`` is just that, and so is a version with a build (``=1.2=py39_0``).

    Raises
    ------
    InvalidSpecifier
        When they cannot be written so, as those with ``|``.
    """
    parts, last = [], ""
    for text in filter(None, (each.strip() for each in versions.split(","))):
        match = _PART.fullmatch(text)
        if match is None:
            raise InvalidSpecifier(text)
        sign, version, build = match[1] or "=", match[2], match[3] or ""
        last = build or last
        if version == "*":
            continue
        if sign == "=":
            parts.append(_any_of(version, is_exact=build.strip("*") != ""))
        else:
            parts.append(f"{sign}{version}" if sign in ("==", "!=") else f"{sign}{version.removesuffix('.*')}")
    return ",".join(str(SpecifierSet(each)) for each in parts), last


def _any_of(version: str, *, is_exact: bool) -> str:
    plain = version.removesuffix("*").removesuffix(".")
    try:
        return f"=={plain}" if is_exact else str(SpecifierSet(f"=={plain}.*"))
    except InvalidSpecifier:  # there is no 2.0rc1.*
        return f"=={plain}"


def _refused(given: object, name: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"The dependency {printable(str(given))[:200]!r} of {name} is no package with versions; options, addresses and "
        "paths are not taken from a project."
    )
