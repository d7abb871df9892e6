"""An address in the web that data came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mltrack.data.dataset_source import DatasetSource, field_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class HTTPDatasetSource(DatasetSource):
    """An ``http`` or ``https`` URL. It is kept, never fetched."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """The URL as it was given."""
        return self._url

    @staticmethod
    def _get_source_type() -> str:
        return "http"

    def to_dict(self) -> dict[str, Any]:
        """Give the URL."""
        return {"url": self._url}

    @classmethod
    def from_dict(cls, source_dict: Mapping[str, Any]) -> Self:
        """Make the source from its URL."""
        return cls(field_of(source_dict, "url", "http"))
