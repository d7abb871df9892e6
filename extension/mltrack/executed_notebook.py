"""A run's snapshot as a notebook document (nbformat 4.5): what ran, in the order of its file where that is known.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html. Each cell's ``metadata.mltrack`` says how it
stands: ``state`` is ``executed``, ``not_executed`` (in the file, but not run by this kernel) or ``deleted`` (run, and
deleted by then); ``source_in_file`` is ``same``, ``older`` when the file was saved before what ran, or ``missing``;
``outputs_in_file`` is ``same`` or ``older``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import NotFoundError
from mltrack.provenance import observed
from mltrack.settings import get_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.store.notebooks import Execution, Snapshot

Cell = dict[str, Any]
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def load_notebook(run_id: str, *, in_file_order: bool = True) -> dict[str, Any]:
    """Give the notebook as a run had executed it, as a document that nbformat 4.5 accepts.

    Parameters
    ----------
    run_id
        The run's whole id.
    in_file_order
        Put the cells in the file's order with its markdown, where the file was known. Otherwise, and with False,
        every execution is a cell, in the order they ran.

    Raises
    ------
    NotFoundError
        When there is no such run, or it has no snapshot.
    """
    snapshot = get_store().load_snapshot(run_id)
    if snapshot is None:
        raise NotFoundError(f"Run {run_id} has no notebook: it was made without one, or with --no-snapshot.")
    return as_notebook(snapshot, run_id, in_file_order=in_file_order)


def as_notebook(snapshot: Snapshot, run_id: str, *, in_file_order: bool = True) -> dict[str, Any]:
    """Make the notebook document of a snapshot; see ``load_notebook``."""
    manifest = json.loads(snapshot.manifest) if snapshot.manifest and in_file_order else None
    metadata = dict(manifest["metadata"]) if manifest else {}
    metadata.setdefault("language_info", json.loads(snapshot.session.language_info) or {"name": "python"})
    metadata["mltrack"] = {
        "run_id": run_id,
        "how": snapshot.how,
        "path": (manifest or {}).get("path") or snapshot.session.notebook_path,
        "taken_at": snapshot.executions[-1].ended_at if snapshot.executions else None,
    }
    cells = _merged(snapshot, manifest) if manifest else [_executed_cell(each) for each in snapshot.executions]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": _with_ids(cells)}


def _executed_cell(execution: Execution) -> Cell:
    kept = json.loads(execution.metadata)
    kept.pop(observed.INSIDE, None)
    kept.pop(observed.KEY, None)  # it is about the run, and long; a notebook need not have it
    mark: dict[str, Any] = {"state": "executed", "seq": execution.seq, "status": execution.status, **kept}
    return {
        "cell_type": "code",
        "id": f"execution-{execution.seq}",
        "metadata": {"mltrack": mark},
        "source": execution.source,
        "outputs": json.loads(execution.outputs),
        "execution_count": execution.execution_count,
    }


def _merged(snapshot: Snapshot, manifest: Mapping[str, Any]) -> list[Cell]:
    """Put what ran into the file's cells; what ran and is not in the file, being deleted or not saved yet, follows."""
    pending = dict(_last_executions(snapshot.executions))
    matched = _match(manifest["cells"], pending, snapshot.texts)
    cells = []
    for number, entry in enumerate(manifest["cells"]):
        execution = matched.get(number)
        cells.append(_file_cell(entry, execution, snapshot.texts, saved_at=manifest.get("saved_at")))
        if execution is not None:
            pending.pop(_key(execution), None)
    deleted = {cell for each in snapshot.executions for cell in json.loads(each.metadata).get("deleted_cells", ())}
    for execution in pending.values():
        cell = _executed_cell(execution)
        mark = cell["metadata"]["mltrack"]
        mark["source_in_file"] = "missing"
        if execution.cell_id in deleted:
            mark["state"] = "deleted"
        cells.append(cell)
    return cells


def _key(execution: Execution) -> str:
    return execution.cell_id or f"source {execution.source}"


def _last_executions(executions: Iterable[Execution]) -> Iterable[tuple[str, Execution]]:
    """Give each cell's last execution, in order; cells without ids are told apart by their source."""
    last: dict[str, Execution] = {}
    for execution in executions:
        last.pop(_key(execution), None)
        last[_key(execution)] = execution
    return last.items()


def _match(
    entries: Sequence[Mapping[str, Any]], last: Mapping[str, Execution], texts: Mapping[str, str]
) -> dict[int, Execution]:
    """Say which execution each cell of the file had: by cell id, else by equal source (hosts whose ids differ)."""
    found: dict[int, Execution] = {}
    taken: set[int] = set()
    for number, entry in enumerate(entries):
        execution = last.get(str(entry.get("id"))) if entry["type"] == "code" else None
        if execution is not None and execution.seq not in taken:  # a file may hold one id twice
            found[number] = execution
            taken.add(execution.seq)
    by_source = {each.source: each for each in last.values() if each.seq not in taken}
    for number, entry in enumerate(entries):
        if entry["type"] == "code" and number not in found:
            execution = by_source.pop(texts.get(entry["source"], ""), None)
            if execution is not None:
                found[number] = execution
    return found


def _file_cell(
    entry: Mapping[str, Any], execution: Execution | None, texts: Mapping[str, str], *, saved_at: int | None = None
) -> Cell:
    saved = texts.get(entry["source"], "")
    metadata = dict(entry.get("metadata") or {})
    cell: Cell = {"cell_type": entry["type"], "metadata": metadata, "source": saved}
    if entry.get("id"):
        cell["id"] = entry["id"]
    if entry["type"] not in ("code", "markdown", "raw"):
        cell["cell_type"] = "raw"
    if entry["type"] != "code":
        return cell
    if execution is None:
        metadata["mltrack"] = {"state": "not_executed"}
        cell["outputs"] = json.loads(texts.get(entry.get("outputs", ""), "[]"))
        cell["execution_count"] = entry.get("count")
        return cell
    ran = _executed_cell(execution)
    mark = ran["metadata"]["mltrack"]
    mark["source_in_file"] = "same" if saved == execution.source else "older"
    # Each kernel counts from 1: an equal count in a file that was saved before is that of an earlier kernel.
    is_newer = saved_at is None or saved_at >= (execution.ended_at or execution.started_at)
    mark["outputs_in_file"] = "same" if is_newer and entry.get("count") == execution.execution_count else "older"
    return {**ran, "id": entry.get("id", ran["id"]), "metadata": {**metadata, "mltrack": mark}}


def _with_ids(cells: list[Cell]) -> list[Cell]:
    """Give every cell a valid id that no other has."""
    used: set[str] = set()
    for number, cell in enumerate(cells):
        name = str(cell.get("id") or "")
        if not _CELL_ID.fullmatch(name) or name in used:
            name = f"cell-{number}"
            while name in used:
                name += "-"
        used.add(name)
        cell["id"] = name
    return cells
