"""The model registry of a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import NotFoundError
from mltrack.model_names import LATEST, check_alias, check_model_name, is_model_id, read_stage, read_version
from mltrack.rest.part import RestPart
from mltrack.wire.models import read_registered_model
from mltrack.wire.models import read_version as read_model_version
from mltrack.wire.shapes import items, write_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import ModelVersion, RegisteredModel
    from mltrack.store.model_protocol import NewModelVersion
    from mltrack.wire.shapes import Json

_MODELS, _VERSIONS = "registered-models", "model-versions"


class RestRegistry(RestPart):
    """Registered models and their versions."""

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, str] | None = None, description: str = ""
    ) -> RegisteredModel:
        """Make a registered model without versions; AlreadyExistsError when the name is taken."""
        body: Json = {"name": check_model_name(name), "tags": write_pairs(tags or {})}
        if description:
            body["description"] = description
        made = self._transport.call("POST", f"{_MODELS}/create", body=body, retry=False)
        return self._wrote_model(made)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Give a registered model with its newest versions, tags and aliases."""
        query = {"name": check_model_name(name)}
        return _model(self._transport.call("GET", f"{_MODELS}/get", query=query))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; versions, tags and aliases follow."""
        body = {"name": check_model_name(name), "new_name": check_model_name(new_name)}
        return self._wrote_model(self._transport.call("POST", f"{_MODELS}/rename", body=body, retry=False))

    def update_registered_model(self, name: str, description: str) -> RegisteredModel:
        """Describe a registered model anew."""
        body = {"name": check_model_name(name), "description": description}
        return self._wrote_model(self._transport.call("PATCH", f"{_MODELS}/update", body=body))

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions."""
        self._write("DELETE", f"{_MODELS}/delete", {"name": check_model_name(name)}, retry=False)

    def set_registered_model_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags of a registered model, one after another; earlier values are overwritten."""
        for key, value in tags.items():
            self._write("POST", f"{_MODELS}/set-tag", {"name": check_model_name(name), "key": key, "value": value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag off a registered model; one that is not there is no error."""
        self._write("DELETE", f"{_MODELS}/delete-tag", {"name": check_model_name(name), "key": key})

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version; it may have named another before."""
        self._write("POST", f"{_MODELS}/alias", {**_named(name, version), "alias": alias})

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away; one that is not there is no error."""
        self._write("DELETE", f"{_MODELS}/alias", {"name": check_model_name(name), "alias": check_alias(alias)})

    def create_model_version(self, new: NewModelVersion) -> ModelVersion:
        """Make the next version of a registered model; mltrack's server adds the digest of its files."""
        body: Json = {"name": check_model_name(new.name), "source": new.source, "tags": write_pairs(new.tags)}
        given = {"run_id": new.run_id, "model_id": new.model_id, "run_link": new.run_link}
        body |= {name: value for name, value in given.items() if value}
        if new.description:
            body["description"] = new.description
        return self._wrote_version(self._transport.call("POST", f"{_VERSIONS}/create", body=body, retry=False))

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Give a version of a registered model."""
        return _version(self._transport.call("GET", f"{_VERSIONS}/get", query=_named(name, version)))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Give the version that an alias names; ``latest`` is the one of the highest number."""
        check_alias(alias)
        if alias.lower() == LATEST:
            found = self.get_latest_versions(name)
            if not found:
                raise NotFoundError(f"The registered model {name!r} has no version yet.")
            return found[-1]
        query = {"name": check_model_name(name), "alias": alias}
        return _version(self._transport.call("GET", f"{_MODELS}/alias", query=query))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Give the newest version of each of these stages, or of all, by number."""
        body: Json = {"name": check_model_name(name)}
        if stages:
            body["stages"] = [read_stage(each) for each in stages]
        answer = self._transport.call("POST", f"{_MODELS}/get-latest-versions", body=body)
        found = [_with_model(read_model_version(each)) for each in items(answer.get("model_versions"))]
        return sorted(found, key=lambda each: read_version(each.version))

    def update_model_version(self, name: str, version: str, description: str) -> ModelVersion:
        """Describe a version anew."""
        body = {**_named(name, version), "description": description}
        return self._wrote_version(self._transport.call("PATCH", f"{_VERSIONS}/update", body=body))

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, *, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to a stage, and on request those that are there to Archived."""
        body = {
            **_named(name, version),
            "stage": read_stage(stage),
            "archive_existing_versions": archive_existing_versions,
        }
        return self._wrote_version(self._transport.call("POST", f"{_VERSIONS}/transition-stage", body=body))

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version and the aliases that name it; its number is not given again."""
        self._write("DELETE", f"{_VERSIONS}/delete", _named(name, version), retry=False)

    def model_version_place(self, name: str, version: str) -> str:
        """Give the path or URI where a version's files lie."""
        found = self._transport.call("GET", f"{_VERSIONS}/get-download-uri", query=_named(name, version))
        return str(found.get("artifact_uri", ""))

    def set_model_version_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, one after another; earlier values are overwritten."""
        for key, value in tags.items():
            self._write("POST", f"{_VERSIONS}/set-tag", {**_named(name, version), "key": key, "value": value})

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Take a tag off a version; one that is not there is no error."""
        self._write("DELETE", f"{_VERSIONS}/delete-tag", {**_named(name, version), "key": key})

    def _write(self, method: str, path: str, body: Json, *, retry: bool = True) -> None:
        self._transport.call(method, path, body=body, retry=retry)
        self._changed()

    def _wrote_model(self, answer: Mapping[str, Any]) -> RegisteredModel:
        self._changed()
        return _model(answer)

    def _wrote_version(self, answer: Mapping[str, Any]) -> ModelVersion:
        self._changed()
        return _version(answer)


def _named(name: str, version: object) -> Json:
    return {"name": check_model_name(name), "version": str(read_version(version))}


def _model(answer: Mapping[str, Any]) -> RegisteredModel:
    return read_registered_model(answer.get("registered_model") or {})


def _version(answer: Mapping[str, Any]) -> ModelVersion:
    return _with_model(read_model_version(answer.get("model_version") or {}))


def _with_model(version: ModelVersion) -> ModelVersion:
    """Name the logged model that a version was made of, which MLflow's servers say only by its source."""
    model_id = version.source.removeprefix("models:/")
    if version.model_id or not version.source.startswith("models:/") or not is_model_id(model_id):
        return version
    return replace(version, model_id=model_id)
