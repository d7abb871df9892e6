"""What a kernel saw one execution of a cell do to its namespace and to the world; kept with the execution as JSON.

It is under ``effects`` in the execution's metadata, with these keys; those that hold nothing are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "effects"
INSIDE = "inside"
"""In the metadata of an execution that another one started, as ``%%capture`` does: the other's number."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What an execution was seen to do.

    Attributes
    ----------
    types
        For each name that holds another object than before: the qualified name of its type, as
        ``pandas.core.frame.DataFrame``; for what is itself a module, class or function ``module:numpy``,
        ``class:sklearn.svm.SVC``, ``function:__main__.f``.
    deleted
        Names that were there before and are not now.
    same
        Groups of two names or more that hold one and the same mutable object when the cell has ended.
    random
        The generators whose global state changed: ``random``, ``numpy``, ``torch``.
    ambient
        What else changed that any cell may depend on: ``cwd``, ``path`` (sys.path), ``environ:NAME``.
    files
        The files it opened: ``{"path", "whole", "mode": "r" | "w", "size", "sha256"}``, the first use of each.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    same: tuple[tuple[str, ...], ...] = ()
    random: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()
    files: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON, without what is empty."""
        found = {
            "types": dict(self.types),
            "deleted": [*self.deleted],
            "same": [[*group] for group in self.same],
            "random": [*self.random],
            "ambient": [*self.ambient],
            "files": [dict(each) for each in self.files],
        }
        return {key: value for key, value in found.items() if value}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Observed:
        """Read what ``as_json`` gave; keys that are not known are left out."""
        return cls(
            types=dict(document.get("types") or {}),
            deleted=tuple(document.get("deleted") or ()),
            same=tuple(tuple(group) for group in document.get("same") or ()),
            random=tuple(document.get("random") or ()),
            ambient=tuple(document.get("ambient") or ()),
            files=tuple(document.get("files") or ()),
        )
