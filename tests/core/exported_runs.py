"""Runs as a notebook would leave them, made without a kernel: cells are run here, and kept with what was captured."""

from __future__ import annotations

import json
import runpy
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

from mltrack.entities import Metric, Param, RunTag
from mltrack.masking import mask_text
from mltrack.provenance.cell_names import plan_cell
from mltrack.provenance.observed import KEY
from mltrack.provenance.slice import Step
from mltrack.provenance.transforms import parse_cell
from mltrack.provenance.typed_cells import TypedCell
from mltrack.rerunning.seals import set_seal
from mltrack.settings import get_store
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun, RunChange
from mltrack_magics.capture import take_after, take_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from mltrack.entities import CapturedName, Run

SECRET = "sk-proj-" + "aB3dE5gH7jK9mN1pQ3sT5vW7"
FILES = {
    *("MLproject", "README.md", "conda.yaml", "expected.json", "git.json", "inputs.json", "main.ipynb", "main.py"),
    *("python_env.yaml", "requirements-all.txt", "requirements.txt"),
}
PYTHON = {"version": "3.11.7", "implementation": "CPython"}
PACKAGES = {"scikit-learn": "1.5.2", "numpy": "2.1.3", "pandas": "2.2.3", "pip": "24.0", "jupyter-mltrack": "0.1"}


def tracked(
    *cells: str,
    name: str = "a run",
    status: str = "FINISHED",
    packages: Mapping[str, str] | None = PACKAGES,
    tags: Mapping[str, str] | None = None,
    statuses: Mapping[int, str] | None = None,
    files: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
    file_cells: Sequence[tuple[str, str]] = (),
    path: str | None = None,
    runs: bool = True,
    seed: Mapping[str, Any] | None = None,
) -> str:
    """Run cells one after the other, the last of them as a tracked one, and give its run's id.

    ``statuses`` are those of cells that were not run, by number from 1; ``files`` what cells opened; ``file_cells`` the
    cells of the notebook's file, as (type, source); ``seed`` is what cells that are not run left.
    """
    store = get_store()
    info = store.create_run(NewRun("0", name, 1, tags=tuple(RunTag(key, value) for key, value in (tags or {}).items())))
    namespace: dict[str, Any] = {"get_ipython": MagicMock(), "__name__": "__main__", **(seed or {})}
    statuses = statuses or {}
    for number, cell in enumerate(cells[:-1], 1):
        if runs and statuses.get(number, "ok") == "ok":
            exec(compile(parse_cell(cell).python, "cell", "exec"), namespace)
    captured = _run_last(info.run_id, cells[-1], namespace) if runs else []
    store.record_captured(info.run_id, captured)
    store.save_snapshot(info.run_id, _snapshot(info.run_id, cells, statuses, files or {}, file_cells, path))
    ran = [(number, Blob.of(mask_text(cell)).digest, Blob.of("[]").digest) for number, cell in enumerate(cells, 1)]
    set_seal(store, info.run_id, ran)
    if packages is not None:
        store.set_environment(info.run_id, {"python": PYTHON, "packages": dict(packages)})
    store.update_run(info.run_id, RunChange(status=status, end_time=2))
    return info.run_id


def _run_last(run_id: str, cell: str, namespace: dict[str, Any]) -> list[CapturedName]:
    typed = TypedCell(Step(0, None, mask_text(cell), parse_cell(cell).python))
    plan = plan_cell(typed.python)
    before = take_before(plan, namespace)
    exec(compile(typed.python, "cell", "exec"), namespace)
    found = take_after(plan, before, namespace)
    get_store().log_batch(
        run_id,
        params=[Param(each.name, mask_text(str(each.value))) for each in found.params],
        metrics=[Metric(each.name, each.value, 1, 0) for each in found.metrics],  # type: ignore[arg-type]
    )
    return [each.where for each in (*found.params, *found.metrics)]


def _snapshot(
    run_id: str,
    cells: Sequence[str],
    statuses: Mapping[int, str],
    files: Mapping[int, Sequence[Mapping[str, Any]]],
    file_cells: Sequence[tuple[str, str]],
    path: str | None,
) -> SnapshotWrite:
    executions = [
        ExecutionWrite(
            number,
            Blob.of(mask_text(source)),
            1,
            f"c{number}",
            status=statuses.get(number, "ok"),
            metadata=json.dumps({KEY: {"files": [*files[number]]}} if number in files else {}),
            outputs=Blob.of("[]"),
        )
        for number, source in enumerate(cells, 1)
    ]
    blobs = tuple(Blob.of(source) for _, source in file_cells)
    entries = [{"type": kind, "source": blob.digest.hex()} for (kind, _), blob in zip(file_cells, blobs, strict=True)]
    manifest = Blob.of(json.dumps({"cells": entries, "metadata": {}, "path": path})) if file_cells else None
    session = Session(run_id, 1, notebook_path=path)
    return SnapshotWrite(session, len(cells), "key", "how", executions, manifest, blobs)


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def texts_of(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*")) if path.is_file())


def document(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def run_script(folder: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the script in this process, and give the run that it made."""
    before = get_store().count_runs()
    monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    runpy.run_path("main.py", run_name="__main__")
    assert get_store().count_runs() > before, "the script made no run"
    return get_store().search_runs(Search(("0",), max_results=1)).rows[0]
