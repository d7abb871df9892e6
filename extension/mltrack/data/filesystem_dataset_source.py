"""A file, folder or object in a store of files that data came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from mltrack.data.dataset_source import DatasetSource, field_of
from mltrack.exceptions import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FileSystemDatasetSource(DatasetSource):
    """A path or URI; its subclasses are one for each kind of store of files."""

    source_type = ""

    def __init__(self, uri: str) -> None:
        self._uri = str(uri)

    @property
    def uri(self) -> str:
        """The path or URI as it was given."""
        return self._uri

    @classmethod
    def _get_source_type(cls) -> str:  # in MLflow a static method; the call is the same
        return cls.source_type

    def to_dict(self) -> dict[str, Any]:
        """Give the path or URI."""
        return {"uri": self._uri}

    @classmethod
    def from_dict(cls, source_dict: Mapping[str, Any]) -> Self:
        """Make the source from its path or URI."""
        return cls(field_of(source_dict, "uri", cls.source_type))


class LocalArtifactDatasetSource(FileSystemDatasetSource):
    """A path of this machine, or a ``file:`` URI."""

    source_type = "local"

    def load(self, dst_path: str | None = None) -> str:
        """Give the path as it is; NotFoundError when there is nothing at it."""
        del dst_path
        path = urlsplit(self.uri).path if self.uri.startswith("file:") else self.uri
        if not Path(path).exists():
            raise NotFoundError(f"There is nothing at {path!r}, where the dataset came from.")
        return path


class S3ArtifactDatasetSource(FileSystemDatasetSource):
    """An ``s3://`` URI."""

    source_type = "s3"


class GCSArtifactDatasetSource(FileSystemDatasetSource):
    """A ``gs://`` URI."""

    source_type = "gs"


class AzureDataLakeArtifactDatasetSource(FileSystemDatasetSource):
    """An ``abfss://`` URI."""

    source_type = "abfss"


class AzureBlobArtifactDatasetSource(FileSystemDatasetSource):
    """A ``wasbs://`` URI."""

    source_type = "wasbs"


class HdfsArtifactDatasetSource(FileSystemDatasetSource):
    """An ``hdfs://`` URI."""

    source_type = "hdfs"
