"""Runs compared as a person does it: a cell edited between two runs, what differs, the notebook diff, the outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import WIDE, overlapping_texts, width_of_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=window.hurt=1>"
TRACKED = """%%track_run baseline --experiment digits
import matplotlib.pyplot as plt
C = 1.0
gamma = "scale"
for step in range(20):
    mltrack.log_metric("loss", C / (step + 1), step=step)
mltrack.log_param("note", "<script>window.hurt=1</script>")
print("trained with", C)
plt.figure(figsize=(3, 2)); plt.plot([C, 2, 3]); plt.show()"""
EDITED = TRACKED.replace("baseline", "tuned").replace("C = 1.0", "C = 0.5").replace('gamma = "scale"\n', "")
THIRD = EDITED.replace("tuned", "third").replace("0.5", "0.25") + f"\nmltrack.log_param('why', {HOSTILE!r})"
TEN = """ids = ["baseline", "tuned", "third"]
for number in range(8):
    with mltrack.start_run(run_name=f"{number} <b>with a rather long name</b>") as run:
        mltrack.log_params({"C": number, "text": "<script>" + "x" * number})
    ids.append(run.info.run_id)
many = mltrack.compare(ids)
many"""
CELLS = [
    "%load_ext mltrack\nimport mltrack\n%matplotlib inline",
    "SIZE = 10",
    TRACKED,
    "pair = mltrack.compare('baseline', 'tuned')\npair",
    "three = mltrack.compare('baseline', 'tuned', 'third')\nthree",
    TEN,
]
PAIR, THREE, MANY = 3, 4, 5
TALL = 2_400
BOXES = "images => images.map(image => image.getBoundingClientRect().toJSON())"
# The third heading: the page has the table of two runs, and below it that of three.
IS_SHOWN_ANEW = """() => document.querySelectorAll('.mt-compare thead th')[2]?.innerText.includes('tuned')
  && document.querySelector('details.mt-fold[open]')"""


@pytest.fixture(scope="module")
def compared(lab: Lab) -> Iterator[str]:
    """A notebook whose training cell was run, edited and run again, twice, with comparisons below."""
    name = lab.write_notebook("compare.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.set_size(WIDE[0], TALL)
    for cell, source in ((0, ""), (1, ""), (2, ""), (2, EDITED), (2, THIRD)):
        if source:
            lab.edit_cell(cell, source)
            lab.save()
        lab.run_cell(cell)
        lab.settle()
    for cell in (PAIR, THREE, MANY):
        lab.run_cell(cell)
    yield name
    lab.set_width(WIDE[0])


def shown(lab: Lab, cell: int) -> Locator:
    output = lab.cell_output(cell)
    output.locator(".mt-compare table").first.wait_for()
    return output


def notebook_fold(output: Locator) -> Locator:
    return output.locator("details.mt-fold")


def open_notebook(output: Locator) -> Locator:
    fold = notebook_fold(output)
    if fold.get_attribute("open") is None:
        fold.locator("summary.mt-fold-title").click()
    fold.locator(".mt-diff").wait_for()
    return fold


def boxes_of_pictures(part: Locator) -> list[dict[str, float]]:
    """Where two pictures are at one moment, once they were read."""
    for place in range(2):
        width_of_picture(part.locator("img").nth(place))
    found: list[dict[str, float]] = part.locator("img").evaluate_all(BOXES)
    return found


def texts(output: Locator, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in output.locator(selector).all_inner_texts()]


def test_what_differs_comes_first_and_what_is_the_same_is_folded(lab: Lab, compared: str) -> None:
    output = shown(lab, PAIR)
    assert texts(output, "thead th") == ["baseline ● finished · baseline", "tuned ● finished"]
    rows = texts(output, ".mt-compare > table > tbody > tr:has(> th[scope='row'])")
    assert rows[:2] == ["C 1.0 0.5", "gamma scale –"]
    assert "loss 0.05 0.025 ↓ 0.025" in rows
    fold = output.locator("details.mt-of-params")
    assert not fold.locator("table").is_visible()
    fold.locator("summary").click()
    assert "<script>window.hurt=1</script>" in fold.inner_text()
    output.locator("canvas").wait_for()
    assert output.locator("canvas").count() == 1


def test_the_edited_cell_has_its_lines_marked_and_its_outputs_beside(lab: Lab, compared: str) -> None:
    diff = open_notebook(shown(lab, PAIR))
    assert "1 changed" in texts(diff, "summary.mt-fold-title")[0]
    assert texts(diff, ".mt-minus") == ["− %%track_run baseline --experiment digits", "− C = 1.0", '− gamma = "scale"']
    assert texts(diff, ".mt-plus") == ["+ %%track_run tuned --experiment digits", "+ C = 0.5"]
    assert texts(diff, ".mt-minus .mt-mark") == ["baseline", "1.0"]
    first, second = boxes_of_pictures(diff)
    assert second["x"] > first["x"] + first["width"]
    assert abs(first["y"] - second["y"]) < 2


def test_the_run_beside_the_baseline_can_be_chosen(lab: Lab, compared: str) -> None:
    output = shown(lab, THREE)
    diff = open_notebook(output)
    assert "+ C = 0.5" in texts(diff, ".mt-plus")
    diff.locator(".mt-choose select").select_option(label="third")
    diff.get_by_text("+ C = 0.25").wait_for()
    assert any(HOSTILE in text for text in texts(diff, ".mt-plus"))
    assert diff.get_attribute("open") is not None


def test_what_was_opened_stays_open_when_the_panel_is_shown_again(lab: Lab, compared: str) -> None:
    output = shown(lab, THREE)
    open_notebook(output)
    same = output.locator("details.mt-of-packages")
    same.locator("summary").click()
    lab.execute("three.baseline = 'tuned'; three.refresh(); three.show_again()")
    lab.page.wait_for_function(IS_SHOWN_ANEW)
    assert output.locator("details.mt-of-packages").get_attribute("open") is not None
    assert notebook_fold(output).get_attribute("open") is not None


def test_many_columns_scroll_in_their_own_box(lab: Lab, compared: str) -> None:
    output = shown(lab, MANY)
    assert "The first 10 of 11 chosen runs are compared." in output.inner_text()
    assert output.locator("thead th").count() == 10
    lab.set_width(700)
    try:
        assert output.evaluate("output => output.scrollWidth - output.clientWidth") <= 1
        box = output.locator(".mt-compare")
        assert box.evaluate("box => box.scrollWidth - box.clientWidth") > 100
        box.evaluate("box => box.scrollTo(300, 0)")
        name = output.locator("th[scope='row']").first.bounding_box()
        assert name is not None
        assert name["x"] >= (output.bounding_box() or {"x": 0})["x"]
        box.evaluate("box => box.scrollTo(0, 0)")
    finally:
        lab.set_size(WIDE[0], TALL)


def test_pictures(lab: Lab, compared: str, theme: str) -> None:
    for name, cell in (("two", PAIR), ("three", THREE), ("ten", MANY)):
        output = shown(lab, cell)
        if cell != MANY:
            open_notebook(output)
        lab.screenshot(f"compare-{name}-{theme}", output)
        assert overlapping_texts(output) == []
    line = shown(lab, PAIR).locator(".mt-plus").first
    background, colour = line.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]")
    assert background not in ("rgba(0, 0, 0, 0)", colour)


def test_a_narrow_page_stacks_the_outputs(lab: Lab, compared: str) -> None:
    lab.set_size(480, TALL)
    try:
        diff = open_notebook(shown(lab, PAIR))
        first, second = boxes_of_pictures(diff)
        assert second["y"] > first["y"] + first["height"]
        assert overlapping_texts(shown(lab, PAIR)) == []
        lab.screenshot("compare-narrow", shown(lab, PAIR))
    finally:
        lab.set_size(WIDE[0], TALL)


def test_nothing_of_it_ran_or_went_anywhere(lab: Lab, compared: str) -> None:
    assert lab.page.evaluate("() => window.hurt") is None
    assert lab.foreign_requests == []
    assert lab.console_errors == []


def test_all_is_kept_for_a_reader_without_a_kernel(lab: Lab, compared: str) -> None:
    lab.save()
    lab.shutdown_kernel()
    document = json.loads((lab.folder / compared).read_text())
    size = sum(len(json.dumps(document["cells"][cell]["outputs"])) for cell in (PAIR, THREE))
    assert size < 300_000
    document["metadata"]["title"] = "sent by a colleague"  # takes the trust away: neither styles nor widgets are shown
    (lab.folder / "sent.ipynb").write_text(json.dumps(document))
    lab.reload("sent.ipynb")
    output = shown(lab, PAIR)
    assert "C 1.0 0.5" in texts(output, "tr")
    assert width_of_picture(output.locator("img").first) > 100
    fold = output.locator("details", has=lab.page.locator("summary", has_text="Notebook: 1 changed")).last
    assert not fold.get_by_text("+ C = 0.5").is_visible()
    fold.locator("> summary").click()
    assert fold.get_by_text("+ C = 0.5").is_visible()
    assert fold.locator("strong", has_text="0.5").count() == 1
    lab.screenshot("compare-no-kernel", output)
    assert lab.page.evaluate("() => window.hurt") is None
    assert lab.console_errors == []
