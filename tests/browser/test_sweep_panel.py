"""Reruns under their cell in JupyterLab: the table while they go on, the button that stops them, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import serious_faults
from tests.browser.holding import held
from tests.browser.lab import WIDE, overlapping_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TALL = 1_400
TRAIN = f"""%%track_run baseline
C = 1
print('training with', C)
if C == 3:
    {held("sweep-goes-on")}
accuracy = 1 - 1 / (C + 3)"""
CELLS = ["%load_ext mltrack", TRAIN, "%mltrack rerun baseline C=2,3,4", "%mltrack rerun baseline C=9"]
SWEEP, ONE = 2, 3


@pytest.fixture(scope="module")
def swept(lab: Lab) -> Iterator[str]:
    name = lab.write_notebook("sweep.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.set_size(WIDE[0], TALL)
    for cell in (0, 1, SWEEP):
        lab.run_cell(cell)
    assert lab.failures() == []
    yield name
    lab.set_theme("JupyterLab Light")
    lab.set_width(WIDE[0])


def panel_of(lab: Lab, cell: int) -> Locator:
    shown = lab.cell_output(cell).locator(".mt-sweep")
    shown.wait_for()
    return shown


def end(panel: Locator) -> None:
    panel.get_by_role("button", name="Stop").wait_for(state="hidden")


def test_a_sweep_is_seen_and_stopped(lab: Lab, swept: str) -> None:
    panel = panel_of(lab, SWEEP)
    panel.get_by_text("training with 3").wait_for()
    panel.get_by_text("1 of 3 finished").wait_for()
    lab.screenshot("sweep-running", panel)
    panel.get_by_role("button", name="Stop").click()
    end(panel)
    rows = panel.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[1].strip() for row in rows] == ["● finished", "● finished", "○ killed", "○ not run"]
    panel.get_by_text("Run the same line again to go on").wait_for()
    assert "KeyboardInterrupt" not in panel.inner_text()


def test_the_same_command_takes_it_up(lab: Lab, swept: str, theme: str) -> None:
    lab.release("sweep-goes-on")
    if theme == "light":
        lab.run_cell(SWEEP)
    panel = panel_of(lab, SWEEP)
    panel.get_by_text("3 of 3 finished").wait_for()
    end(panel)
    assert panel.locator("tbody tr", has_text="best").inner_text().split("\t")[2].strip() == "4"
    assert overlapping_texts(panel) == []
    assert serious_faults(panel) == []
    lab.screenshot(f"sweep-{theme}", panel)


def test_one_rerun_is_beside_its_original_and_stays_without_a_kernel(lab: Lab, swept: str) -> None:
    lab.run_cell(ONE)
    panel = panel_of(lab, ONE)
    end(panel)
    assert "0.9167" in panel.inner_text()
    lab.wait_for_saved(ONE, "0.9167")
    lab.save()
    lab.shutdown_kernel()
    lab.reload(swept)
    lab.cell_output(ONE).get_by_text("rerun of baseline").wait_for()
    assert "0.9167" in lab.cell_output(ONE).inner_text()
    assert (lab.console_errors, lab.foreign_requests) == ([], [])
