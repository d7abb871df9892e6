"""Requirements with exact versions: those that are installed here, where they are what the model asks for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mltrack.deploying.requirement_lines import python_of, requirements_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mltrack.models.folder import ModelFolder


@dataclass(frozen=True, slots=True)
class Pins:
    """Lines of a ``requirements.txt``; ``whole`` when each distribution that gets in has its exact version."""

    lines: tuple[str, ...]
    whole: bool

    @property
    def text(self) -> str:
        """The text of the file."""
        note = "" if self.whole else "# Some versions were not fixed: what the model needs is not what was installed.\n"
        return note + "".join(f"{line}\n" for line in self.lines)

    @property
    def names(self) -> set[str]:
        """The distributions' names, normalised."""
        return {canonicalize_name(Requirement(line).name) for line in self.lines}


def pin(folder: ModelFolder, others: Sequence[Requirement]) -> Pins:
    """Fix what a model needs, and ``others`` beside it.

    When this environment has what the model asks for, in the same Python, everything gets the version that is
    installed here, with what it needs in turn. Else the model's requirements stay as they are, and so do the others.
    """
    wanted = [*requirements_of(folder), *others]
    same_python = python_of(folder) in (None, sys.version_info[:2])
    if same_python and all(_is_met(each) for each in wanted if _applies(each, ())):
        return Pins(tuple(_closure(wanted)), whole=True)
    return Pins(tuple(sorted({str(each) for each in wanted})), whole=False)


def _is_met(requirement: Requirement) -> bool:
    version = _version(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _version(name: str) -> str | None:
    """Give the version that is installed here without its local part, as ``+cpu``; None for none."""
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _closure(wanted: Iterable[Requirement]) -> Iterator[str]:
    """Give ``name==version`` of distributions and of all that they need, as installed, sorted."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [each for each in wanted if _applies(each, ())]
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        asked = {(name, extra) for extra in ("", *each.extras)}
        version = _version(name)
        if version is None or asked <= seen:  # what is needed elsewhere only, and what is there
            continue
        seen |= asked
        found[name] = f"{name}=={version}"
        inner = map(Requirement, metadata.requires(name) or ())
        waiting += [need for need in inner if _applies(need, each.extras)]
    return iter(found[name] for name in sorted(found))
