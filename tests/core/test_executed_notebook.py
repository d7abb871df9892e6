"""Snapshots as notebooks: the file's order, what ran and what did not, and that nbformat accepts every one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

import mltrack
from mltrack.exceptions import NotFoundError
from mltrack.executed_notebook import load_notebook
from mltrack.settings import get_store
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite

if TYPE_CHECKING:
    from collections.abc import Sequence

STREAM = [{"output_type": "stream", "name": "stdout", "text": "shown\n"}]
SESSION = Session("s" * 32, 1, "kernel", "live/path.ipynb", json.dumps({"name": "python", "version": "3.11"}))


def ran(seq: int, source: str, cell: str | None = None, outputs: Sequence[Any] = (), **rest: Any) -> ExecutionWrite:
    fields = {"execution_count": seq, "ended_at": seq + 100, "status": "ok", **rest}
    return ExecutionWrite(seq, Blob.of(source), seq, cell, outputs=Blob.of(json.dumps(list(outputs))), **fields)


class Manifest:
    """A notebook file's cells as a snapshot keeps them."""

    def __init__(self, **metadata: Any) -> None:
        self.cells: list[dict[str, Any]] = []
        self.blobs: list[Blob] = []
        self.metadata = metadata

    def _keep(self, text: str) -> str:
        self.blobs.append(Blob.of(text))
        return self.blobs[-1].digest.hex()

    def add(self, kind: str, source: str, cell: Any = None, **rest: Any) -> Manifest:
        entry: dict[str, Any] = {"type": kind, "source": self._keep(source), **rest}
        if cell is not None:
            entry["id"] = cell
        if "outputs" in rest:
            entry["outputs"] = self._keep(json.dumps(rest["outputs"]))
        self.cells.append(entry)
        return self

    def text(self) -> Blob:
        return Blob.of(json.dumps({"path": "saved/path.ipynb", "metadata": self.metadata, "cells": self.cells}))


def snapshot(executions: Sequence[ExecutionWrite], manifest: Manifest | None = None) -> str:
    """Keep a snapshot for a new run and give the run's id."""
    with mltrack.start_run() as run:
        pass
    blobs = manifest.blobs if manifest else []
    text = manifest.text() if manifest else None
    last = max((each.seq for each in executions), default=0)
    get_store().save_snapshot(
        run.info.run_id, SnapshotWrite(SESSION, last, "key", "tap", executions, text, manifest_blobs=blobs)
    )
    return run.info.run_id


def notebook(run_id: str, *, in_file_order: bool = True) -> dict[str, Any]:
    document = load_notebook(run_id, in_file_order=in_file_order)
    nbformat.validate(nbformat.from_dict(document))
    return document


def states(document: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(cell["source"], cell["metadata"].get("mltrack", {}).get("state")) for cell in document["cells"]]


def test_without_a_file_the_cells_are_in_the_order_they_ran() -> None:
    run_id = snapshot([ran(1, "a"), ran(2, "b", "x", STREAM), ran(3, "a", metadata='{"tag": 1}')])
    document = notebook(run_id)
    assert states(document) == [("a", "executed"), ("b", "executed"), ("a", "executed")]
    assert document["cells"][1]["outputs"] == STREAM
    assert [cell["execution_count"] for cell in document["cells"]] == [1, 2, 3]
    assert document["cells"][2]["metadata"]["mltrack"] == {"state": "executed", "seq": 3, "status": "ok", "tag": 1}
    assert document["metadata"]["language_info"] == {"name": "python", "version": "3.11"}
    assert document["metadata"]["mltrack"] == {
        "run_id": run_id,
        "how": "tap",
        "path": "live/path.ipynb",
        "taken_at": 103,
    }


def test_with_a_file_the_cells_are_in_its_order_with_its_text() -> None:
    manifest = Manifest(kernelspec={"name": "python3", "display_name": "Python 3"})
    manifest.add("markdown", "# Title", "t").add("code", "b", "two", count=1).add("raw", "raw", "r")
    manifest.add("code", "a", "one", count=2, metadata={"tags": ["keep"]})
    document = notebook(snapshot([ran(1, "b", "two"), ran(2, "a", "one", STREAM)], manifest))
    assert states(document) == [("# Title", None), ("b", "executed"), ("raw", None), ("a", "executed")]
    assert [cell["id"] for cell in document["cells"]] == ["t", "two", "r", "one"]
    assert document["cells"][3]["metadata"]["tags"] == ["keep"]
    assert document["cells"][3]["outputs"] == STREAM
    assert document["metadata"]["kernelspec"]["name"] == "python3"
    assert document["metadata"]["mltrack"]["path"] == "saved/path.ipynb"


def test_the_order_they_ran_can_be_asked_for() -> None:
    manifest = Manifest().add("markdown", "# Title", "t").add("code", "b", "two").add("code", "a", "one")
    run_id = snapshot([ran(1, "a", "one"), ran(2, "b", "two"), ran(3, "a", "one")], manifest)
    assert [source for source, _ in states(notebook(run_id, in_file_order=False))] == ["a", "b", "a"]


def test_a_cell_is_as_it_last_ran() -> None:
    manifest = Manifest().add("code", "new", "one", count=3)
    document = notebook(snapshot([ran(1, "old", "one"), ran(2, "new", "one", STREAM)], manifest))
    (cell,) = document["cells"]
    assert (cell["source"], cell["outputs"], cell["execution_count"]) == ("new", STREAM, 2)
    assert cell["metadata"]["mltrack"]["seq"] == 2


@pytest.mark.parametrize(
    ("in_file", "count", "source", "outputs"),
    [("a", 1, "same", "same"), ("edited", 1, "older", "same"), ("a", None, "same", "older"), ("a", 9, "same", "older")],
)
def test_what_the_file_has_is_told_from_what_ran(in_file: str, count: int | None, source: str, outputs: str) -> None:
    manifest = Manifest().add("code", in_file, "one", count=count)
    (cell,) = notebook(snapshot([ran(1, "a", "one")], manifest))["cells"]
    assert cell["source"] == "a"
    mark = cell["metadata"]["mltrack"]
    assert (mark["source_in_file"], mark["outputs_in_file"]) == (source, outputs)


def test_cells_that_did_not_run_keep_what_the_file_shows() -> None:
    manifest = Manifest().add("code", "a", "one", count=7, outputs=STREAM).add("code", "b", "two").add("code", "c", "x")
    document = notebook(snapshot([ran(1, "c", "x")], manifest))
    assert states(document) == [("a", "not_executed"), ("b", "not_executed"), ("c", "executed")]
    assert (document["cells"][0]["outputs"], document["cells"][0]["execution_count"]) == (STREAM, 7)
    assert (document["cells"][1]["outputs"], document["cells"][1]["execution_count"]) == ([], None)


def test_cells_that_are_not_in_the_file_follow_at_the_end() -> None:
    manifest = Manifest().add("code", "b", "two", count=2).add("markdown", "end", "m")
    deleting = ran(4, "b", "two", metadata='{"deleted_cells": ["one"]}')
    executions = [ran(1, "a", "one", STREAM), ran(2, "b", "two"), ran(3, "c", "not-saved-yet"), deleting]
    document = notebook(snapshot(executions, manifest))
    assert states(document) == [("b", "executed"), ("end", None), ("a", "deleted"), ("c", "executed")]
    assert document["cells"][2]["outputs"] == STREAM
    assert {cell["metadata"]["mltrack"]["source_in_file"] for cell in document["cells"][2:]} == {"missing"}


def test_hosts_without_cell_ids_are_matched_by_source() -> None:
    manifest = Manifest().add("markdown", "m").add("code", "b").add("code", "a").add("code", "a")
    document = notebook(snapshot([ran(1, "a"), ran(2, "b"), ran(3, "a")], manifest))
    assert states(document) == [("m", None), ("b", "executed"), ("a", "executed"), ("a", "not_executed")]


def test_hosts_whose_ids_differ_from_the_files_are_matched_by_source() -> None:
    manifest = Manifest().add("code", "a", "file-1").add("code", "b", "file-2")
    document = notebook(snapshot([ran(1, "b", "host-2"), ran(2, "gone", "host-3")], manifest))
    assert states(document) == [("a", "not_executed"), ("b", "executed"), ("gone", "executed")]
    assert [cell["id"] for cell in document["cells"][:2]] == ["file-1", "file-2"]


def test_a_match_by_id_goes_before_one_by_source() -> None:
    manifest = Manifest().add("code", "same", "one").add("code", "same", "two")
    document = notebook(snapshot([ran(1, "same", "two", STREAM)], manifest))
    assert states(document) == [("same", "not_executed"), ("same", "executed")]


def test_an_id_that_the_file_has_twice_is_one_execution() -> None:
    manifest = Manifest().add("code", "a", "twin", count=1).add("code", "b", "twin").add("markdown", "m", "twin")
    document = notebook(snapshot([ran(1, "a", "twin", STREAM)], manifest))
    assert states(document) == [("a", "executed"), ("b", "not_executed"), ("m", None)]
    ids = [cell["id"] for cell in document["cells"]]
    assert ids[0] == "twin"
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "cell", ["", "a b", "x" * 65, "ü", "<script>", "a\n", 7, ["a"]], ids=lambda value: repr(value)[:12]
)
def test_ids_that_nbformat_refuses_are_replaced(cell: Any) -> None:
    manifest = Manifest().add("code", "a", cell).add("markdown", "m", cell).add("code", "b", "cell-0")
    executed = [ran(1, "a", cell if isinstance(cell, str) else None), ran(2, "c", "cell-1")]
    document = notebook(snapshot(executed, manifest))
    assert len({each["id"] for each in document["cells"]}) == 4
    assert states(document)[0] == ("a", "executed")


def test_cells_of_an_unknown_kind_become_raw() -> None:
    document = notebook(snapshot([ran(1, "a")], Manifest().add("heading", "old", "h")))
    assert [cell["cell_type"] for cell in document["cells"]] == ["raw", "code"]


@pytest.mark.parametrize("status", ["error", "interrupted", "running"])
def test_how_an_execution_ended(status: str) -> None:
    error = [{"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": ["line"]}]
    (cell,) = notebook(snapshot([ran(1, "a", "one", error, status=status, execution_count=None)]))["cells"]
    assert cell["metadata"]["mltrack"]["status"] == status
    assert cell["outputs"] == error


def test_an_empty_notebook() -> None:
    assert notebook(snapshot([]))["cells"] == []
    assert notebook(snapshot([]))["metadata"]["mltrack"]["taken_at"] is None
    assert notebook(snapshot([], Manifest()))["cells"] == []


def test_a_run_without_a_notebook() -> None:
    with mltrack.start_run() as run:
        pass
    with pytest.raises(NotFoundError, match="has no notebook"):
        load_notebook(run.info.run_id)
    with pytest.raises(NotFoundError, match="no run"):
        load_notebook("f" * 32)
