"""A dataset before it is logged: the base of those made of frames, arrays and files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.entities import Dataset as DatasetEntity
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.data.dataset_source import DatasetSource

MAX_DIGEST = 36
MAX_SCHEMA = 2**20 - 1
"""Characters of a digest and of a schema's JSON, as MLflow's server takes them (``mlflow.utils.validation``)."""


class Dataset:
    """Data with a name, a digest and a source; the subclasses know its schema and profile.

    Parameters
    ----------
    source
        Where it came from.
    name
        At most 500 characters; default ``dataset``.
    digest
        At most 36 characters; default: computed from a bounded part of the data.
    """

    def __init__(self, source: DatasetSource, name: str | None = None, digest: str | None = None) -> None:
        self._source = source
        self._name = "dataset" if name is None else check_name(name, "dataset")
        self._digest = digest or self._compute_digest()
        if not isinstance(self._digest, str) or len(self._digest) > MAX_DIGEST:
            raise InvalidParameterError(
                f"The digest of dataset {self._name!r} must be text of at most {MAX_DIGEST} characters; got {digest!r}."
            )

    def _compute_digest(self) -> str:
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def digest(self) -> str:
        """The fingerprint of the data."""
        return self._digest

    @property
    def source(self) -> DatasetSource:
        """Where the data came from."""
        return self._source

    @property
    def schema(self) -> Any:
        """Names and types of the columns, or shapes and types of the arrays; None when they are not known."""
        return None

    @property
    def profile(self) -> Mapping[str, Any] | None:
        """How large the data is; None when that is not known."""
        return None

    def _schema_document(self) -> Mapping[str, Any] | None:
        schema = self.schema
        return None if schema is None else {"mlflow_colspec": schema.to_dict()}

    def to_dict(self) -> dict[str, str | None]:
        """Give all of it as MLflow writes it: ``source``, ``schema`` and ``profile`` are JSON texts."""
        schema, profile = self._schema_document(), self.profile
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self.source._get_source_type(),
            "schema": None if schema is None else json.dumps(schema),
            "profile": None if profile is None else json.dumps(profile),
        }

    def to_json(self) -> str:
        """Give ``to_dict`` as JSON text."""
        return json.dumps(self.to_dict())

    def to_entity(self) -> DatasetEntity:
        """Give what a store keeps of it, which leaves out a schema that is over MLflow's 1 MiB."""
        found = self.to_dict()
        if len(found["schema"] or "") > MAX_SCHEMA:
            found["schema"] = None
        return DatasetEntity(**found)  # type: ignore[arg-type]  # name, digest and source are texts

    _to_mlflow_entity = to_entity  # as MLflow's documentation calls it

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, digest={self.digest!r}, source={self.source!r})"
