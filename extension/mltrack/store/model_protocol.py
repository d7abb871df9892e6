"""What a store must do for models: those that runs log, with their files, and the registry of named versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mltrack.model_names import new_model_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.entities import LoggedModel, ModelVersion, RegisteredModel
    from mltrack.store.artifact_folder import ArtifactFolder, FileRecord, StoredFile
    from mltrack.store.artifacts import SafePath
    from mltrack.store.pages import Page, Search


@dataclass(frozen=True, slots=True)
class NewLoggedModel:
    """A logged model to be made; a name is invented when there is none, and an id."""

    experiment_id: str
    name: str | None = None
    model_type: str = ""
    source_run_id: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    model_id: str = field(default_factory=new_model_id)


@dataclass(frozen=True, slots=True)
class KnownSource:
    """What a store knows of a version's files: the source that is no version, their digest, and whose they are.

    ``provenance`` is JSON text.
    """

    origin: str
    digest: str | None = None
    provenance: str | None = None
    run_id: str | None = None
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewModelVersion:
    """A version of a registered model to be made.

    ``source`` is ``runs:/RUN_ID/PATH`` (``run_id`` is that run), ``models:/MODEL_ID`` (``model_id`` is that model),
    ``models:/NAME/VERSION``, a place inside the artifacts of that run or model, or one in an object store.
    """

    name: str
    source: str
    run_id: str | None = None
    model_id: str | None = None
    description: str = ""
    run_link: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    user_id: str = ""
    known: KnownSource | None = None
    """What another store knows of the source, where runs and registered models are kept in two; else it is read."""


class ModelStore(Protocol):
    """A place that keeps models.

    What is asked for by an id, name, version or stage that is not there is a NotFoundError; a name, alias, stage or
    version that cannot be one is an InvalidParameterError. Writes of the registry survive a power failure.
    """

    def create_logged_model(self, new: NewLoggedModel) -> LoggedModel:
        """Make a logged model, PENDING, without files."""

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Give a logged model; NotFoundError when there is none or it is deleted."""

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how the making of a logged model ended: READY or FAILED."""

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted; ``collect_garbage`` removes it with its files."""

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a logged model, all or none."""

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag off a logged model; NotFoundError when it has none of that key."""

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Log params of a logged model, all or none; one that is there with another value is refused."""

    def logged_model_folder(self, model_id: str) -> ArtifactFolder:
        """Give the folder of a logged model's files, also of a deleted one; it need not be there yet."""

    def record_logged_model_files(self, model_id: str, files: Mapping[SafePath, FileRecord]) -> None:
        """Keep the size and digest of files that are in place."""

    def logged_model_records(self, model_id: str, path: SafePath | None = None) -> Mapping[str, FileRecord]:
        """Give what was recorded of a logged model's files by path: all, one file, or those below a folder."""

    def find_stored_file(self, experiment_id: str, record: FileRecord) -> StoredFile | None:
        """Give an equal file of a logged model in that experiment, or None; see ``ArtifactFolder.put_linked``."""

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, str] | None = None, description: str = ""
    ) -> RegisteredModel:
        """Make a registered model without versions; AlreadyExistsError when the name is taken."""

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Give a registered model with its newest versions, tags and aliases."""

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; versions, tags and aliases follow."""

    def update_registered_model(self, name: str, description: str) -> RegisteredModel:
        """Describe a registered model anew."""

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions."""

    def set_registered_model_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags of a registered model, all or none."""

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag off a registered model; one that is not there is no error."""

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version; it may have named another before."""

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away; one that is not there is no error."""

    def create_model_version(self, new: NewModelVersion) -> ModelVersion:
        """Make the next version of a registered model, with the digest and the provenance of its files."""

    def known_source(self, new: NewModelVersion) -> KnownSource:
        """Check the source of a version that is to be made in another store, and say what is known of it."""

    def source_place(self, source: str) -> str:
        """Give the path or URI where the files behind the source of a version lie."""

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Give a version of a registered model."""

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Give the version that an alias names; ``latest`` is the one of the highest number."""

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> Sequence[ModelVersion]:
        """Give the newest version of each of these stages, or of all."""

    def update_model_version(self, name: str, version: str, description: str) -> ModelVersion:
        """Describe a version anew."""

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, *, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to a stage, and on request those that are there to Archived."""

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version and the aliases that name it; its number is not given again."""

    def note_model_version(self, model_id: str, name: str, version: str) -> None:
        """Note on a logged model that a version was made of it; one that is not there is no error."""

    def model_version_source(self, name: str, version: str) -> str:
        """Give the source behind a version that is no version itself."""

    def model_version_place(self, name: str, version: str) -> str:
        """Give the path or URI where a version's files lie."""

    def set_model_version_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, all or none."""

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Take a tag off a version; one that is not there is no error."""

    def search_registered_models(self, wanted: Search) -> Page[RegisteredModel]:
        """Give one page of the registered models that match."""

    def search_model_versions(self, wanted: Search) -> Page[ModelVersion]:
        """Give one page of the model versions that match."""

    def search_logged_models(self, wanted: Search) -> Page[LoggedModel]:
        """Give one page of the logged models that match."""
