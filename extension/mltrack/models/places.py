"""The files that a model URI names, with a path in the model after it: ``models:/NAME/3/MLmodel``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.artifacts.places import ArtifactPlace, optional_path
from mltrack.model_names import is_model_id
from mltrack.models.sources import MODELS, ModelSource, find_model
from mltrack.store.artifacts import below

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelPlace(ArtifactPlace):
    """The files of a model, which are those of the version when they are read through one."""

    source: ModelSource = field(kw_only=True)

    def download(self, destination: str | Path | None = None) -> str:
        """Bring it to this machine; ArtifactChangedError when it is not what was registered or logged."""
        if self.path == self.root:
            return str(self.source.fetch(destination))
        return ArtifactPlace.download(self, destination)


def find_model_place(uri: str) -> ModelPlace:
    """Find the files of a model by its URI, after which a path in the model may stand.

    Raises
    ------
    InvalidParameterError
        When it is no URI of a model.
    NotFoundError
        When there is no such model.
    ArtifactChangedError
        When the model's files are known to be others than those that were registered.
    """
    named, path = split_model_uri(uri)
    source = find_model(named)
    source.check_records()
    inside = optional_path(path)
    place = source.path if inside is None else below(source.path, inside.text)
    return ModelPlace(source.folder_files(), place, source.path, source=source)


def split_model_uri(uri: str) -> tuple[str, str]:
    """Give (the URI of a model, the path in it): of ``models:/NAME/3/a/b`` ``models:/NAME/3`` and ``a/b``."""
    first, *rest = uri.removeprefix(MODELS).split("/")
    parts = 0 if "@" in first or is_model_id(first) else 1  # of the model's URI after its name
    return "/".join([f"{MODELS}{first}", *rest[:parts]]), "/".join(rest[parts:])
