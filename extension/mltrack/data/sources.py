"""All kinds of dataset sources: which one a text names, and which one JSON of a kind makes."""

from __future__ import annotations

import json
import re
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from mltrack.data.code_dataset_source import CodeDatasetSource
from mltrack.data.dataset_source import DatasetSource
from mltrack.data.filesystem_dataset_source import (
    AzureBlobArtifactDatasetSource,
    AzureDataLakeArtifactDatasetSource,
    FileSystemDatasetSource,
    GCSArtifactDatasetSource,
    HdfsArtifactDatasetSource,
    LocalArtifactDatasetSource,
    S3ArtifactDatasetSource,
)
from mltrack.data.http_dataset_source import HTTPDatasetSource
from mltrack.entities import Dataset as DatasetEntity
from mltrack.entities import DatasetInput
from mltrack.exceptions import InvalidParameterError
from mltrack.tracking import own_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.data.dataset import Dataset

__all__ = [
    "AzureBlobArtifactDatasetSource",
    "AzureDataLakeArtifactDatasetSource",
    "CodeDatasetSource",
    "FileSystemDatasetSource",
    "GCSArtifactDatasetSource",
    "HTTPDatasetSource",
    "HdfsArtifactDatasetSource",
    "LocalArtifactDatasetSource",
    "S3ArtifactDatasetSource",
    "get_source",
    "resolve_dataset_source",
]

# The schemes of MLflow's artifact stores, and the class of each.
_FILE_SYSTEMS: Mapping[str, type[FileSystemDatasetSource]] = {
    "file": LocalArtifactDatasetSource,
    "s3": S3ArtifactDatasetSource,
    "gs": GCSArtifactDatasetSource,
    "wasbs": AzureBlobArtifactDatasetSource,
    "abfss": AzureDataLakeArtifactDatasetSource,
    "hdfs": HdfsArtifactDatasetSource,
}
_KINDS: Mapping[str, type[DatasetSource]] = {
    "code": CodeDatasetSource,
    "http": HTTPDatasetSource,
    **{each.source_type: each for each in _FILE_SYSTEMS.values()},
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")  # two letters at least: one is a drive of Windows


def resolve_dataset_source(raw_source: str | PathLike[str] | DatasetSource | None) -> DatasetSource:
    """Give the source that a path or URI names; without one it is the code that runs, and a source stays as it is.

    Raises
    ------
    InvalidParameterError
        For a scheme that no source is known for, and for what is no text.
    """
    if raw_source is None:
        return CodeDatasetSource(own_tags())
    if isinstance(raw_source, DatasetSource):
        return raw_source
    if not isinstance(raw_source, (str, PathLike)) or not fspath(raw_source):
        raise InvalidParameterError(
            f"A dataset's source is a path, a URI or a DatasetSource; got {type(raw_source).__name__}."
        )
    text = fspath(raw_source)
    found = _SCHEME.match(text)
    if found is None:
        return LocalArtifactDatasetSource(text)
    scheme = found[1].lower()
    if scheme in ("http", "https"):
        return HTTPDatasetSource(text)
    if scheme not in _FILE_SYSTEMS:
        known = ", ".join(["http", "https", *_FILE_SYSTEMS])
        raise InvalidParameterError(
            f"No dataset source is known for the scheme {scheme!r}; known are paths and {known}. "
            "For any other, give a DatasetSource of your own."
        )
    return _FILE_SYSTEMS[scheme](text)


class UnknownDatasetSource(DatasetSource):
    """A source of a kind that is not known here, as another tracker wrote it: its JSON is all there is."""

    def __init__(self, source_type: str, document: Mapping[str, Any]) -> None:
        self._source_type = source_type
        self._document = dict(document)

    def _get_source_type(self) -> str:  # type: ignore[override]  # each has a kind of its own
        return self._source_type

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON as it is."""
        return self._document


def get_source(dataset: DatasetEntity | DatasetInput | Dataset) -> DatasetSource:
    """Give the source of a dataset, also of one that a run has."""
    if isinstance(dataset, DatasetInput):
        dataset = dataset.dataset
    if not isinstance(dataset, DatasetEntity):
        return dataset.source
    kind = _KINDS.get(dataset.source_type)
    return kind.from_json(dataset.source) if kind else _unknown(dataset)


def _unknown(dataset: DatasetEntity) -> DatasetSource:
    try:
        document = json.loads(dataset.source)
    except ValueError:
        document = dataset.source
    return UnknownDatasetSource(dataset.source_type, document if isinstance(document, dict) else {"source": document})
