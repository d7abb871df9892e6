"""What the snapshots of many runs of one notebook cost: one kernel, one changed cell, the file saved between the runs.

usage, in the repository: python -m tests.bench.bench_snapshots [--runs 1000] [--cells 20]
Prints the growth of the store from the first run to the last, and the tables that grew.
"""

from __future__ import annotations

import json
import sqlite3 as with_dbstat
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench.kernel import Kernel, kernel
from tests.bench.table import Row, print_table, sizes

from mltrack.store.connection import sqlite3

SNAPSHOT_TABLES = ("blobs", "sessions", "executions", "outputs", "snapshots", "environments", "code_index")


class Notebook:
    """A notebook in a front end: its cells, the kernel that runs them, the file it is saved to."""

    def __init__(self, runner: Kernel, path: Path, cells: int) -> None:
        self.runner = runner
        self.path = path
        self.cells: list[dict[str, Any]] = [
            self._cell(f"cell-{number}", f"value_{number} = {number}\nprint('this is cell', {number})")
            for number in range(cells - 1)
        ]
        self.cells.append(self._cell("tracked", ""))
        self.count = 0

    @staticmethod
    def _cell(cell_id: str, source: str) -> dict[str, Any]:
        base: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        return {**base, "id": cell_id, "source": source}

    def run(self, number: int) -> None:
        """Run a cell as a front end does, and note what it does with the count."""
        cell = self.cells[number]
        self.runner.run(cell["source"], cell_id=cell["id"])
        self.count += 1
        cell["execution_count"] = self.count
        text = f"this is cell {number}\n"
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}]

    def change_and_run(self, number: int) -> None:
        """Edit the tracked cell, save the notebook, run the cell."""
        self.cells[-1]["source"] = (
            f"%%track_run --quiet\nlearning_rate = {number / 1000}\nfor epoch in range(3):\n"
            "    mltrack.log_metric('loss', learning_rate * epoch, step=epoch)\n"
            f"print('this is cell', {len(self.cells) - 1})"
        )
        self.save()
        self.run(len(self.cells) - 1)

    def save(self) -> None:
        """Write the file as JupyterLab does: under another name first."""
        document = {
            "cells": self.cells,
            "metadata": {"kernelspec": {"name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        draft = self.path.with_name(f".~{self.path.name}")
        draft.write_text(json.dumps(document, indent=1))
        draft.replace(self.path)


def tables_of(store: Path) -> dict[str, int]:
    """Give the bytes of each table and index, the write-ahead log moved in."""
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with closing(with_dbstat.connect(store)) as connection:  # Python's own library has it, the wheel's has not
        try:
            rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        except with_dbstat.OperationalError:
            rows = []
    return {**dict(rows), "the file": store.stat().st_size}


def wait_for_snapshots(store: Path, runs: int) -> None:
    """Wait until the background has saved them all, with the file's manifest."""
    deadline, found = time.monotonic() + 60, 0
    query = "SELECT count(*) FROM snapshots WHERE manifest_id NOTNULL"
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(store)) as connection:
            found = connection.execute(query).fetchone()[0]
        if found == runs:
            return
        time.sleep(0.05)
    raise RuntimeError(f"only {found} of {runs} runs got a snapshot with the notebook's file")


def work(notebook: Notebook, store: Path, runs: int) -> tuple[dict[str, int], dict[str, int]]:
    """Run the notebook once, then its last cell again and again; gives the tables after the first run and the last."""
    notebook.save()
    notebook.runner.run(f"%load_ext mltrack\nimport mltrack\n__vsc_ipynb_file__ = {str(notebook.path)!r}")
    notebook.count = 1
    for number in range(len(notebook.cells) - 1):
        notebook.run(number)
    notebook.change_and_run(0)
    wait_for_snapshots(store, 1)
    before = tables_of(store)
    for number in range(1, runs + 1):
        notebook.change_and_run(number)
    wait_for_snapshots(store, runs + 1)
    return before, tables_of(store)


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, runs=1000, cells=20)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "mltrack.db"
        with kernel(folder / "kernel", store) as runner:
            before, after = work(Notebook(runner, folder / "long.ipynb", chosen.cells), store, chosen.runs)
    growth = {table: size - before.get(table, 0) for table, size in after.items()}
    ours = sum(size for table, size in growth.items() if table.startswith(SNAPSHOT_TABLES))
    ours += growth.get("sqlite_autoindex_blobs_1", 0)
    rows = [
        Row("all of the snapshots' tables", ours / 1e3, "kB", goal="goal for 1,000 runs: 2,000 kB"),
        Row("a run's snapshot", ours / chosen.runs, "bytes"),
    ]
    rows += [
        Row(table, size / 1e3, "kB", size / max(1, growth["the file"]))
        for table, size in sorted(growth.items(), key=lambda item: -item[1])
        if size or table == "the file"
    ]
    print_table(f"growth over {chosen.runs} runs of a {chosen.cells}-cell notebook with one changed cell", rows)


if __name__ == "__main__":
    main()
