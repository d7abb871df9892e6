"""Reads the model registry of MLflow's file store: ``mlruns/models``.

Source: ``mlflow.store.model_registry.file_store`` of MLflow 3.17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.importers.foreign_files import as_integer, as_text, names, read_pairs
from mltrack.store.foreign import ForeignRegisteredModel, ForeignVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    ReadMeta = Callable[[Path, str], dict[str, Any] | None]

REGISTRY, VERSION = "models", "version-"
DAMAGED = "registered models and versions whose meta.yaml is missing or damaged"


def read_registry(root: Path, read_meta: ReadMeta) -> Iterator[ForeignRegisteredModel]:
    """Give the registered models below ``root``; ``read_meta`` reads a folder's meta.yaml, or counts it."""
    for name in names(root):
        folder = root / name
        meta = read_meta(folder, DAMAGED)
        if meta is None:
            continue
        yield ForeignRegisteredModel(
            as_text(meta.get("name")) or name,
            as_text(meta.get("description")),
            *_times(meta),
            read_pairs(folder / "tags"),
            [(alias, as_integer(text) or 0) for alias, text in read_pairs(folder / "aliases")],
            sorted(_versions(folder, read_meta), key=lambda version: version.version),
        )


def _versions(folder: Path, read_meta: ReadMeta) -> Iterator[ForeignVersion]:
    for name in names(folder):
        number = as_integer(name.removeprefix(VERSION)) if name.startswith(VERSION) else None
        meta = read_meta(folder / name, DAMAGED) if number is not None and number > 0 else None
        if number is not None and meta is not None and as_text(meta.get("current_stage")) != "Deleted_Internal":
            yield _version(folder / name, number, meta)


def _version(folder: Path, number: int, meta: Mapping[str, Any]) -> ForeignVersion:
    created, updated = _times(meta)
    return ForeignVersion(
        number,
        as_text(meta.get("description")),
        as_text(meta.get("user_id")),
        as_text(meta.get("current_stage")) or "None",
        as_text(meta.get("source")),
        as_text(meta.get("run_id")),
        as_text(meta.get("status")) or "READY",
        as_text(meta.get("status_message")),
        as_text(meta.get("run_link")),
        created,
        updated,
        read_pairs(folder / "tags"),
        as_text(meta.get("model_id")) or None,
    )


def _times(meta: Mapping[str, Any]) -> tuple[int, int]:
    created = as_integer(meta.get("creation_timestamp")) or 0
    return created, as_integer(meta.get("last_updated_timestamp")) or created
