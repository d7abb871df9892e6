"""The run table in a real JupyterLab: from running the cell to the first row, and from a click to other rows.

Run with ``python -m tests.bench.bench_run_table``; the stores are made at the first call and kept in the temporary
folder.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.many_runs import many_runs
from tests.bench.table import Row, in_turn, print_table, sizes
from tests.browser.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable

FILTER = "metrics.m1 > 0.5 AND params.p0 = '3'"
CELLS = (
    "%load_ext mltrack",
    "%mltrack runs",
    "import sys; print('altair' in sys.modules, 'pandas' in sys.modules)",
)
# Milliseconds from running the second cell until a row is painted.
FIRST_ROW = """async () => {
  const notebook = notebookPanel().content;
  notebook.activeCellIndex = 1;
  const begun = performance.now();
  jupyterapp.commands.execute('notebook:run-cell');
  while (!document.querySelector('.mtt tbody tr')) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""
# Milliseconds from an action in the table until the kernel has answered and other rows are painted.
ACT = """async ([selector, text]) => {
  const table = document.querySelector('.mtt');
  const is_meant = each => each.matches('input') || each.textContent.startsWith(text);
  const element = [...table.querySelectorAll(selector)].find(is_meant);
  const body = table.querySelector('tbody');
  const before = body.textContent;
  const begun = performance.now();
  if (element.matches('input')) {
    element.value = text;
    element.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
  } else element.click();
  while (body.textContent === before) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""


def first_row(runs: int) -> float:
    """Give the milliseconds until the first row of so many runs is seen, in a kernel that has shown no widget yet."""
    lab = started(runs)
    try:
        lab.run_cell(0)
        took = float(lab.page.evaluate(FIRST_ROW))
        lab.run_cell(2)
        said = lab.cell_text(2).strip()
        if said != "False False":
            raise RuntimeError(f"Altair or pandas was imported for the table: {said}")
        return took
    finally:
        lab.close()


def started(runs: int) -> Lab:
    """Open a notebook beside a store of so many runs."""
    lab = Lab.start(Path(tempfile.mkdtemp()))
    shutil.copy(many_runs(runs), lab.folder / "mltrack.db")
    lab.open(lab.write_notebook("bench.ipynb", CELLS))
    return lab


def actions(lab: Lab) -> dict[str, Callable[[], float]]:
    """Name what is done in the table, in an order in which each changes the rows."""

    def act(selector: str, text: str = "") -> Callable[[], float]:
        return lambda: float(lab.page.evaluate(ACT, [selector, text]))

    return {
        "sort by a metric, descending": act("th span", "m1"),
        "sort by it, ascending": act("th span", "m1"),
        "sort as usual": act("th span", "m1"),
        "the next page": act(".mtt-foot button", "›"),
        "the page before": act(".mtt-foot button", "‹"),
        "filter by a metric and a param": act(".mtt-filter", FILTER),
        "no filter": act(".mtt-filter", ""),
        "sort by a param, ascending": act("th span", "p12"),
        "sort by it, descending": act("th span", "p12"),
        "sort as usual again": act("th span", "p12"),
    }


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, runs=100_000, first=10_000, rounds=5)
    shown = sorted(first_row(chosen.first) for _ in range(chosen.rounds))
    rows = [
        Row(f"{chosen.first} runs: cell run until the first row", shown[len(shown) // 2], "ms", None, "goal: 500 ms")
    ]
    lab = started(chosen.runs)
    try:
        lab.run_cell(0)
        lab.run_cell(1)
        lab.page.wait_for_selector(".mtt tbody tr")
        found = in_turn(actions(lab), rounds=chosen.rounds)
    finally:
        lab.close()
    rows += [Row(f"{chosen.runs} runs: {what}", took, "ms", None, "goal: 200 ms") for what, took in found.items()]
    print_table(f"the run table, medians of {chosen.rounds} rounds", rows)


if __name__ == "__main__":
    main()
