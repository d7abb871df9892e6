"""Chart panels in a real JupyterLab: from running the cell until a chart is drawn, from a drag until runs are chosen.

Run with ``python -m tests.bench.bench_charts_panel``; the stores are made at the first call and kept in the temporary
folder. Altair is not needed to draw, so whether it was imported before makes no difference.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.long_series import long_series
from tests.bench.many_runs import many_runs
from tests.bench.table import Row, print_table, sizes
from tests.browser.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import WebSocket

CURVES = (
    "%load_ext mltrack\nfrom mltrack_widgets.panels.curves import curves",
    "panel = curves(); panel",
    "again = curves(); again",
)
SCATTER = (
    "%load_ext mltrack\nfrom mltrack_widgets.panels.scatter import ScatterPanel, run_set",
    "panel = ScatterPanel(run_set(everywhere=True), names=('p12', 'm1')); panel",
    "again = ScatterPanel(run_set(everywhere=True), names=('p11', 'm2')); again",
)
# Milliseconds from running a cell until its chart is painted.
DRAW = """async index => {
  const notebook = notebookPanel().content;
  notebook.activeCellIndex = index;
  const begun = performance.now();
  jupyterapp.commands.execute('notebook:run-cell');
  const cell = notebook.widgets[index].node;
  while (!cell.querySelector('.mt-panel[data-drawn] canvas')) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""
# Milliseconds until a panel's words change.
CHANGED = """async ([index, before]) => {
  const begun = performance.now();
  const words = notebookPanel().content.widgets[index].node.querySelector('.mt-words');
  while (words.textContent === before) await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""


class Traffic:
    """Counts what the page receives from kernels."""

    def __init__(self, lab: Lab) -> None:
        self.bytes = 0
        lab.page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._count)

    def _count(self, payload: str | bytes) -> None:
        self.bytes += len(payload)


@contextmanager
def started(store: Path, cells: tuple[str, ...]) -> Iterator[tuple[Lab, Traffic]]:
    """Open a notebook beside a copy of a store."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = Lab.start(Path(folder))
        try:
            traffic = Traffic(lab)
            shutil.copy(store, lab.folder / "mltrack.db")
            lab.open(lab.write_notebook("bench.ipynb", cells))
            lab.run_cell(0)
            yield lab, traffic
        finally:
            lab.close()


def draw(lab: Lab, index: int) -> float:
    """Run a cell and give the milliseconds until its chart is painted."""
    return float(lab.page.evaluate(DRAW, index))


def drawn(store: Path, cells: tuple[str, ...]) -> tuple[float, float, float]:
    """Give the milliseconds until the first chart of a kernel is drawn, those of the next, and the kB that took."""
    with started(store, cells) as (lab, traffic):
        first = draw(lab, 1)
        lab.page.wait_for_timeout(4_000)  # the picture that stays is made meanwhile
        before = traffic.bytes
        second = draw(lab, 2)
        return first, second, (traffic.bytes - before) / 1_000


def brushed(store: Path) -> float:
    """Give the milliseconds from the end of a drag over points until the page says which runs the kernel has chosen."""
    with started(store, SCATTER) as (lab, _):
        draw(lab, 1)
        lab.page.wait_for_timeout(4_000)  # until nothing else is under way
        found = lab.cell_output(1).locator(".mt-panel")
        place = found.locator("canvas").bounding_box()
        assert place is not None
        before = found.locator(".mt-words").text_content()
        mouse = lab.page.mouse
        mouse.move(place["x"] + 100, place["y"] + 80)
        mouse.down()
        mouse.move(place["x"] + 200, place["y"] + 160)
        mouse.up()
        return float(lab.page.evaluate(CHANGED, [1, before]))


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, runs=10, points=1_000_000, scatter=10_000, rounds=3)
    series, runs = long_series(chosen.runs, chosen.points), many_runs(chosen.scatter)
    curves = [drawn(series, CURVES) for _ in range(chosen.rounds)]
    points = [drawn(runs, SCATTER) for _ in range(chosen.rounds)]
    drags = [brushed(runs) for _ in range(chosen.rounds)]

    def row(what: str, values: list[float], unit: str, goal: str) -> Row:
        return Row(what, statistics.median(values), unit, None, goal)

    lines, many = f"{chosen.runs} x {chosen.points:,} points", f"{chosen.scatter:,} runs"
    rows = [
        row(f"curves of {lines}, the kernel's first panel", [each[0] for each in curves], "ms", "goal: 1500 ms"),
        row(f"curves of {lines}, the next", [each[1] for each in curves], "ms", "goal: 1500 ms"),
        row(f"curves of {lines}: received by the page", [each[2] for each in curves], "kB", "goal: 400 kB"),
        row(f"scatter of {many}, the kernel's first panel", [each[0] for each in points], "ms", "goal: 1500 ms"),
        row(f"scatter of {many}, the next", [each[1] for each in points], "ms", "goal: 1500 ms"),
        row(f"scatter of {many}: received by the page", [each[2] for each in points], "kB", "goal: 400 kB"),
        row(f"scatter of {many}: drag until runs are chosen", drags, "ms", "goal: 300 ms"),
    ]
    print_table(f"chart panels, medians of {chosen.rounds} rounds", rows)


if __name__ == "__main__":
    main()
