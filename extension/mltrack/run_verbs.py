"""The fluent API's verbs for whole runs: find the parent, find the artifacts, delete, restore, take tags off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import LifecycleStage
from mltrack.keys import PARENT_TAG, check_key
from mltrack.settings import get_store
from mltrack.store.artifacts import safe_path
from mltrack.tracking import target_run

if TYPE_CHECKING:
    from mltrack.entities import Run


def get_parent_run(run_id: str) -> Run | None:
    """Give the run that this one is a child of, or None."""
    store = get_store()
    parent_id = store.get_run(run_id).data.tags.get(PARENT_TAG)
    return store.get_run(parent_id) if parent_id else None


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Give where the active run's artifacts lie, or where one of them does; a run is begun if there is none."""
    store, run_id = target_run()
    root = store.get_run(run_id).info.artifact_uri
    return root if artifact_path is None else f"{root}/{safe_path(artifact_path.rstrip('/'))}"


def delete_run(run_id: str) -> None:
    """Mark a run deleted; ``restore_run`` brings it back, ``gc`` removes it with its artifacts."""
    get_store().set_run_lifecycle(run_id, LifecycleStage.DELETED)


def restore_run(run_id: str) -> None:
    """Bring a deleted run back."""
    get_store().set_run_lifecycle(run_id, LifecycleStage.ACTIVE)


def delete_tag(key: str) -> None:
    """Take a tag off the active run; NotFoundError when it has none of that key."""
    store, run_id = target_run()
    store.delete_tag(run_id, check_key(key, "tag"))
