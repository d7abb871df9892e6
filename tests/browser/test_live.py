"""A live panel in a real JupyterLab: curves that grow while the cell runs, progress, and what stays afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.browser.holding import held
from tests.browser.lab import wait_until_still, width_of_picture

if TYPE_CHECKING:
    from tests.browser.lab import Lab

LOOP = """%%track_run '<img src=x onerror=alert(1)> digits' --live
import math, time, mltrack
for step in mltrack.live(range({steps})):
    values = {{"loss": 3 * math.exp(-step / 40), "accuracy": 1 - math.exp(-step / 60), "lr": 10 ** (-step / 50)}}
    mltrack.log_metrics({{**values, "validation/" + "x" * 40: math.sin(step / 9)}}, step=step)
    if step == 60:
        {begun}
    if step == 150:
        {grown}
    time.sleep(0.02)"""
EMPTY = f"%%track_run without --live --quiet\n{held('empty-is-seen')}"
# A thread that was told to end may need a moment.
THREADS = """import threading, time
count = lambda: [each.name for each in threading.enumerate()].count('mltrack-live')
any(not count() or time.sleep(0.05) for _ in range(1200))
print(count())"""
HOLDS = {"begun": held("begin-is-seen"), "grown": held("growth-is-seen")}
# It sleeps when it is interrupted, so that this comes to the cell's own code.
ENDLESS = LOOP.format(steps=100_000, begun="time.sleep(3600)", grown="pass")
CELLS = ["%load_ext mltrack", LOOP.format(steps=200, **HOLDS), EMPTY, THREADS, ENDLESS]
CHART = "svg.mt-live-chart"
POINTS = "nodes => nodes.map(node => Number(node.dataset.points))"
# The four charts below a cell have so many points, and its bar is at so many percent.
HAVE_GROWN = """([output, points, percent]) => {
  const charts = [...output.querySelectorAll('svg.mt-live-chart')];
  const done = output.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow');
  return charts.length === 4 && charts.every(node => Number(node.dataset.points) === points) && Number(done) >= percent;
}"""


@pytest.fixture(scope="module")
def trained(lab: Lab) -> str:
    """A notebook whose second cell has trained; what was seen meanwhile is in ``SEEN``."""
    name = lab.write_notebook("live.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.run_cell(0)
    lab.begin_cell(1)
    wait_for_points(lab, 1, points=61, percent=30)  # all that was logged when the cell is held
    look(lab)
    lab.release("begin-is-seen")
    wait_for_points(lab, 1, points=151, percent=75)
    look(lab)
    lab.release("growth-is-seen")
    lab.wait_until_done(1)
    return name


def wait_for_points(lab: Lab, cell: int, *, points: int, percent: int) -> None:
    output = lab.cell_output(cell)
    output.locator(CHART).nth(3).wait_for()
    lab.page.wait_for_function(HAVE_GROWN, arg=[output.element_handle(), points, percent])


def look(lab: Lab) -> None:
    """Note in ``SEEN`` how far the panel has come."""
    output = lab.cell_output(1)
    points = output.locator(CHART).evaluate_all(POINTS)
    done = int(output.locator("[role=progressbar]").get_attribute("aria-valuenow") or 0)
    SEEN.append((points, done, output.locator(".mt-live-words").inner_text()))
    lab.screenshot(f"live-running-{len(SEEN)}", lab.cell(1))


SEEN: list[tuple[list[int], int, str]] = []


def test_curves_and_progress_grow_while_the_cell_runs(lab: Lab, trained: str) -> None:
    (before, done, words), (after, later, _) = SEEN
    assert len(before) == len(after) == 4
    assert all(0 < few < many < 200 for few, many in zip(before, after, strict=True))
    assert 0 < done < later < 100
    assert " of 200 · " in words
    assert " left" in words
    assert lab.console_errors == []
    assert lab.foreign_requests == []


def test_the_end_is_shown_in_place_and_answers_the_pointer(lab: Lab, trained: str, theme: str) -> None:
    output = lab.cell_output(1)
    output.locator(".mt-live-status", has_text="finished").wait_for()
    wait_until_still(output)
    assert output.locator(".mt-live-status").inner_text() == "finished"
    assert "step 200 of 200" in output.locator(".mt-live-words").inner_text()
    assert output.locator(CHART).count() == 4
    assert output.locator("img").count() == 0  # the drawing stands in the place of its picture
    output.locator(CHART).first.hover()
    output.locator(CHART).first.locator(".mt-live-value", has_text=re.compile("^step ")).wait_for()
    lab.screenshot(f"live-{theme}", lab.cell(1))
    lab.set_width(480)
    lab.screenshot(f"live-narrow-{theme}", lab.cell(1))
    lab.set_width(1280)


def test_a_run_without_metrics_says_what_would_be_shown(lab: Lab, trained: str) -> None:
    lab.begin_cell(2)
    lab.cell_output(2).get_by_text("Waiting for the first metric").wait_for()
    lab.screenshot("live-waiting", lab.cell(2))
    lab.release("empty-is-seen")
    lab.wait_until_done(2)
    lab.cell_output(2).get_by_text("No metric was logged").wait_for()


def test_a_cell_that_runs_again_has_one_panel(lab: Lab, trained: str) -> None:
    for _ in range(2):
        lab.begin_cell(4)
        wait_for_points(lab, 4, points=61, percent=0)
        lab.page.evaluate("() => notebookPanel().sessionContext.session.kernel.interrupt()")
        lab.wait_until_done(4)
        lab.cell_output(4).locator(".mt-live-status", has_text="killed").wait_for()
    assert lab.cell_output(4).locator(".mt-live").count() == 1
    lab.run_cell(3)
    assert lab.cell_text(3).strip() == "0"


def test_the_picture_stays_when_the_kernel_is_gone(lab: Lab, trained: str) -> None:
    lab.save()
    lab.shutdown_kernel()
    assert lab.cell_output(1).locator(CHART).count() == 4
    lab.reload(trained)
    output = lab.cell_output(1)
    assert width_of_picture(output.locator("img")) > 900
    text = output.inner_text()
    assert "<img src=x" in text
    assert "accuracy" in text
    lab.screenshot("live-reopened", lab.cell(1))
    assert lab.console_errors == []
