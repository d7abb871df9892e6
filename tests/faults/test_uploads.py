"""A process that is killed in the middle of a large upload leaves nothing that shows, and nothing for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.core import s3_server
from tests.faults.processes import kill, start

import mltrack
from mltrack.settings import get_store
from mltrack.store.artifacts import UNFINISHED

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tests.faults.processes import Process


def killed_upload(store: Path, place: str) -> str:
    """Kill a process once most of a file went; gives its run."""
    process: Process = start("uploaders.py", "upload", store, place)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    assert process.stdout.readline() == "half\n", process.communicate(timeout=60)[1]
    kill(process)
    return run_id


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if UNFINISHED.fullmatch(path.name)]


def test_on_this_machine_it_is_gone_when_the_store_is_next_read(tmp_path: Path) -> None:
    run_id = killed_upload(tmp_path / "mltrack.db", str(tmp_path / "files"))
    assert sum(path.stat().st_size for path in unfinished(tmp_path)) > 30_000_000
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    store = get_store()
    assert [each.path for each in mltrack.artifacts.list_artifacts(run_id=run_id, artifact_path="d")] == [
        "d/before.txt"
    ]
    assert store.get_run(run_id).info.status == "KILLED"
    assert unfinished(tmp_path) == []
    assert set(store.artifact_records(run_id)) == {"d/before.txt"}
    assert mltrack.artifacts.load_text(f"runs:/{run_id}/d/before.txt") == "whole"


def test_in_s3_it_is_gone_when_the_run_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    s3_server.client()
    run_id = killed_upload(tmp_path / "mltrack.db", f"s3://{s3_server.BUCKET}/killed")
    prefix = f"killed/{run_id}/artifacts/"
    assert s3_server.objects(prefix) == {"d/before.txt": b"whole"}
    assert s3_server.uploads() == [f"{prefix}d/big.bin"]
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    get_store().artifact_folder(run_id).delete()
    assert s3_server.objects(prefix) == {}
    assert s3_server.uploads() == []
