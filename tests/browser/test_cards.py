"""Cards as a person meets them while working: a cell edited and run again, one that fails, one that draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import overlapping_texts

if TYPE_CHECKING:
    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
CARD = ".mltrack .mt-card"
TRACKED = """%%track_run baseline --experiment digits
C = 1.0
gamma = "scale"
accuracy = 0.9 + C / 100
for step in range(20):
    mltrack.log_metric("loss", 1 / (step + 1), step=step)
print("trained")"""
FAILING = "%%track_run broken\ndepth = 3\ntrain = {}[depth]"
CELLS = ["%load_ext mltrack\nimport mltrack", TRACKED, FAILING, "%mltrack runs", "%mltrack notebook baseline"]


@pytest.fixture(scope="module")
def worked(lab: Lab) -> str:
    """A notebook whose training cell was run, edited and run again."""
    name = lab.write_notebook("work.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.run_cell(0)
    lab.run_cell(1)
    lab.edit_cell(1, TRACKED.replace("1.0", "0.5"))
    for cell in range(1, len(CELLS)):
        lab.run_cell(cell)
        lab.settle()
    return name


def card_under(lab: Lab, cell: int) -> Locator:
    return lab.cell_output(cell).locator(CARD)


def test_a_card_says_what_changed_since_the_last_run_of_the_cell(lab: Lab, worked: str) -> None:
    card = card_under(lab, 1)
    assert card.count() == 1
    text = " ".join(card.inner_text().split())
    assert "since the last run of this cell: C 1.0 → 0.5 · 1 cell changed" in text
    assert "gamma scale" in text
    assert "(20)" in text


def test_a_card_comes_below_the_cells_own_output(lab: Lab, worked: str) -> None:
    assert lab.cell_text(1).startswith("trained")


def test_a_failed_run_has_the_last_line_of_its_exception(lab: Lab, worked: str) -> None:
    text = card_under(lab, 2).inner_text()
    assert "failed" in text
    assert "KeyError: 3" in text
    assert "depth" in text


def test_the_notebook_as_executed_has_the_older_source(lab: Lab, worked: str) -> None:
    assert "C = 0.5" in lab.cell_text(4)
    assert "trained" in lab.cell_text(4)


def test_pictures_in_both_themes(lab: Lab, worked: str, theme: str) -> None:
    for name, cell in (("edited", 1), ("failed", 2), ("table", 3), ("notebook", 4)):
        picture = lab.screenshot(f"{name}-{theme}", lab.cell_output(cell))
        assert picture.stat().st_size > 1000
        assert overlapping_texts(lab.cell_output(cell)) == []
    lab.cell_output(1)
    lab.screenshot(f"tracked-cell-{theme}", lab.cell(1))
