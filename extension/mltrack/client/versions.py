"""The client's methods for the versions of registered models."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.client.base import ClientPart
from mltrack.client.registry import refuse_prompts
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.keys import check_key
from mltrack.model_names import STAGES
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.model_sources import MODELS, read_source
from mltrack.values import make_model_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import ModelVersion


class VersionMethods(ClientPart):
    """Make, copy, read, describe, tag, move and delete versions of registered models.

    A write survives a power failure once it returns. What is not there is a NotFoundError.
    """

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,  # noqa: ARG002 - MLflow's signature; a version is ready at once
        model_id: str | None = None,
    ) -> ModelVersion:
        """Make the next version of a registered model; its number is not given twice.

        Parameters
        ----------
        source
            ``runs:/RUN_ID/PATH``, ``models:/MODEL_ID``, ``models:/NAME/VERSION``, a place in the artifacts of the run
            ``run_id`` or of the logged model ``model_id``, or one in an object store. The version keeps the digest of
            its files and says of which run, cell and data they came.
        run_id, model_id
            Default: what the source names.

        Raises
        ------
        InvalidParameterError
            When the source is none, or does not belong to ``run_id`` or ``model_id``.
        """
        refuse_prompts(tags)
        named = read_source(source)
        new = NewModelVersion(
            name,
            source,
            run_id or named.run_id,
            model_id or named.model_id,
            description or "",
            run_link or "",
            make_model_tags(tags),
        )
        if self._registry is not self._store and named.version is None:
            new = replace(new, known=self._store.known_source(new))
        version = self._registry.create_model_version(new)
        if version.model_id:
            self._store.note_model_version(version.model_id, version.name, version.version)
        return version

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Make a version of another registered model (itself made when there is none) that has the same files.

        ``src_model_uri`` is ``models:/NAME/VERSION``, or has a stage, ``latest`` or an alias for the version.
        """
        from mltrack.models.sources import find_version  # reads model folders, which few calls need

        found = find_version(src_model_uri, self._registry)
        with suppress(AlreadyExistsError):
            self._registry.create_registered_model(dst_name)
        return self.create_model_version(
            dst_name,
            f"{MODELS}{found.name}/{found.version}",
            found.run_id,
            found.tags,
            found.run_link,
            found.description,
            model_id=found.model_id,
        )

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Give a version, with its tags, aliases and provenance."""
        return self._registry.get_model_version(name, version)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Give the newest version of each of these stages (any letter case), or of all."""
        return list(self._registry.get_latest_versions(name, stages))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Give the path or URI where a version's files lie."""
        if self._registry is self._store:
            return self._registry.model_version_place(name, version)
        return self._store.source_place(self._registry.model_version_source(name, version))

    def get_model_version_stages(self, name: str, version: str) -> list[str]:
        """Give the stages that a version may have."""
        self._registry.get_model_version(name, version)
        return list(STAGES)

    def update_model_version(self, name: str, version: str, description: str | None = None) -> ModelVersion:
        """Describe a version anew; without a description it has none."""
        return self._registry.update_model_version(name, version, description or "")

    def transition_model_version_stage(
        self,
        name: str,
        version: str,
        stage: str,
        archive_existing_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    ) -> ModelVersion:
        """Move a version to None, Staging, Production or Archived (any letter case).

        ``archive_existing_versions`` moves those that are in Staging or Production by then to Archived.
        """
        return self._registry.transition_model_version_stage(
            name, version, stage, archive_existing_versions=archive_existing_versions
        )

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version and the aliases that name it; the files stay where they are."""
        self._registry.delete_model_version(name, version)

    def set_model_version_tag(
        self,
        name: str,
        version: str | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest one of a stage, as text of at most 100,000 characters."""
        tags = make_model_tags({key: value})  # type: ignore[dict-item] # a missing key is refused
        self._registry.set_model_version_tags(name, self._chosen(name, version, stage), tags)

    def delete_model_version_tag(
        self, name: str, version: str | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Take a tag off a version, or off the newest one of a stage; one that is not there is no error."""
        checked = check_key(key, "tag")
        self._registry.delete_model_version_tag(name, self._chosen(name, version, stage), checked)

    def _chosen(self, name: str, version: str | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidParameterError("Give either a version or a stage, not both and not none.")
        if version is not None:
            return version
        found = self._registry.get_latest_versions(name, [str(stage)])
        if not found:
            raise NotFoundError(f"The registered model {name!r} has no version in the stage {stage!r}.")
        return found[0].version
