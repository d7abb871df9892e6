"""The model registry of an SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.store import registry
from mltrack.store.base import SqlitePart, now_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import ModelVersion, RegisteredModel
    from mltrack.store.model_protocol import KnownSource, NewModelVersion


class SqliteRegistry(SqlitePart):
    """Registered models and their versions; every write survives a power failure once it returns."""

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, str] | None = None, description: str = ""
    ) -> RegisteredModel:
        """Make a registered model without versions; AlreadyExistsError when the name is taken."""
        return self._database.write_durably(registry.insert_model, name, tags or {}, description, now_ms())

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Give a registered model with its newest versions, tags and aliases."""
        return self._database.read(registry.read_model, name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; versions, tags and aliases follow."""
        return self._database.write_durably(registry.rename_model, name, new_name, now_ms())

    def update_registered_model(self, name: str, description: str) -> RegisteredModel:
        """Describe a registered model anew."""
        return self._database.write_durably(registry.describe_model, name, description, now_ms())

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions."""
        self._database.write_durably(registry.delete_model, name)

    def set_registered_model_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags of a registered model, all or none; earlier values are overwritten."""
        self._database.write_durably(registry.set_model_tags, name, tags)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag off a registered model; one that is not there is no error."""
        self._database.write_durably(registry.delete_model_tag, name, key)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version; it may have named another before."""
        self._database.write_durably(registry.set_alias, name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away; one that is not there is no error."""
        self._database.write_durably(registry.delete_alias, name, alias)

    def create_model_version(self, new: NewModelVersion) -> ModelVersion:
        """Make the next version of a registered model, with the digest and the provenance of its files."""
        return self._database.write_durably(registry.insert_version, new, now_ms(), self._locate)

    def known_source(self, new: NewModelVersion) -> KnownSource:
        """Check the source of a version that is to be made in another store, and say what is known of it."""
        return self._database.read(registry.known_source, new, self._locate)

    def source_place(self, source: str) -> str:
        """Give the path or URI where the files behind the source of a version lie."""
        return self._database.read(registry.read_source_place, source, self._locate)

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Give a version of a registered model."""
        return self._database.read(registry.read_one_version, name, version)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Give the version that an alias names; ``latest`` is the one of the highest number."""
        return self._database.read(registry.read_version_of_alias, name, alias)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Give the newest version of each of these stages, or of all."""
        return self._database.read(registry.read_latest, name, stages)

    def update_model_version(self, name: str, version: str, description: str) -> ModelVersion:
        """Describe a version anew."""
        return self._database.write_durably(registry.describe_version, name, version, description, now_ms())

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, *, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to a stage, and on request those that are there to Archived."""
        to = (stage, archive_existing_versions)
        return self._database.write_durably(registry.move_version, name, version, to, now_ms())

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version and the aliases that name it; its number is not given again."""
        self._database.write_durably(registry.delete_version, name, version, now_ms())

    def model_version_source(self, name: str, version: str) -> str:
        """Give the source behind a version that is no version itself."""
        return self._database.read(registry.read_version_source, name, version)

    def model_version_place(self, name: str, version: str) -> str:
        """Give the path or URI where a version's files lie."""
        return self._database.read(registry.read_version_place, name, version, self._locate)

    def set_model_version_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, all or none; earlier values are overwritten."""
        self._database.write_durably(registry.set_version_tags, name, version, tags)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Take a tag off a version; one that is not there is no error."""
        self._database.write_durably(registry.delete_version_tag, name, version, key)
