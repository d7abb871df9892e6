"""The run table in a real JupyterLab: what is seen, and what a person does with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.browser.holding import held
from tests.browser.lab import wait_until_still
from tests.browser.run_tables import SHOW, STORE, RunTablePage
from tests.browser.scripts import WITHOUT_SUBSHELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
ASK = "print(list(table.selection) == [ids[4], ids[2]], table.baseline == ids[4])"
CHOOSE = "table.selection = ['run-1', 'run-3']\ntable.baseline = 'run-3'"
GROW = f"""import threading
done = threading.Event()
def follow():
    while not done.wait(0.1):
        table.refresh()
threading.Thread(target=follow).start()
try:
    for place in range(4):
        with mltrack.start_run(run_name=f"grown-{{place}}"):
            mltrack.log_metric("accuracy", 0.5)
            {held("row-is-seen")}
        time.sleep(0.002)
finally:
    done.set()"""
AGAIN = "%%track_run again --experiment attempts\nx = 1"
ALONE = "%%track_run alone --experiment attempts\ny = 1"
CELLS = [
    STORE,
    SHOW,
    ASK,
    CHOOSE,
    GROW,
    "table.show_again()",
    AGAIN,
    ALONE,
    "runs(experiment='attempts')",
    held("loading-is-seen"),
]


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> str:
    """A notebook that has logged runs, and then shows the table of them."""
    name = lab.write_notebook("table.ipynb", CELLS)
    lab.open(name)
    lab.page.evaluate(WITHOUT_SUBSHELLS)
    lab.forget_runs()
    lab.run_cell(0)
    return name


@pytest.fixture
def table(lab: Lab, notebook: str) -> Iterator[RunTablePage]:
    """The table as it is when its cell has just run."""
    lab.run_cell(1)
    page = RunTablePage(lab, 1)
    page.wait_for_rows(8)
    yield page
    assert lab.console_errors == []
    assert lab.foreign_requests == []


def test_runs_are_read_with_the_columns_that_tell_them_apart(table: RunTablePage) -> None:
    assert table.column("name") == [f"run-{place}" for place in range(11, 3, -1)]
    assert table.header == ["", "baseline", "status", "name", "started", "duration", "C", "solver", "accuracy"]
    assert table.column("accuracy")[0] == "0.961"
    assert table.status == "8 of 12 runs"
    assert table.find(".mtt-foot").inner_text().split("\n") == ["‹", "1–8 of 12", "›"]


def test_a_header_sorts_up_down_and_as_usual(table: RunTablePage) -> None:
    seen = []
    for _ in range(3):
        with table.answered():
            table.header_of("accuracy").click()
        seen.append((table.header_of("accuracy").get_attribute("aria-sort"), table.column("name")[0]))
    assert seen == [("descending", "run-11"), ("ascending", "run-0"), ("none", "run-11")]


def test_a_wrong_filter_shows_its_place_and_a_right_one_other_rows(table: RunTablePage) -> None:
    before = table.column("name")
    table.filter_by("metrics.accuracy > x")
    assert table.find(".mtt-refusal").inner_text().split("\n")[1:] == ["metrics.accuracy > x", " " * 19 + "^"]
    assert table.find(".mtt-filter").get_attribute("aria-invalid") == "true"
    assert table.column("name") == before
    table.filter_by("metrics.accuracy > 0.952")
    assert table.find(".mtt-refusal").is_hidden()
    assert table.column("name") == ["run-11", "run-10"]
    assert table.status == "2 of 2 runs"
    table.filter_by("status = 'FAILED'")
    assert table.find(".mtt-empty").inner_text() == "No run matches this filter."
    table.filter_by("")
    assert table.column("name") == before


def test_pages_are_turned(table: RunTablePage) -> None:
    with table.answered():
        table.find("[aria-label='Rows after']").click()
    assert table.column("name") == ["run-3", "run-2", "run-1", "run-0"]
    assert table.rows.first.get_attribute("aria-rowindex") == "10"
    assert table.find("[aria-label='Rows after']").is_disabled()
    with table.answered():
        table.find("[aria-label='Rows before']").click()
    assert table.column("name")[0] == "run-11"


def test_groups_have_means_and_open(table: RunTablePage) -> None:
    table.find(".mtt-bar > button", "Group by").click()
    with table.answered():
        table.find(".mtt-popover [data-key='params.solver']").click()
    groups = dict(zip(table.column("solver"), table.column("accuracy"), strict=True))
    assert groups == {"›lbfgs": "0.9185 ± 0.0094 (6)", "›saga": "0.9485 ± 0.0094 (6)"}
    assert table.status == "2 groups of 12 runs"
    with table.answered():
        table.find("button[aria-expanded]", "saga").click()
    assert table.rows.count() == 8
    assert "run-11" in table.column("solver")
    with table.answered():
        table.find(".mtt-line button", "ungroup").click()
    assert table.column("name")[0] == "run-11"


def test_attempts_of_a_cell_are_folded_and_open(lab: Lab, notebook: str) -> None:
    for cell in (6, 6, 6, 7, 8):
        lab.run_cell(cell)
        lab.settle()  # what is written later draws the tables of later tests anew
    table = RunTablePage(lab, 8)
    table.wait_for_rows(4)
    with table.answered():
        table.find(".mtt-switch input").click()
    assert table.column("name") == ["alone", "›again 3 attempts"]
    assert table.status == "2 cells of 4 runs"
    with table.answered():
        table.find("button[aria-expanded]", "again").click()
    assert table.column("name") == ["alone", "›again 3 attempts", "again", "again"]
    with table.answered():
        table.find(".mtt-switch input").click()
    assert table.column("name") == ["alone", "again", "again", "again"]


def test_what_is_chosen_in_the_page_is_known_in_the_next_cell_and_the_other_way(table: RunTablePage) -> None:
    with table.answered():
        table.box_of("run-4").click()
    with table.answered():
        table.row("run-6").click(modifiers=["Shift"], position={"x": 200, "y": 10})
    assert table.chosen == ["run-6", "run-5", "run-4"]
    assert table.line.startswith("8 of 12 runs of Default 3 selected · clear")
    with table.answered():
        table.row("run-4").click(position={"x": 200, "y": 10})
    assert table.chosen == ["run-4"]
    with table.answered():
        table.find("[aria-label='Rows after']").click()
    with table.answered():
        table.row("run-2").click(modifiers=["Control"], position={"x": 200, "y": 10})
    with table.answered():
        table.find("[aria-label='Rows before']").click()
    with table.answered():
        table.row("run-4").hover()
        table.row("run-4").locator(".mtt-pin button").click()
    table.lab.run_cell(2)
    assert table.lab.cell_text(2).split() == ["True", "True"]
    table.lab.run_cell(3)
    with table.answered():
        table.find("[aria-label='Rows after']").click()
    assert table.chosen == ["run-3", "run-1"]
    assert table.row("run-1").locator("svg line").get_attribute("stroke") is not None
    assert table.column("accuracy")[1:3] == ["0.916 ↓ 0.005", "0.911 ↓ 0.01"]
    assert table.row("run-3").get_attribute("data-baseline") == ""


def test_all_of_the_page_are_chosen_and_cleared(table: RunTablePage) -> None:
    with table.answered():
        table.find("thead input").click()
    assert len(table.chosen) == 8
    with table.answered():
        table.box_of("run-7").click()
    assert table.find("thead input").evaluate("box => box.indeterminate")
    with table.answered():
        table.find(".mtt-line button", "clear").click()
    assert table.chosen == []


def test_what_is_clicked_while_the_kernel_is_busy_is_seen_at_once_and_stays(table: RunTablePage) -> None:
    lab = table.lab
    lab.begin_cell(9)
    for name in ("run-9", "run-7", "run-5", "run-7"):
        table.box_of(name).click()
    assert table.chosen == ["run-9", "run-5"]
    table.find(".mtt-line").get_by_text("loading…").wait_for()
    lab.release("loading-is-seen")
    lab.wait_until_done(9)
    table.row("run-5").locator("svg").wait_for()
    assert table.chosen == ["run-9", "run-5"]
    assert "2 selected" in table.line
    assert table.find(".mtt-line").get_by_text("loading…").is_hidden()


def test_columns_are_picked_from_a_list_that_is_searched(table: RunTablePage) -> None:
    table.find(".mtt-bar > button", "Columns").click()
    table.find(".mtt-popover:popover-open [data-key='params.max_iter']").wait_for()
    table.find(".mtt-popover:popover-open input[type=search]").fill("ITER")
    assert table.find(".mtt-popover:popover-open").locator("[data-key]").count() == 1
    with table.answered():
        table.lab.page.keyboard.press("Tab")
        table.lab.page.keyboard.press("Space")
    assert table.column("max_iter") == ["100"] * 8
    with table.answered():
        table.find(".mtt-popover:popover-open button", "Usual columns").click()
    assert "max_iter" not in table.header
    table.lab.page.keyboard.press("Escape")
    table.find(".mtt-popover:popover-open").wait_for(state="hidden")


def test_rows_come_while_a_cell_runs(table: RunTablePage) -> None:
    lab = table.lab
    lab.begin_cell(4)
    table.row("grown-0").wait_for()
    assert lab.is_running(4)
    assert "running" in " ".join(table.column("status"))
    lab.release("row-is-seen")
    lab.wait_until_done(4)
    table.row("grown-3").wait_for()
    assert table.column("name")[0] == "grown-3"


def test_shown_again_it_is_there_once_and_looks_the_same(table: RunTablePage) -> None:
    table.lab.run_cell(5)
    wait_until_still(table.output)
    assert table.output.locator(".mtt").count() == 1
    assert table.rows.count() == 8
    # JupyterLab puts what is shown again where HTML was, with its rules for HTML.
    name = table.rows.first.locator("td").nth(3)
    assert name.evaluate("cell => getComputedStyle(cell).textAlign") == "left"


def test_without_a_kernel_the_table_stays_and_says_why_nothing_happens(table: RunTablePage) -> None:
    table.lab.save()
    table.lab.shutdown_kernel()
    assert table.column("name")[0].startswith("grown")
    table.header_of("accuracy").click()
    table.find(".mtt-problem", "The kernel is gone; run the cell again to go on.").wait_for()


def test_in_a_notebook_that_somebody_else_sent_the_table_is_html(lab: Lab, notebook: str) -> None:
    """Any change from outside JupyterLab takes a notebook's trust away."""
    document = json.loads((lab.folder / notebook).read_text())
    document["metadata"]["title"] = "sent by a colleague"
    (lab.folder / "sent-table.ipynb").write_text(json.dumps(document))
    lab.reload("sent-table.ipynb")
    output = lab.cell_output(1)
    output.locator(".mltrack table").wait_for()
    assert "run-11" in output.inner_text()
