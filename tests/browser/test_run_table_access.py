"""The run table for everyone: by keyboard, for screen readers, in both themes, with hostile and with long names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import serious_faults
from tests.browser.lab import overlapping_texts
from tests.browser.run_tables import SHOW, STORE, RunTablePage

if TYPE_CHECKING:
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOSTILE = (
    "<script>window.__xss = 1</script>",
    "\"><img src=x onerror='window.__xss = 1'>",
    "{{7*7}} ${window.__xss = 1} datum.x signal('a')",
    "a\u202egnp.exe\u200b \u05d0\u05d1\u05d2",
    "name " * 60,
)
NAMED = f"""import json
mltrack.set_experiment("hostile")
for text in json.loads({json.dumps(json.dumps(HOSTILE))}):
    with mltrack.start_run(run_name=text):
        mltrack.log_params({{"text": text, "datum.x": 1}})
        mltrack.set_tag("note", text)
named = runs(experiment="hostile")
named.columns = ["name", "id", "params.text", "tags.note", "params.datum.x"]
named"""
EMPTY = 'mltrack.set_experiment("nothing")\nruns(experiment="nothing")'
CELLS = [STORE, SHOW, NAMED, EMPTY]
FOCUSED = """() => {
  const cell = document.activeElement.closest('td, th');
  return [Number(cell.parentElement.getAttribute('aria-rowindex')), Number(cell.getAttribute('aria-colindex'))];
}"""


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> str:
    name = lab.write_notebook("access.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.run_all()
    return name


@pytest.fixture
def table(lab: Lab, notebook: str) -> RunTablePage:
    lab.run_cell(1)
    page = RunTablePage(lab, 1)
    page.wait_for_rows(8)
    return page


def test_the_grid_is_walked_with_the_keyboard(table: RunTablePage) -> None:
    page, press = table.lab.page, table.lab.page.keyboard.press
    table.header_of("accuracy").focus()
    seen = []
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "Home", "End", "PageDown", "PageUp", "ArrowUp", "ArrowUp"):
        press(key)
        seen.append(tuple(page.evaluate(FOCUSED)))
    assert seen == [(2, 9), (3, 9), (3, 8), (3, 1), (3, 9), (9, 9), (1, 9), (1, 9), (1, 9)]
    assert table.find("table").locator("[tabindex='0']").count() == 1
    with table.answered():
        press("Enter")
    assert table.header_of("accuracy").get_attribute("aria-sort") == "descending"
    assert page.evaluate(FOCUSED) == [1, 9], "the focus stays over an update"
    press("ArrowDown")
    press("ArrowDown")
    with table.answered():
        press("Space")
    assert table.chosen == ["run-10"]
    assert page.evaluate(FOCUSED) == [3, 9]
    press("ArrowDown")
    press("ArrowDown")
    with table.answered():
        press("Shift+Space")
    assert table.chosen == ["run-10", "run-9", "run-8"]
    press("Home")
    press("ArrowRight")
    with table.answered():
        press("Enter")
    assert table.row("run-8").get_attribute("data-baseline") == ""
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is seen"


def test_the_focus_stays_when_the_output_is_drawn_anew(table: RunTablePage) -> None:
    """As happens a moment after something was logged, for the sake of what is saved."""
    table.header_of("accuracy").focus()
    table.lab.page.keyboard.press("ArrowDown")
    table.lab.execute("table.show_again()")
    assert table.lab.page.evaluate(FOCUSED) == [2, 9]
    table.lab.page.evaluate("() => document.activeElement.blur()")
    table.lab.execute("table.show_again()")
    assert table.lab.page.evaluate("() => document.activeElement === document.body"), "nobody asked for it"


def test_the_hosts_shortcuts_do_nothing_in_the_table(table: RunTablePage) -> None:
    cells = "() => notebookPanel().content.widgets.length"
    before = table.lab.page.evaluate(cells)
    table.header_of("name").focus()
    for key in ("a", "d", "d", "x", "b", "Enter"):
        table.lab.page.keyboard.press(key)
    assert table.lab.page.evaluate(cells) == before


def test_what_is_drawn_is_said(table: RunTablePage) -> None:
    grid = table.find("[role=grid]")
    assert [grid.get_attribute(f"aria-{name}") for name in ("rowcount", "colcount")] == ["13", "9"]
    assert table.rows.nth(2).get_attribute("aria-rowindex") == "4"
    assert table.rows.first.locator("[role=gridcell]").count() == 9
    assert table.find("[role=status]").inner_text() == "8 of 12 runs"


@pytest.mark.parametrize("cell", [1, 2, 3])
def test_axe_finds_nothing_serious(lab: Lab, notebook: str, theme: str, cell: int) -> None:
    table = RunTablePage(lab, cell)
    table.output.locator(".mtt").wait_for()
    if cell == 1:
        with table.answered():
            table.find("tbody input").first.click()
        with table.answered():
            table.find("tbody .mtt-pin button").nth(1).click(force=True)
    assert axe(table) == []


def test_axe_finds_nothing_serious_in_groups_and_lists(table: RunTablePage, theme: str) -> None:
    table.find(".mtt-bar > button", "Columns").click()
    table.find(".mtt-popover:popover-open [data-key='params.C']").wait_for()
    assert axe(table) == []
    table.lab.page.keyboard.press("Escape")
    table.find(".mtt-bar > button", "Group by").click()
    with table.answered():
        table.find(".mtt-popover:popover-open [data-key='params.C']").click()
    with table.answered():
        table.find("button[aria-expanded]").nth(2).click()
    table.filter_by("metrics.accuracy >")
    assert axe(table) == []


def axe(table: RunTablePage) -> list[str]:
    return serious_faults(table.output.locator(".mtt"))


def test_hostile_texts_are_shown_as_texts(lab: Lab, notebook: str) -> None:
    table = RunTablePage(lab, 2)
    table.wait_for_rows(len(HOSTILE))
    names = table.column("name")  # those that were begun in the same millisecond are in any order
    assert HOSTILE[0] in names
    assert any("\\u202e" in name for name in names)
    table.find(".mtt-bar > button", "Group by").click()
    with table.answered():
        table.find(".mtt-popover:popover-open [data-key='params.text']").click()
    for place in range(len(HOSTILE)):
        with table.answered():
            table.find("tbody button[aria-expanded=false]").first.click()
        assert table.rows.count() == len(HOSTILE) + place + 1
    assert table.output.locator("script, img").count() == 0
    assert lab.page.evaluate("() => window.__xss") is None
    assert lab.console_errors == []
    assert overlapping_texts(table.output) == []


def test_an_id_is_copied_whole(lab: Lab, notebook: str) -> None:
    lab.run_cell(2)
    table = RunTablePage(lab, 2)
    table.wait_for_rows(len(HOSTILE))
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    table.find(".mtt-id").first.click()
    table.find("[aria-live]", "Copied ").wait_for(state="attached")
    copied = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert len(copied) == 32
    assert copied[:8] == table.column("id")[0]
    assert table.chosen == []


def test_an_empty_table_says_what_to_type(lab: Lab, notebook: str) -> None:
    table = RunTablePage(lab, 3)
    words = table.find(".mtt-empty").inner_text().split("\n")
    assert words == ["No runs yet. A cell becomes a run with this as its first line:", "%%track_run"]
    assert table.find(".mtt-scroll").is_hidden()


@pytest.mark.parametrize("width", [1280, 480])
def test_nothing_overlaps(lab: Lab, table: RunTablePage, theme: str, width: int) -> None:
    with table.answered():
        table.find("tbody input").first.click()
    lab.set_width(width)
    try:
        for cell, name in ((1, "table"), (2, "table-long-names"), (3, "table-empty")):
            assert overlapping_texts(lab.cell_output(cell)) == []
            lab.screenshot(f"{name}-{theme}-{width}", lab.cell_output(cell))
            output = lab.cell_output(cell).locator(".mtt")
            assert output.evaluate("table => table.scrollWidth - table.clientWidth") <= 1
    finally:
        lab.set_width(1280)
