"""The dashboard in a real JupyterLab: its parts linked, its look, and what is left of it without a kernel."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import serious_faults
from tests.browser.lab import WIDE, overlapping_texts, wait_until_still
from tests.browser.run_tables import RunTablePage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
STORE = """%load_ext mltrack
import math, mltrack
mltrack.set_experiment("digits")
for place in range(20):
    with mltrack.start_run(run_name=f"run-{place}"):
        rate = 10.0 ** (place % 4 - 4)
        solver, hidden = ["adam", "sgd"][place // 10], 2 ** (place % 5 + 3)
        mltrack.log_params({"learning_rate": rate, "solver": solver, "hidden": hidden})
        for step in range(30):
            loss = math.exp(-step * rate**0.3 * (1 + hidden / 64) / 4) + 0.02
            mltrack.log_metrics({"loss": loss, "accuracy": 0.99 - 0.4 * loss - place / 1000}, step=step)
"""
SHOW = "board = mltrack.dashboard()\nboard"
ASK = "print([mltrack.get_run(each).info.run_name for each in board.selection])"
FITS = "each => each.scrollWidth <= each.clientWidth + 1"
THREE = ["run-19", "run-18", "run-17"]


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> str:
    name = lab.write_notebook("dashboard.ipynb", [STORE, SHOW, ASK])
    lab.open(name)
    lab.forget_runs()
    lab.run_cell(0)
    return name


@pytest.fixture
def board(lab: Lab, notebook: str) -> Iterator[Locator]:
    """The dashboard as it is when its cell has just run and its charts are drawn."""
    lab.run_cell(1)
    output = lab.cell_output(1)
    output.locator("[data-drawn] canvas").nth(1).wait_for()
    wait_until_still(output)
    yield output
    assert lab.console_errors == []
    assert lab.foreign_requests == []


def chosen(lab: Lab) -> list[str]:
    """What the kernel says is chosen."""
    lab.run_cell(2)
    found: list[str] = json.loads(lab.cell_text(2).strip().replace("'", '"'))
    return found


def test_a_row_that_is_chosen_is_drawn_and_compared(lab: Lab, board: Locator) -> None:
    assert chosen(lab) == THREE
    table = RunTablePage(lab, 1)
    with table.answered():
        table.box_of("run-18").click()
    board.get_by_text("20 runs of digits, 2 selected, baseline run-19").wait_for()
    assert chosen(lab) == ["run-19", "run-17"]
    compared = board.locator(".mt-dashboard-top > :last-child").inner_text()
    assert "run-18" not in compared
    assert "run-17" in compared


def test_a_brush_in_the_scatter_chooses_rows(lab: Lab, board: Locator) -> None:
    canvas = board.locator("[data-drawn] canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    mouse = lab.page.mouse
    mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] - 70, steps=8)
    mouse.up()
    board.get_by_text(re.compile(r"20 runs of digits, ([4-9]|1\d|20) selected")).wait_for()
    assert len(chosen(lab)) > 3


def test_tabs_show_other_charts(lab: Lab, board: Locator) -> None:
    board.get_by_role("tab", name="Parallel coordinates").click()
    board.get_by_text("params (").wait_for()
    board.get_by_role("tab", name="Parallel coordinates").press("ArrowRight")
    board.get_by_text("From 20 runs").wait_for()
    assert board.get_by_role("tab", name="Importance").get_attribute("aria-selected") == "true"


def test_the_filter_of_the_table_is_that_of_the_charts(lab: Lab, board: Locator) -> None:
    table = RunTablePage(lab, 1)
    with table.answered():
        table.filter_by("params.solver = 'adam'")
    board.get_by_text("10 of 20 runs of digits").first.wait_for()
    board.get_by_text("over 10 runs").first.wait_for()


def test_axe_finds_no_serious_fault(lab: Lab, board: Locator, theme: str) -> None:
    lab.set_size(WIDE[0], 1500)  # all of it in one picture
    try:
        board.get_by_text("20 of 20 runs").hover()
        wait_until_still(board)  # charts are drawn again in the colours of the theme
        assert serious_faults(board) == []
        assert overlapping_texts(board.locator(".mt-dashboard-top")) == []
        lab.screenshot(f"dashboard-{theme}", board)
    finally:
        lab.set_width(WIDE[0])


def test_nothing_is_wider_than_a_narrow_window(lab: Lab, board: Locator) -> None:
    lab.set_width(480)
    try:
        lab.page.wait_for_function(FITS, arg=board.element_handle())  # once the charts are drawn anew
        wait_until_still(board)
        lab.screenshot("dashboard-narrow", board)
        assert overlapping_texts(board.locator(".mt-dashboard-top")) == []
        assert board.evaluate(FITS)
    finally:
        lab.set_width(WIDE[0])


def test_it_is_small_when_saved_and_readable_without_a_kernel(lab: Lab, board: Locator, notebook: str) -> None:
    lab.save()
    saved = json.loads((lab.folder / notebook).read_text())
    assert len(json.dumps(saved["cells"][1]["outputs"])) < 200_000
    assert (lab.folder / notebook).stat().st_size < 300_000
    lab.shutdown_kernel()
    lab.reload(notebook)
    output = lab.cell_output(1)
    assert output.locator("img").count() == 2
    assert "run-0" in output.inner_text()
    assert output.locator("canvas").count() == 0
    lab.screenshot("dashboard-kept", output)


def test_names_are_no_formulas(lab: Lab) -> None:
    log = [
        "%load_ext mltrack",
        "import mltrack",
        "for place in (1, 2):",
        r"    with mltrack.start_run(run_name=f'$a_{place}$ \[x^2\]') as run:",
        "        mltrack.log_params({'C': f'${place}$', 'solver': place})",
    ]
    shown = ["mltrack.dashboard()", "mltrack.runs()", "mltrack.get_run(run.info.run_id)"]
    formula = "from IPython.display import Math\nMath('x^2')"
    lab.open(lab.write_notebook("formulas.ipynb", ["\n".join(log), *shown, formula]))
    lab.forget_runs()
    lab.run_cell(0)
    for cell in range(1, 5):
        lab.run_cell(cell)
        wait_until_still(lab.cell_output(cell))
    lab.cell_output(4).locator("mjx-container").wait_for()  # formulas are set one after the other
    for cell in range(1, 4):
        output = lab.cell_output(cell)
        assert output.locator("mjx-container").count() == 0
        assert r"$a_2$ \[x^2\]" in output.inner_text()
