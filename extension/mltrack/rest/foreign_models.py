"""The sources of model versions on an MLflow server: what is known of them, and where their files lie."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, NotFoundError, StateError
from mltrack.keys import GIT_COMMIT_TAG, SOURCE_NAME_TAG
from mltrack.models.manifest import digest_of
from mltrack.store.logged_models import VERSIONS_TAG
from mltrack.store.model_protocol import KnownSource
from mltrack.store.model_sources import read_source
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import LoggedModel
    from mltrack.store.artifact_folder import FileRecord
    from mltrack.store.artifacts import SafePath
    from mltrack.store.model_protocol import NewModelVersion
    from mltrack.store.model_sources import ModelSource
    from mltrack.store.protocol import Store

_MOST_HOPS = 20


class ForeignModels:
    """Finds out on this side what mltrack's own stores know."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known_source(self, new: NewModelVersion) -> KnownSource:
        """Check the source of a version that is to be made in another store, and say what is known of it."""
        named = read_source(new.source)
        if named.version is not None:
            return self._known_version(*named.version, (new.run_id, new.model_id))
        self._check(new, named)
        model = self._model_of(named)
        model_id = model.model_id if model else new.model_id or None
        run_id = new.run_id or (model.source_run_id if model else None) or None
        origin = f"models:/{model.model_id}" if model else new.source
        records = self._records(named, model)
        return KnownSource(
            origin, digest_of(records) if records else None, self._provenance(run_id, model), run_id, model_id
        )

    def source_place(self, source: str) -> str:
        """Give the path or URI where the files behind the source of a version lie."""
        named = read_source(source)
        if named.version is not None:
            return self._store.model_version_place(*named.version)
        if named.place is not None:
            return named.place
        model = self._model_of(named)
        if model is not None:
            return model.artifact_location
        root = self._store.get_run(str(named.run_id)).info.artifact_uri
        return f"{root}/{named.path.text}" if named.path else root

    def note_model_version(self, model_id: str, name: str, version: str) -> None:
        """Note on a logged model that a version was made of it; one that is not there is no error."""
        with suppress(NotFoundError):
            said = self._store.get_logged_model(model_id).tags.get(VERSIONS_TAG, "[]")
            try:
                known = json.loads(said)
            except (ValueError, RecursionError):  # it is a tag like others, and may say anything
                known = []
            earlier = known if isinstance(known, list) else []
            text = json.dumps([*earlier, {"name": name, "version": version}])
            self._store.set_logged_model_tags(model_id, {VERSIONS_TAG: text})

    def model_version_source(self, name: str, version: str) -> str:
        """Give the source behind a version that is no version itself."""
        for _ in range(_MOST_HOPS):
            source = self._store.get_model_version(name, version).source
            try:
                named = read_source(source)
            except InvalidParameterError:  # as MLflow's server shows places that are not ours to judge
                return source
            if named.version is None:
                return source
            name, version = named.version
        raise StateError(f"The sources of {name!r} version {version} are versions of each other.")

    def _check(self, new: NewModelVersion, named: ModelSource) -> None:
        for what, inside, said in (("run", named.run_id, new.run_id), ("model", named.model_id, new.model_id)):
            if inside is not None and inside != said:
                raise InvalidParameterError(
                    f"{new.source[:120]!r} cannot be the source of a model version: {what}_id must be {inside!r}; "
                    f"got {said!r}."
                )
        if named.run_id is not None:
            self._store.get_run(named.run_id)

    def _known_version(self, name: str, version: str, ids: tuple[str | None, str | None]) -> KnownSource:
        found = self._store.get_model_version(name, version)
        run_id, model_id = ids
        provenance = json.dumps(dict(found.provenance), ensure_ascii=False)
        origin = self.model_version_source(name, version)
        return KnownSource(origin, found.digest, provenance, run_id or found.run_id or None, model_id or found.model_id)

    def _model_of(self, named: ModelSource) -> LoggedModel | None:
        """Give the logged model that a source names, by itself or by its run and name."""
        if named.model_id is not None:
            return self._store.get_logged_model(named.model_id)
        if named.run_id is None or named.path is None or "'" in named.path.text:
            return None
        experiment_id = self._store.get_run(named.run_id).info.experiment_id
        wanted = Search((experiment_id,), f"name = '{named.path.text}' AND source_run_id = '{named.run_id}'")
        return next(iter(self._store.search_logged_models(wanted).rows), None)

    def _records(self, named: ModelSource, model: LoggedModel | None) -> dict[str, FileRecord]:
        if model is not None:
            return dict(self._store.logged_model_records(model.model_id))
        if named.run_id is None:
            return {}
        start = _start(named.path)
        found: Mapping[str, FileRecord] = self._store.artifact_records(named.run_id, named.path)
        return {path[len(start) :]: record for path, record in found.items() if path.startswith(start)}

    def _provenance(self, run_id: str | None, model: LoggedModel | None) -> str:
        """Put together what ``store.provenance`` gives, of what the server knows."""
        found: dict[str, Any] = {}
        if model is not None:
            names = ("model_id", "name", "model_type")
            found["model"] = {name: getattr(model, name) for name in names} | {"created_at": model.creation_timestamp}
        if run_id is None:
            return json.dumps(found, ensure_ascii=False)
        try:
            run = self._store.get_run(run_id)
        except NotFoundError:
            return json.dumps({**found, "run": {"run_id": run_id}}, ensure_ascii=False)
        info = run.info
        found["run"] = {"run_id": run_id, "name": info.run_name, "user_id": info.user_id, "start_time": info.start_time}
        name = self._store.get_experiment(info.experiment_id).name
        found["experiment"] = {"experiment_id": info.experiment_id, "name": name}
        datasets = [
            {"name": each.dataset.name, "digest": each.dataset.digest, "source_type": each.dataset.source_type}
            for each in run.inputs.dataset_inputs
        ]
        tags = {"source": run.data.tags.get(SOURCE_NAME_TAG), "commit": run.data.tags.get(GIT_COMMIT_TAG)}
        found |= {key: value for key, value in {"datasets": datasets, **tags}.items() if value}
        return json.dumps(found, ensure_ascii=False)


def _start(path: SafePath | None) -> str:
    return f"{path.text}/" if path else ""
