"""Looking at the files of a run in tests."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mltrack.settings import get_store

if TYPE_CHECKING:
    from pathlib import Path

    import mltrack


def root_of(run: mltrack.ActiveRun) -> Path:
    place = get_store().artifact_folder(run.info.run_id).local_path()
    assert place is not None
    return place


def files_of(run: mltrack.ActiveRun) -> dict[str, bytes]:
    root = root_of(run)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def check_records(run: mltrack.ActiveRun) -> None:
    """What was recorded is what is there: paths, sizes and digests."""
    rows = get_store()._database.read(  # type: ignore[attr-defined]
        lambda connection: connection.execute("SELECT path, size, digest FROM artifacts").fetchall()
    )
    found = {path: (len(content), hashlib.sha256(content).hexdigest()) for path, content in files_of(run).items()}
    assert {path: (size, digest) for path, size, digest in rows} == found
    listed = get_store().list_artifacts(run.info.run_id)
    assert [(each.path, each.file_size) for each in listed] == sorted((path, size) for path, size, _ in rows)
