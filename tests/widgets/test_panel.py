"""What all panels share: which store they are about, who is told of a selection, and that their widgets are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.magics.kernels import running_kernel
from tests.widgets.panel_runs import add_run, falling

import mltrack
from mltrack_widgets.bundle import NO_FORMULAS
from mltrack_widgets.panels.compare import ComparePanel
from mltrack_widgets.panels.curve_data import MOST_RUNS
from mltrack_widgets.panels.curves import CurvesPanel, curves
from mltrack_widgets.panels.dashboard import dashboard
from mltrack_widgets.panels.run_set import MOST_NAMED, run_set
from mltrack_widgets.panels.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack_widgets.panels.table_requests import TableRequests

VERBS = ("runs", "curves loss", "dashboard", "compare a b")
SWEEP = """from mltrack import start_run, log_metric, log_param
for name, C in (("a", 1), ("b", 2), ("c", 3)):
    with start_run(run_name=name):
        log_param("C", C)
        for step in range(9):
            log_metric("loss", step / C, step=step)
"""
OPEN = "sorted(__import__('ipywidgets').widgets.widget._instances)"


class Observer:
    def __init__(self, fault: str = "") -> None:
        self.told, self.fault = 0, fault

    def changed(self) -> None:
        self.told += 1
        if self.fault:
            raise ValueError(self.fault)


def test_one_that_fails_keeps_nobody_from_being_told() -> None:
    selection, wrong, right = Selection(), Observer("no such table"), Observer()
    for each in (wrong, right):
        selection.observe(each.changed)
    with pytest.raises(ValueError, match="no such table"):
        selection.choose(["1"])
    assert (wrong.told, right.told) == (1, 1)


def test_a_panel_goes_on_with_its_own_store_when_another_is_chosen(tmp_path: Path) -> None:
    first = add_run("first", metrics={"loss": falling(9)})
    panels = (mltrack.runs(), curves(), dashboard())
    mltrack.set_tracking_uri(tmp_path / "other.db")
    add_run("other", metrics={"loss": falling(9)})
    for panel in panels:
        panel.refresh()
        panel.selection = ["first"]
        panel.baseline = "last"
        assert (panel.selection, panel.baseline) == ((first,), first)
        assert list(panel.to_dataframe()["run_id"].unique()) == [first]


def test_more_runs_than_a_filter_can_name_are_chosen_and_drawn() -> None:
    ids = [add_run(f"run {place}", metrics={"loss": [1.0, 0.5]}) for place in range(MOST_NAMED + 60)]
    panel = CurvesPanel(run_set())
    panel.selection = ids
    assert panel.text.startswith(f"1 metric of the first {MOST_RUNS} of {len(ids)} ")
    found = run_set().first(len(ids))
    assert curves(runs=found).text.startswith(f"1 metric of the first {MOST_RUNS} of {len(ids)} ")
    assert list(run_set().by_id([*ids, "a" * 200])) == list(run_set().by_id(ids))


@pytest.mark.parametrize("text", ["x' OR '1'='1", "\ud800", "\x00", "'", "`\"'", "", "a" * 20_000, "../../x"])
def test_what_a_page_says_is_no_run_is_not_chosen(text: str) -> None:
    (known,) = [add_run("known", metrics={"loss": falling(9)})]
    panel = dashboard()
    panel.curves.refresh()
    requests: TableRequests = panel.table._requests
    for message in ({"kind": "select", "add": [text, known]}, {"kind": "baseline", "run": text}):
        requests.handle(None, {**message, "page": "a", "serial": 1}, [])
        panel.refresh()
    assert (panel.selection, panel.baseline) == ((known,), None)


@pytest.mark.parametrize("panel", [mltrack.runs, dashboard, curves])
def test_formulas_are_not_set_in_what_is_shown(panel: Any) -> None:
    add_run(r"$\href{http://evil.example}{x}$", metrics={"loss": falling(9)})
    made = panel()
    slot, frame = made._data(live=False, picture=False)["text/html"].split(">")[:2]
    assert slot.endswith(f' {NO_FORMULAS}"')
    assert frame.endswith(f'mltrack {NO_FORMULAS}"')


def test_a_fault_is_said_in_panels_of_panels() -> None:
    ids = [add_run(f"run {place}", metrics={"loss": falling(9)}) for place in range(2)]
    board, pair = dashboard(), ComparePanel(run_set(), selection=Selection(ids))
    for panel in (board, pair):
        assert panel.view is not None
        panel.show_fault(OSError("<b>gone</b>"))
    assert "any more: &lt;b&gt;gone" in board._parts["words"].html
    assert pair._parts is not None
    assert "any more: &lt;b&gt;gone" in pair._parts.tables.html


def test_a_cell_that_runs_again_leaves_no_widgets(tmp_path: Path) -> None:
    with running_kernel(tmp_path, MLTRACK_WIDGETS="always") as kernel:
        assert kernel.run(SWEEP).error is None
        for verb in VERBS:
            kernel.run(f"%mltrack {verb}", cell_id="cell")
            once = kernel.evaluate(OPEN)
            for _ in range(3):
                assert kernel.run(f"%mltrack {verb}", cell_id="cell").stream("stderr") == ""
            again = kernel.evaluate(OPEN)
            assert len(again) == len(once), verb


def test_a_panel_that_two_cells_show_lives_in_the_other_one(tmp_path: Path) -> None:
    with running_kernel(tmp_path, MLTRACK_WIDGETS="always") as kernel:
        assert kernel.run(SWEEP).error is None
        kernel.run("import mltrack\nboard = mltrack.dashboard()\nboard", cell_id="one")
        kernel.run("board", cell_id="two")
        before = kernel.evaluate(OPEN)
        kernel.run("0", cell_id="one")
        assert kernel.evaluate(OPEN) == before
        kernel.run("0", cell_id="two")
        assert len(kernel.evaluate(OPEN)) < 4  # the library that charts share
        shown = kernel.run("board", cell_id="two")
        assert shown.error is None
        assert len(kernel.evaluate(OPEN)) == len(before)
