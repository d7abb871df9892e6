"""MLflow's model registry over an mltrack store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlflow.store.entities import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore

from mltrack.mlflow_plugin import shapes
from mltrack.mlflow_plugin.opened import in_mlflows_words, opened
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Sequence


@in_mlflows_words
class MltrackRegistryStore(AbstractStore):  # type: ignore[misc]
    """The registered models of an mltrack store as MLflow's server and client use them."""

    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._store = opened(str(store_uri))

    def create_registered_model(
        self, name: str, tags: Any = None, description: str | None = None, deployment_job_id: str | None = None
    ) -> Any:
        """Make a registered model."""
        del deployment_job_id
        made = self._store.create_registered_model(name, tags=shapes.pairs(tags), description=description or "")
        return shapes.registered_model(made)

    def update_registered_model(self, name: str, description: str, deployment_job_id: str | None = None) -> Any:
        """Describe a registered model anew."""
        del deployment_job_id
        return shapes.registered_model(self._store.update_registered_model(name, description or ""))

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        """Give a registered model another name."""
        return shapes.registered_model(self._store.rename_registered_model(name, new_name))

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions."""
        self._store.delete_registered_model(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """Give one page of the registered models that match."""
        wanted = Search((), filter_string or None, tuple(order_by or ()), max_results=max_results or 100)
        found = self._store.search_registered_models(_paged(wanted, page_token))
        return shapes.page(found, shapes.registered_model)

    def get_registered_model(self, name: str) -> Any:
        """Give a registered model."""
        return shapes.registered_model(self._store.get_registered_model(name))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[Any]:
        """Give the newest version of each of these stages, or of all."""
        return [shapes.version(each) for each in self._store.get_latest_versions(name, stages or None)]

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag of a registered model."""
        self._store.set_registered_model_tags(name, {tag.key: str(tag.value)})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag off a registered model."""
        self._store.delete_registered_model_tag(name, key)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> Any:
        """Make the next version of a registered model."""
        del local_model_path
        new = NewModelVersion(
            name, source, run_id or None, model_id or None, description or "", run_link or "", shapes.pairs(tags)
        )
        return shapes.version(self._store.create_model_version(new))

    def update_model_version(self, name: str, version: str, description: str | None = None) -> Any:
        """Describe a version anew."""
        return shapes.version(self._store.update_model_version(name, str(version), description or ""))

    def transition_model_version_stage(
        self,
        name: str,
        version: str,
        stage: str,
        archive_existing_versions: bool,  # noqa: FBT001 - MLflow's signature
    ) -> Any:
        """Move a version to a stage."""
        moved = self._store.transition_model_version_stage(
            name, str(version), stage, archive_existing_versions=archive_existing_versions
        )
        return shapes.version(moved)

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version."""
        self._store.delete_model_version(name, str(version))

    def get_model_version(self, name: str, version: str) -> Any:
        """Give a version."""
        return shapes.version(self._store.get_model_version(name, str(version)))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Give where a version's files lie."""
        return self._store.model_version_place(name, str(version))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """Give one page of the versions that match."""
        wanted = Search((), filter_string or None, tuple(order_by or ()), max_results=max_results or 10_000)
        return shapes.page(self._store.search_model_versions(_paged(wanted, page_token)), shapes.version)

    def set_model_version_tag(self, name: str, version: str, tag: Any) -> None:
        """Set a tag of a version."""
        self._store.set_model_version_tags(name, str(version), {tag.key: str(tag.value)})

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Take a tag off a version."""
        self._store.delete_model_version_tag(name, str(version), key)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version."""
        self._store.set_registered_model_alias(name, alias, str(version))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away."""
        self._store.delete_registered_model_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        """Give the version that an alias names."""
        return shapes.version(self._store.get_model_version_by_alias(name, alias))

    # What an mltrack store has none of: MLflow's server asks at every change of the registry whom to tell

    def list_webhooks(self, *arguments: Any, **options: Any) -> PagedList:
        """Give no webhooks."""
        del arguments, options
        return PagedList([], None)

    def list_webhooks_by_event(self, *arguments: Any, **options: Any) -> PagedList:
        """Give no webhooks."""
        del arguments, options
        return PagedList([], None)


def _paged(wanted: Search, token: str | None) -> Search:
    return replace(wanted, page_token=token or None)
