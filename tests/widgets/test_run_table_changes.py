"""The run table while its store changes, over odd stores, and as an object in Python."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.core.notebooks import saved
from tests.quickness import assert_quick
from tests.widgets.table_pages import Page, log

import mltrack
from mltrack.exceptions import InvalidParameterError
from mltrack.settings import get_store
from mltrack_widgets.format import one_line
from mltrack_widgets.panels.run_set import set_of
from mltrack_widgets.panels.run_table_panel import RunTablePanel, runs
from mltrack_widgets.panels.selection import Selection
from mltrack_widgets.panels.table_fields import Field, field_of

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = ("<script>window.__xss=1</script>", '"><img src=x onerror="window.__xss=1">', "a\u202egnp\u200b.exe")
LIGHT = """
import sys
import mltrack
with mltrack.start_run(): mltrack.log_metric("m", 1.0)
from mltrack_widgets.panels.run_table_panel import runs
panel = runs()
assert "anywidget" not in sys.modules, "before it is shown"
panel._data(live=True, picture=False)
assert "anywidget" in sys.modules
print([name for name in ("altair", "pandas", "numpy") if name in sys.modules])
"""


def test_new_runs_come_with_a_refresh_and_without_news_nothing_is_sent() -> None:
    log("first", {"C": 1})
    page = Page(runs())
    before = page.state
    page.panel.refresh()
    page.panel.refresh()
    assert page.state == before
    mltrack.set_experiment("made later")
    log("second", {"C": 2})
    page.panel.refresh()
    assert page.column("name") == ["second", "first"]
    assert page.state["scope"] == "of 2 experiments"


def test_a_refresh_without_news_reads_nothing() -> None:
    log("first")
    panel = runs()
    panel.refresh()
    read = panel._page
    panel.refresh()
    assert panel._page is read
    log("second")
    panel.refresh()
    assert panel._page is not read


def test_the_page_is_read_on_other_threads_while_runs_are_logged() -> None:
    log("first")
    page, failed, over = Page(runs(max_results=5)), [], threading.Event()

    def follow() -> None:
        while not over.is_set():
            page.panel.refresh()
            if page.state["problem"]:
                failed.append(page.state["problem"])

    threads = [threading.Thread(target=follow) for _ in range(2)]
    for thread in threads:
        thread.start()
    ids = [log(f"run-{place}") for place in range(10)]
    for run_id in ids:
        page.send(kind="select", add=[run_id], only=True)
        page.send(kind="sort", column="name", order="ascending")
    page.send(kind="sort", column="name", order="none")
    over.set()
    for thread in threads:
        thread.join()
    page.panel.refresh()
    assert failed == []
    assert page.column("name")[0] == "run-9"
    assert page.panel.selection == (ids[-1],)


def test_two_panels_that_share_a_selection_are_changed_on_two_threads() -> None:
    ids = [log(f"run-{place}") for place in range(4)]
    shared = Selection()
    pages = [Page(RunTablePanel(runs()._runs, selection=shared)) for _ in range(2)]

    def choose(page: Page) -> None:
        for place in range(100):
            page.send(kind="select", add=[ids[place % 4]], only=True)

    threads = [threading.Thread(target=choose, args=(page,), daemon=True) for page in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "each waits for the other's lock"
    pages[0].send(kind="select", add=ids[:2], only=True)
    for page in pages:
        assert sum(row["chosen"] for row in page.state["rows"]) == 2
        assert page.state["chosen"] == 2


def test_a_closed_panel_is_refreshed_no_more() -> None:
    log("first")
    page = Page(runs())
    page.panel.close()
    log("second")
    page.panel.refresh()
    assert page.column("name") == ["first"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"kind": "nonsense"}, "KeyError"),
        ({}, "KeyError"),
        ({"kind": "sort", "column": "nonsense", "order": "ascending"}, "There is no column 'nonsense'"),
        ({"kind": "column", "column": "params.", "on": True}, "There is no column 'params.'"),
        ({"kind": "group", "column": "metrics.loss"}, "grouped by a param or a tag"),
        ({"kind": "page"}, "KeyError"),
    ],
)
def test_a_request_that_fails_says_so_in_a_line_and_leaves_the_rows(content: dict[str, object], problem: str) -> None:
    log("first")
    page = Page(runs())
    state = page.send(**content)
    assert problem in state["problem"]
    assert "\n" not in state["problem"]
    assert page.column("name") == ["first"]


@pytest.mark.parametrize("message", [None, 1, "x", [], math.nan, b"x"])
def test_a_message_that_is_none_is_nothing(message: object) -> None:
    log("first")
    page = Page(runs())
    before = page.state
    page.panel._requests.handle(page.view, message, [])
    assert page.state == before


def test_a_baseline_that_cannot_be_read_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = log("first")
    log("second")
    page = Page(runs(max_results=1))
    page.panel.baseline = pinned

    def fail(*_: object) -> object:
        raise mltrack.exceptions.StoreError("The store is gone.")

    monkeypatch.setattr(type(page.panel._runs.store), "get_run", fail)
    page.panel.show_fault(OSError("no more"))
    assert "no more" in page.state["problem"]


def test_a_store_that_is_gone_is_said_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log("first")
    page = Page(runs())

    def fail(*_: object) -> object:
        raise mltrack.exceptions.StoreError("The store is gone.")

    monkeypatch.setattr(type(page.panel._runs.store), "version", fail)
    page.panel.refresh()
    assert (page.state["problem"], page.column("name")) == ("The store is gone.", ["first"])
    monkeypatch.undo()
    page.panel.refresh()
    assert page.state["problem"] == ""


def test_an_empty_store_and_a_filter_without_a_match_say_what_to_do() -> None:
    page = Page(runs())
    assert page.state["rows"] == []
    assert page.state["empty"]["code"] == "%%track_run"
    assert "No runs yet" in page.state["empty"]["words"]
    log("first")
    page.panel.refresh()
    assert page.state["empty"] is None
    assert page.send(kind="filter", text="status = 'FAILED'")["empty"] == {
        "words": "No run matches this filter.",
        "code": "",
    }
    assert "None of 1 run" in page.panel.text


def test_not_a_number_and_infinities_are_texts() -> None:
    log("odd", {"C": "nan"}, {"a": math.nan, "b": math.inf, "c": -math.inf})
    log("usual", {"C": "1"}, {"a": 1.0, "b": 1.0, "c": 1.0})
    page = Page(runs())
    page.send(kind="baseline", run=page.state["rows"][0]["id"])
    assert [cell[0] for cell in page.state["rows"][1]["cells"][-3:]] == ["nan", "inf", "-inf"]
    json.dumps(page.state, allow_nan=False)
    page.send(kind="group", column="params.C")
    assert page.state["problem"] == ""
    json.dumps(page.state, allow_nan=False)


def test_of_500_params_twelve_are_shown_and_all_may_be() -> None:
    for place in range(2):
        with mltrack.start_run() as run:
            for start in range(0, 500, 100):
                mltrack.log_params({f"p{each:03}": place for each in range(start, start + 100)})
        assert run
    page = Page(runs())
    assert len([key for key in page.keys if key.startswith("params.")]) == 12
    assert page.view.fields == []
    page.send(kind="fields")
    named = [each["key"] for each in page.view.fields]
    assert len([key for key in named if key.startswith("params.")]) == 500
    page.send(kind="column", column="params.p499", on=True)
    assert page.column("params.p499") == ["1", "0"]
    page.send(kind="column", column="params.p000", on=False)
    page.send(kind="column", column="id", on=True)
    assert page.panel.columns[:5] == ["status", "name", "started", "duration", "id"]
    assert "params.p000" not in page.panel.columns
    page.send(kind="column", column="")
    assert page.keys[4] == "params.p000"


def test_attempts_of_one_cell_are_one_row_that_opens() -> None:
    ids = [log(f"attempt-{place}") for place in range(3)]
    for run_id in ids:
        saved(get_store(), run_id, kernel="one", cells=("x = 1",))  # type: ignore[arg-type]
    log("alone")
    page = Page(runs())
    assert len(page.state["rows"]) == 4
    state = page.send(kind="fold", on=True)
    assert page.column("name") == ["alone", "attempt-2"]
    assert [row["attempts"] for row in state["rows"]] == ["", "3 attempts"]
    assert state["count"] == "2 cells of 4 runs"
    page.send(kind="open", row=ids[2], on=True)
    assert [(row["name"], row["level"]) for row in page.state["rows"]] == [
        *(("alone", 1), ("attempt-2", 1)),
        *(("attempt-1", 2), ("attempt-0", 2)),
    ]
    page.send(kind="select", add=[ids[0]])
    assert page.state["rows"][-1]["chosen"] is True
    page.send(kind="fold", on=False)
    assert len(page.state["rows"]) == 4


def test_hostile_texts_are_spelled_out_in_every_place() -> None:
    for place, text in enumerate(HOSTILE):
        with mltrack.start_run(run_name=text):
            mltrack.log_params({"text": text, "place": place})
            mltrack.set_tag("note", text)
    page = Page(runs())
    page.panel.columns = ["name", "params.text", "tags.note", "params.place"]
    # Those that were begun in the same millisecond are in any order.
    places = [int(place) for place in page.column("params.place")]
    assert sorted(places) == list(range(len(HOSTILE)))
    for key, width in (("name", 40), ("params.text", 24), ("tags.note", 24)):
        assert page.column(key) == [one_line(HOSTILE[place], width) for place in places]
    page.send(kind="group", column="params.text")
    shown = [text for row in page.state["rows"] for cell in row["cells"] for text in cell]
    assert not any(set(text) & set("\u202e\u200b") for text in shown)
    page.panel.group_by = None
    assert "<script>" not in page.panel._data(live=False, picture=False)["text/html"]


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("params.C", Field("params", "C")),
        ("metrics.val/loss", Field("metrics", "val/loss")),
        ("tags.a b.c", Field("tags", "a b.c")),
        ("status", Field("attribute", "status")),
        ("start_time", Field("attribute", "started")),
        ("attributes.run_name", Field("attribute", "name")),
    ],
)
def test_columns_are_named_as_in_searches(key: str, field: Field) -> None:
    assert field_of(key) == field


@pytest.mark.parametrize("key", ["C", "params", "params.", "", "datasets.name", "code"])
def test_what_is_no_column_is_refused(key: str) -> None:
    with pytest.raises(InvalidParameterError, match="There is no column"):
        field_of(key)


def test_the_panel_in_python() -> None:
    ids = [log(f"run-{place}", {"C": place}, {"accuracy": place / 10}) for place in range(3)]
    panel = runs(max_results=2)
    panel.sort("metrics.accuracy")
    assert panel.text.splitlines()[2].split()[1] == "run-0"
    panel.sort("params.C", descending=True)
    assert list(panel.to_dataframe()["run_id"]) == ids[::-1], "all that match, not the page alone"
    panel.columns = ["name", "metrics.accuracy"]
    assert panel.columns == ["name", "metrics.accuracy"]
    panel.columns = None
    assert panel.columns[-1] == "metrics.accuracy"
    panel.sort()
    assert "run-2" in panel.chart.to_json()
    only = RunTablePanel(set_of([get_store().get_run(ids[1])]))
    assert only.text.splitlines()[0].startswith("1 of")


def test_what_stays_without_the_kernel_is_the_table_as_html_and_text() -> None:
    log("first", {"C": 1})
    panel = runs()
    data = panel._data(live=True, picture=False)
    assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert "first" in data["text/html"]
    assert data["text/html"].count("<table>") == data["text/html"].count("<style>") == 1
    panel.group_by = "params.C"
    assert "first" in panel.text


def test_a_panel_that_is_shown_later_shows_what_is_there_then(monkeypatch: pytest.MonkeyPatch) -> None:
    log("first")
    panel = runs()
    log("second")
    monkeypatch.setattr(panel, "_read_ms", panel._read_ms - 2_000)
    assert "second" in panel._data(live=False, picture=False)["text/html"]


def test_neither_altair_nor_pandas_is_imported_for_a_table(tmp_path: Path) -> None:
    shown = subprocess.run([sys.executable, "-c", LIGHT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert shown.stdout.splitlines()[-1:] == ["[]"], shown.stderr


def test_ten_thousand_chosen_runs_cost_little() -> None:
    log("first")
    page = Page(runs())
    chosen = [f"{place:032x}" for place in range(10_000)]
    assert_quick(lambda: page.panel.choose(chosen), 5)
    assert page.state["chosen"] == 10_000
    assert len(json.dumps(page.state)) < 10_000
