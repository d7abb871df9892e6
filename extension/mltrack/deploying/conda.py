"""What a model's ``conda.yaml`` names beside pip's requirements: channels and packages, parsed as arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.deploying.requirement_lines import read_text
from mltrack.exceptions import InvalidParameterError
from mltrack.models.requirements import CHANNELS
from mltrack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from mltrack.models.folder import ModelFolder

_CHANNEL = re.compile(r"[A-Za-z0-9][\w.-]{0,100}", re.ASCII)
# a name, versions, and after a second = the build
_PACKAGE = re.compile(
    r"([A-Za-z0-9_][\w.-]{0,100})\s*([=<>!~]{1,2}\s*[\w.*]+(=[\w.*]+)?(,[=<>!]{1,2}[\w.*]+)*)?", re.ASCII
)
_OURS = ("python", "pip")  # which the environment has anyway


@dataclass(frozen=True, slots=True)
class CondaPackages:
    """Channels by name, the first before the others, and packages as ``name=version``."""

    channels: tuple[str, ...]
    packages: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Give them as arguments of ``conda create``; no other channels are asked."""
        named = [word for each in self.channels for word in ("--channel", each)]
        return ["--override-channels", *named, *self.packages]


def conda_packages(folder: ModelFolder) -> CondaPackages:
    """Read a model's ``conda.yaml``; without one conda-forge's Python is what there is.

    Raises
    ------
    InvalidParameterError
        When a channel is an address or a path, or a package anything but a name with versions.
    """
    text = read_text(folder, "conda.yaml")
    return packages_of(read_yaml(text, "conda.yaml") if text is not None else {}, folder.uri)


def packages_of(document: object, name: str) -> CondaPackages:
    """Give the channels and packages of a ``conda.yaml`` that was read; ``name`` is whose it is, for messages.

    Raises
    ------
    InvalidParameterError
        When a channel is an address or a path, or a package anything but a name with versions.
    """
    if not isinstance(document, dict):
        raise InvalidParameterError(f"The conda.yaml of {name} is no mapping.")
    channels = [_checked(each, _CHANNEL, "channel", name) for each in document.get("channels") or CHANNELS]
    dependencies = [each for each in document.get("dependencies") or () if not isinstance(each, dict)]
    packages = [_checked(each, _PACKAGE, "package", name) for each in dependencies]
    kept = tuple(each.replace(" ", "") for each in packages if re.split(r"[=<>!~\s]", each)[0] not in _OURS)
    return CondaPackages(tuple(channels), kept)


def _checked(given: object, pattern: re.Pattern[str], what: str, uri: str) -> str:
    text = str(given).strip()
    if not pattern.fullmatch(text):
        raise InvalidParameterError(
            f"The {what} {text[:120]!r} in the conda.yaml of {uri} is no plain name; options, addresses and paths are "
            "not taken from a model."
        )
    return text
