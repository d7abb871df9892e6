"""Carries logged models and the model registry of another tracker's store into this one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.importers.fitting import stage
from mltrack.keys import check_run_id
from mltrack.store.import_models import ModelWriter
from mltrack.values import make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mltrack.importers.fitting import Fitting
    from mltrack.importers.summary import ImportSummary
    from mltrack.store.artifact_folder import ArtifactFolder
    from mltrack.store.foreign import (
        ForeignModel,
        ForeignRegisteredModel,
        ForeignRun,
        ForeignStore,
        ForeignVersion,
        ModelPoint,
    )
    from mltrack.store.sqlite import SqliteStore

MAX_NAME, MAX_TEXT = 256, 5000
_ALIAS = re.compile(r"(?!latest$|v\d+$)[\w-]{1,255}", re.IGNORECASE)


class ModelTransfer:
    """The part of an import that concerns models."""

    def __init__(self, store: SqliteStore, fitting: Fitting, summary: ImportSummary) -> None:
        self._writer = ModelWriter(store)
        self._fitting = fitting
        self._summary = summary
        self._artifact_uris: dict[str, str] = {}

    def remember(self, run: ForeignRun) -> None:
        """Keep where a run's artifacts were, since versions in the registry may point there."""
        if run.artifact_uri:
            self._artifact_uris[run.run_id] = run.artifact_uri.rstrip("/")

    def carry(self, model: ForeignModel, experiment_id: str, place: str | None) -> ArtifactFolder | None:
        """Carry a logged model over; gives the folder for its files, or None when it was left out."""
        try:
            check_run_id(model.model_id)
        except InvalidParameterError:
            self._summary.skip("logged models with an id that is none")
            return None
        fitted = replace(
            model,
            name=self._fitting.text(model.name, MAX_NAME),
            model_type=self._fitting.text(model.model_type, MAX_NAME),
            status_message=model.status_message and self._fitting.text(model.status_message, MAX_TEXT),
            lifecycle_stage=stage(model.lifecycle_stage),
            params=self._fitting.pairs(model.params, make_param),
            tags=self._fitting.pairs(model.tags, make_tag),
            points=list(self._points(model.points)),
        )
        self._summary.models += self._writer.write_model(fitted, experiment_id, place)
        return self._writer.model_folder(model.model_id)

    def _points(self, points: Iterable[ModelPoint]) -> Iterator[ModelPoint]:
        for point in points:
            name = self._fitting.key(point[1])
            if name is not None:
                yield point[0], name, *point[2:]

    def note_digests(self) -> None:
        """Keep the digests of the files that versions are made of, as they came; they are refused once they change."""
        self._writer.write_digests()

    def carry_links(self, source: ForeignStore) -> None:
        """Carry over which run read or made which model."""
        self._writer.write_links(source.model_links())

    def carry_registry(self, source: ForeignStore) -> None:
        """Carry over the registered models."""
        for model in source.registered_models():
            if not model.name.strip() or len(model.name) > MAX_NAME or re.search(r"[/:\0]", model.name):
                self._summary.skip("registered models with a name that cannot be kept")
                continue
            new, others = self._writer.write_registered(self._fitted(model))
            self._summary.model_versions += new
            for version in others:
                self._summary.skip("model versions whose number is another's here")
                self._summary.note(f"version {version} of {model.name!r} is another one here, and was left as it is")

    def _fitted(self, model: ForeignRegisteredModel) -> ForeignRegisteredModel:
        return replace(
            model,
            description=self._fitting.text(model.description, MAX_TEXT),
            tags=self._fitting.pairs(model.tags, make_tag),
            aliases=[(alias, version) for alias, version in model.aliases if _ALIAS.fullmatch(alias)],
            versions=[self._fitted_version(version) for version in model.versions],
        )

    def _fitted_version(self, version: ForeignVersion) -> ForeignVersion:
        return replace(
            version,
            description=self._fitting.text(version.description, MAX_TEXT),
            source=self._fitting.text(self._source_here(version), MAX_TEXT),
            status=version.status or "READY",
            tags=self._fitting.pairs(version.tags, make_tag),
            model_id=version.model_id or _model_of(version.source),
        )

    def _source_here(self, version: ForeignVersion) -> str:
        """Give a version's source as a path below its run, where it points into the run's artifacts."""
        uri = self._artifact_uris.get(version.run_id)
        if uri and version.source.startswith(f"{uri}/"):
            return f"runs:/{version.run_id}/{version.source[len(uri) + 1 :]}"
        return version.source


def _model_of(source: str) -> str | None:
    """Give the logged model that a source names (``models:/m-…``), or None."""
    name = source.removeprefix("models:/")
    return name if name != source and name.startswith("m-") and "/" not in name else None
