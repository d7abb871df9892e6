"""The word on a card that comes a moment after it, and what a run depends on, in a real JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import overlapping_texts

if TYPE_CHECKING:
    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CARD = ".mltrack .mt-card"
TRACKED = "%%track_run baseline\nC = 0.5\nfactor = 3\nscore = C * factor * noise.mean() * len(rows)"
CELLS = [
    "%load_ext mltrack",
    "import numpy as np",
    "noise = np.random.rand(50)",
    "unused = noise.max()",
    "rows = open('rows.csv').read().split()",
    TRACKED,
    "%%track_run seeded\nseed = 1\nscore = np.random.default_rng(seed).random()",
    "%mltrack provenance baseline",
]


@pytest.fixture(scope="module")
def worked(lab: Lab) -> str:
    """A notebook with hidden state in one run's cells and none in another's."""
    (lab.folder / "rows.csv").write_text("a b c")
    name = lab.write_notebook("provenance.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    for cell in range(len(CELLS)):
        lab.run_cell(cell)
        lab.settle()
    return name


def badge(lab: Lab, cell: int, word: str) -> Locator:
    """Wait for a card's word, which comes in the background."""
    found = lab.cell_output(cell).locator(CARD).get_by_text(word)
    found.wait_for()
    return found


def test_the_card_changes_in_place(lab: Lab, worked: str) -> None:
    badge(lab, 5, "not reproducible: 2 reasons")
    badge(lab, 6, "reproducible")
    for cell in (5, 6):
        assert lab.cell_output(cell).locator(CARD).count() == 1


def test_the_reasons_are_behind_the_fold(lab: Lab, worked: str) -> None:
    badge(lab, 5, "not reproducible: 2 reasons")
    card = lab.cell_output(5).locator(CARD)
    reason = card.get_by_text("Cell 3 takes random numbers of numpy")
    assert not reason.is_visible()
    card.locator("summary").click()
    assert reason.is_visible()
    assert card.get_by_text("Cell 5 reads rows.csv by a relative path").is_visible()
    card.locator("summary").click()


def test_what_a_run_depends_on_is_shown(lab: Lab, worked: str) -> None:
    output = lab.cell_output(7)
    text = output.inner_text()
    assert "not reproducible: 2 reasons" in text
    assert "noise = np.random.rand(50)" in text
    assert "unused = noise.max()" not in text
    output.locator("summary").click()
    assert "unused = noise.max()" in output.inner_text()
    output.locator("summary").click()


def test_pictures_in_both_themes(lab: Lab, worked: str, theme: str) -> None:
    badge(lab, 5, "not reproducible: 2 reasons")
    for name, cell in (("not-reproducible", 5), ("reproducible", 6), ("provenance", 7)):
        picture = lab.screenshot(f"{name}-{theme}", lab.cell_output(cell))
        assert picture.stat().st_size > 1000
        assert overlapping_texts(lab.cell_output(cell)) == []


def test_what_was_saved_has_the_word_too(lab: Lab, worked: str) -> None:
    badge(lab, 5, "not reproducible: 2 reasons")
    lab.save()
    lab.reload(worked)
    assert "not reproducible: 2 reasons" in lab.cell_text(5)
    assert "noise = np.random.rand(50)" in lab.cell_text(7)
