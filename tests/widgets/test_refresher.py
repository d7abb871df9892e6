"""The thread that keeps displayed panels up to date: when it refreshes, when it stops, and what it takes."""

from __future__ import annotations

import gc
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.core.scripts import run_script

import mltrack
from mltrack.settings import get_store
from mltrack_widgets.panels import host
from mltrack_widgets.panels import refresher as module
from mltrack_widgets.panels.cell_events import CellEvents, cell_events
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.refresher import THREAD_NAME, Refresher
from mltrack_widgets.panels.run_set import RunSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mltrack_widgets.html import Markup


class Counting(Panel):
    """A panel that counts what is asked of it."""

    live = True

    def __init__(self, *, cost: float = 0.0, fault: str = "") -> None:
        super().__init__(RunSet(get_store(), {}))
        self.refreshed = self.shown = 0
        self.cost, self.fault, self.said = cost, fault, ""

    def refresh(self) -> None:
        self.refreshed += 1
        end = time.thread_time() + self.cost
        while time.thread_time() < end:
            pass
        if self.fault:
            raise ValueError(self.fault)

    def show_again(self) -> None:
        self.shown += 1

    def show_fault(self, error: Exception) -> None:
        self.said = str(error)

    def _body(self, picture: Markup) -> Markup:
        return picture

    @property
    def text(self) -> str:
        return "counting"


@pytest.fixture
def refresher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refresher]:
    """One that looks 50 times a second, in a kernel that runs no cell."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(cell_events, "is_busy", False)
    made = Refresher()
    yield made
    made.stop()
    cell_events._begin.remove(made._cell_begins)
    until(lambda: not threads())


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def settled(refresher: Refresher, panel: Counting) -> None:
    """Watch a panel until the first look, which refreshes whatever there is, is over."""
    refresher.watch(panel)
    until(lambda: panel.refreshed == 1)


def test_a_panel_is_refreshed_when_something_was_written_and_saved_when_that_is_over(
    refresher: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = Counting()
    settled(refresher, panel)
    time.sleep(0.2)
    assert (panel.refreshed, panel.shown) == (1, 0)
    monkeypatch.setattr(module, "QUIET_SECONDS", 3_600.0)  # a pause between two writes does not end it
    with mltrack.start_run():
        until(lambda: panel.refreshed >= 2)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.1)
    until(lambda: panel.shown == 1)
    before = panel.refreshed
    time.sleep(0.3)
    assert (panel.refreshed, panel.shown) == (before, 1)


def test_nothing_is_saved_while_a_cell_runs(refresher: Refresher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_events, "is_busy", True)
    panel = Counting()
    settled(refresher, panel)
    mltrack.set_experiment("another")
    until(lambda: panel.refreshed >= 2)
    time.sleep(0.3)
    assert panel.shown == 0


def test_what_takes_long_is_done_rarely(refresher: Refresher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_events, "is_busy", True)
    panel = Counting(cost=0.35)  # 0.05 s are free at first; half a percent of 60 s makes up for the rest
    settled(refresher, panel)
    for step in range(20):
        mltrack.log_metric("loss", 1.0, step=step)
        time.sleep(0.02)
    mltrack.end_run()
    assert panel.refreshed == 1


def test_the_thread_ends_with_the_last_panel(refresher: Refresher) -> None:
    panels = [Counting() for _ in range(50)]
    for panel in panels:
        refresher.watch(panel)
    assert len(threads()) == 1
    for panel in panels:
        refresher.unwatch(panel)
    until(lambda: not threads())
    refresher.watch(panels[0])
    assert len(threads()) == 1
    del panel
    panels.clear()
    gc.collect()
    until(lambda: not threads())


def test_a_fault_is_said_once_and_others_go_on(refresher: Refresher) -> None:
    wrong, right = Counting(fault="no such column"), Counting()
    settled(refresher, wrong)
    settled(refresher, right)
    until(lambda: wrong.said == "no such column")
    assert not refresher.is_watching(wrong)
    mltrack.set_experiment("another")
    until(lambda: right.refreshed >= 2)
    assert wrong.refreshed == 1


def test_a_panel_that_cannot_say_its_fault_does_not_end_the_thread(refresher: Refresher) -> None:
    class Mute(Counting):
        def show_fault(self, error: Exception) -> None:
            raise error

    wrong, right = Mute(fault="no such column"), Counting()
    settled(refresher, right)
    refresher.watch(wrong)
    until(lambda: not refresher.is_watching(wrong))
    mltrack.set_experiment("another")
    until(lambda: right.refreshed >= 2)


def test_of_very_many_panels_the_last_displayed_are_watched(
    refresher: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WATCHED", 2)
    panels = [Counting() for _ in range(3)]
    for panel in (*panels[:2], panels[0], panels[2]):
        refresher.watch(panel)
    assert [refresher.is_watching(panel) for panel in panels] == [True, False, True]
    assert [bool(panel.said) for panel in panels] == [False, True, False]


def test_a_cell_that_runs_again_ends_its_panels(refresher: Refresher, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Counting(), Counting()
    for panel, cell in ((first, "one"), (second, "two")):
        monkeypatch.setattr(host, "cell_key", lambda cell=cell: cell)
        refresher.watch(panel)
    refresher._cell_begins("")
    assert refresher.is_watching(first)
    refresher._cell_begins("one")
    assert (refresher.is_watching(first), refresher.is_watching(second)) == (False, True)


def test_a_closed_panel_is_left_alone() -> None:
    panel = Counting()
    module.refresher.watch(panel)
    panel.close()
    assert not module.refresher.is_watching(panel)
    until(lambda: not threads())


@pytest.mark.parametrize("by_thread", [False, True], ids=["own connection", "another connection"])
def test_a_store_says_that_something_was_written(by_thread: bool) -> None:
    store = get_store()
    before = store.version()
    assert store.version() == before
    store.list_experiments()
    assert store.version() == before
    write = threading.Thread(target=store.create_experiment, args=("new",))
    if by_thread:
        write.start()
        write.join()
    else:
        store.create_experiment("new")
    assert store.version() != before


FORKED = """
import os, threading, time
from mltrack.settings import get_store
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.refresher import refresher
from mltrack_widgets.panels.run_set import RunSet

panel = Panel(RunSet(get_store(), {}))
refresher.watch(panel)
time.sleep(0.1)
child = os.fork()
if not child:
    watched = refresher.is_watching(panel)
    names = [thread.name for thread in threading.enumerate()]
    refresher.watch(panel)
    refresher.stop()
    os._exit(0 if (watched, names) == (False, ["MainThread"]) else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), refresher.is_watching(panel))
"""


def test_a_forked_child_watches_nothing(tmp_path: Path) -> None:
    assert run_script(FORKED, folder=tmp_path).stdout.split()[-2:] == ["0", "True"]


def test_cells_inside_cells_are_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    events = CellEvents()
    told: list[object] = []
    events.at_begin(lambda key: told.append(f"begin {key}"))
    events.at_end(lambda: told.append("end" if events.is_ending and not events.is_busy else "late"))
    events.at_end(lambda: told.extend([] if told else [1 / 0]))
    message = ""
    monkeypatch.setattr(host, "message_id", lambda: message)
    monkeypatch.setattr(host, "cell_key", lambda: f"cell {message}")
    for message, step in (("1", "b"), ("1", "b"), ("1", "e"), ("1", "e"), ("2", "b"), ("3", "b"), ("3", "e")):  # noqa: B007
        (events._began if step == "b" else events._ended)(None)
    assert told == ["begin cell 1", "end", "begin cell 2", "end", "begin cell 3", "end"]
    assert (events.is_busy, events.is_ending) == (False, False)


def test_what_fails_at_a_cells_end_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLTRACK_TEST_MODE")
    events = CellEvents()
    told: list[object] = []
    events.at_end(lambda: told.append(1 / 0))
    events.at_end(lambda: told.append("next"))
    for _ in range(2):
        events._began(None)
        events._ended(None)
    assert told == ["next", "next"]
    assert capsys.readouterr().err == "mltrack: a panel could not be drawn: ZeroDivisionError: division by zero\n"
