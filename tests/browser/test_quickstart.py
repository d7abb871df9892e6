"""The quickstart as a person meets it: run in JupyterLab, looked at, saved, and opened again with no kernel."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.lab import WIDE, overlapping_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"
CARD = ".mltrack .mt-card"
TABLE = ".mtt table, .mltrack table"  # the panel, and what stands in its place when there is no kernel
RUNS = {"baseline": "0.5", "smaller-C": "0.05"}
TRACKED = [pytest.param(name, value, id=name) for name, value in RUNS.items()]


@pytest.fixture(scope="module")
def quickstart(lab: Lab) -> str:
    name = lab.add_notebook(QUICKSTART)
    lab.open(name)
    lab.forget_runs()
    lab.run_all()
    lab.settle()
    lab.run_cell(lab.cell_index("%mltrack notebook baseline"))  # which had not waited long for what is kept
    return name


@pytest.fixture(scope="module")
def saved(lab: Lab, quickstart: str) -> str:
    lab.save()
    lab.shutdown_kernel()
    return quickstart


@pytest.fixture
def narrow(lab: Lab, quickstart: str) -> Iterator[None]:
    lab.set_width(480)
    yield
    lab.set_width(WIDE[0])


def card_of(lab: Lab, run: str) -> Locator:
    """The card under the cell that made a run."""
    return lab.cell_output(lab.cell_index(f"%%track_run {run} ")).locator(CARD)


def table_of_runs(lab: Lab, line: str = "%mltrack runs") -> Locator:
    return lab.cell_output(lab.cell_index(line)).locator(TABLE)


def assert_card_is_seen(lab: Lab, run: str, value: str) -> None:
    card = card_of(lab, run)
    assert card.count() == 1
    assert card.is_visible()
    text = card.inner_text()
    assert re.search(r"\bfinished\b", text)
    assert run in text
    assert re.search(rf"\bC\s+{re.escape(value)}(?!\d)", text)
    assert re.search(r"\baccuracy\s+0\.9\d+", text)


def assert_both_runs_are_seen(table: Locator) -> None:
    rows = table.locator("tbody tr")
    table.wait_for()
    assert rows.count() == len(RUNS)
    # The last one started is the first.
    for row, (run, value) in zip(rows.all_inner_texts(), reversed(RUNS.items()), strict=True):
        assert run in row
        assert value in row.split()


def test_loading_says_in_one_line_where_runs_are_kept(lab: Lab, quickstart: str) -> None:
    lines = lab.cell_text(lab.cell_index("%load_ext mltrack")).strip().splitlines()
    assert len(lines) == 1
    assert re.search(r"\bmltrack \d+\.\d+", lines[0])
    assert "mltrack.db" in lines[0]


@pytest.mark.parametrize(("run", "value"), TRACKED)
def test_a_card_is_under_the_cell_that_made_the_run(lab: Lab, quickstart: str, run: str, value: str) -> None:
    assert_card_is_seen(lab, run, value)


def test_a_card_comes_after_the_cells_own_output_and_once(lab: Lab, quickstart: str) -> None:
    outputs = lab.cell_output(lab.cell_index("%%track_run baseline ")).locator(".jp-OutputArea-child")
    assert outputs.last.locator(CARD).count() == 1
    assert outputs.locator(CARD).count() == 1


@pytest.mark.parametrize("line", ["%mltrack runs", '%mltrack runs "metrics.accuracy > 0.9"'], ids=["all", "filtered"])
def test_a_table_has_a_row_for_each_run(lab: Lab, quickstart: str, line: str) -> None:
    assert_both_runs_are_seen(table_of_runs(lab, line))


def test_a_search_gives_a_data_frame(lab: Lab, quickstart: str) -> None:
    rows = lab.cell_output(lab.cell_index("mltrack.search_runs")).locator("table.dataframe tbody tr")
    assert [row.split()[1:3] for row in rows.all_inner_texts()] == [list(run) for run in RUNS.items()]


def test_one_run_is_shown_whole(lab: Lab, quickstart: str) -> None:
    card = lab.cell_output(lab.cell_index("%mltrack show baseline")).locator(CARD)
    card.locator("summary").first.click()
    text = card.inner_text()
    assert "baseline" in text
    assert re.search(r"\bstage\s+dev\b", text)


def test_the_notebook_of_a_run_is_shown_as_it_was_then(lab: Lab, quickstart: str) -> None:
    text = lab.cell_text(lab.cell_index("%mltrack notebook baseline"))
    assert "%%track_run baseline" in text
    assert "((426, 30), (143, 30))" in text
    # The cells below the run's own had not run yet: none of their outputs are there.
    assert "0.958" not in text


def test_nothing_is_asked_of_other_hosts_and_nothing_goes_wrong(lab: Lab, quickstart: str) -> None:
    assert lab.foreign_requests == []
    assert lab.console_errors == []


def test_pictures_in_both_themes(lab: Lab, quickstart: str, theme: str) -> None:
    card = lab.screenshot(f"card-{theme}", card_of(lab, "baseline"))
    table = lab.screenshot(f"runs-{theme}", lab.cell_output(lab.cell_index("%mltrack runs")).locator(".mtt"))
    assert min(card.stat().st_size, table.stat().st_size) > 1000


@pytest.mark.parametrize("opened", [False, True], ids=["closed", "opened"])
def test_nothing_overlaps_in_a_narrow_window(lab: Lab, narrow: None, opened: bool) -> None:
    card = card_of(lab, "baseline")
    if opened:
        card.locator("summary").first.click()
    try:
        assert overlapping_texts(card) == []
        assert card.evaluate("card => card.scrollWidth - card.clientWidth") <= 1
        lab.screenshot(f"card-narrow-{'opened' if opened else 'closed'}", card)
    finally:
        if opened:
            card.locator("summary").first.click()


def test_a_table_scrolls_inside_itself_in_a_narrow_window(lab: Lab, narrow: None) -> None:
    table = table_of_runs(lab)
    assert overlapping_texts(table) == []
    output = lab.cell_output(lab.cell_index("%mltrack runs"))
    assert output.evaluate("output => output.scrollWidth - output.clientWidth") <= 1


def test_all_is_still_seen_with_no_kernel(lab: Lab, saved: str) -> None:
    lab.reload(saved)
    for run, value in RUNS.items():
        assert_card_is_seen(lab, run, value)
    assert_both_runs_are_seen(table_of_runs(lab))
    assert lab.foreign_requests == []
    assert lab.console_errors == []


def test_all_is_still_seen_in_a_notebook_that_is_not_trusted(lab: Lab, saved: str) -> None:
    """Any change from outside JupyterLab takes its trust away: scripts, styles and forms are then cut out."""
    document = json.loads((lab.folder / saved).read_text())
    document["metadata"]["title"] = "sent by a colleague"
    (lab.folder / "sent.ipynb").write_text(json.dumps(document))
    lab.reload("sent.ipynb")
    outputs = lab.cell_output(lab.cell_index("%mltrack runs"))
    assert outputs.locator(".jp-mod-trusted").count() == 0
    assert_both_runs_are_seen(table_of_runs(lab))
    for run, value in RUNS.items():
        assert_card_is_seen(lab, run, value)
        assert overlapping_texts(card_of(lab, run)) == []
