"""The code that made a dataset: the source of one whose source nobody named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mltrack.data.dataset_source import DatasetSource

if TYPE_CHECKING:
    from collections.abc import Mapping


class CodeDatasetSource(DatasetSource):
    """A script or notebook, known by the tags that its runs have (user, name and type of the source)."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = dict(tags)

    @staticmethod
    def _get_source_type() -> str:
        return "code"

    def to_dict(self) -> dict[str, Any]:
        """Give the tags."""
        return {"tags": self._tags}

    @classmethod
    def from_dict(cls, source_dict: Mapping[str, Any]) -> Self:
        """Make the source from its tags."""
        return cls(source_dict.get("tags") or {})
