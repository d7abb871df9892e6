"""Logged models with files, for tests of what is made of them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from mltrack.artifacts.model_files import ModelFiles
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.sqlite import SqliteStore

FILES = {"MLmodel": b"flavors: {}\n", "model/weights.bin": b"0" * 5000}


def log_model(store: SqliteStore, run_id: str | None = None, *, name: str = "clf", experiment_id: str = "0") -> str:
    """Log a model of two files and give its id."""
    model_id = store.create_logged_model(NewLoggedModel(experiment_id, name, source_run_id=run_id)).model_id
    write_files(store, model_id, FILES)
    store.finalize_logged_model(model_id, "READY")
    return model_id


def write_files(store: SqliteStore, model_id: str, files: Mapping[str, bytes]) -> None:
    found = ModelFiles(store, model_id)
    for path, content in files.items():
        found.write_stream(safe_path(path), io.BytesIO(content), what=path)
