"""The texts of generated files, as package data: a folder for each kind, and ``$name`` for what differs."""

from __future__ import annotations

import string
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDING = ".txt"  # of the templates, so that no tool takes them for what they become


def fill(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Give the texts of all files of a kind by their names, with the values in their places.

    The values are numbers, and names that were checked: a template has no way to escape them.
    """
    folder = resources.files(__name__).joinpath(kind)
    found = {each.name.removesuffix(_ENDING): each.read_text(encoding="utf-8") for each in folder.iterdir()}
    return {name: string.Template(text).substitute(values).rstrip() + "\n" for name, text in found.items()}
