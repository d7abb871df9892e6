"""A dataset of which only words are known: where it is, its name, its schema."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from mltrack.data.dataset import Dataset

if TYPE_CHECKING:
    from mltrack.data.dataset_source import DatasetSource


class MetaDataset(Dataset):
    """A dataset without its data.

    The digest is made of name, source and schema, as MLflow makes it (8 hex digits of the SHA-256 of their JSON): it
    tells one place from another, and says nothing of what lies there. Give one of your own where you have it.
    """

    def __init__(
        self, source: DatasetSource, name: str | None = None, digest: str | None = None, schema: Any = None
    ) -> None:
        self._schema = schema
        super().__init__(source, name, digest)

    def _compute_digest(self) -> str:
        config = {
            "name": self.name,
            "source": self.source.to_json(),
            "source_type": self.source._get_source_type(),
            "schema": self._schema.to_dict() if self._schema else "",
        }
        return hashlib.sha256(json.dumps(config).encode()).hexdigest()[:8]

    @property
    def schema(self) -> Any:
        """The schema that was given, or None."""
        return self._schema
