"""The dashboard: its parts are about the same runs, and share what is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.widgets.panel_runs import add_run, falling

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack_widgets.panels.dashboard import TABS, Dashboard, dashboard

if TYPE_CHECKING:
    from pathlib import Path


def sweep(count: int = 6, *, experiment: str = "cancer") -> list[str]:
    """Log runs with a param that varies and a metric with steps; the last started is the last of the list."""
    return [
        add_run(
            f"run-{place}",
            params={"C": 10.0**place, "solver": "lbfgs"},
            metrics={"loss": falling(20, rate=1 + place), "accuracy": 0.9 + place / 100},
            experiment=experiment,
        )
        for place in range(count)
    ]


def test_the_newest_are_chosen_at_first() -> None:
    ids = sweep()
    assert dashboard().selection == (ids[5], ids[4], ids[3])
    assert dashboard().words == "6 runs of cancer, 3 selected, baseline run-5"


@pytest.mark.parametrize("name", ["curves", *(name for name, _ in TABS)])
def test_what_is_chosen_in_one_is_chosen_in_all(name: str) -> None:
    ids = sweep()
    panel = dashboard()
    part = panel._chart_panel(name)
    part.selection = [ids[0], ids[2]]
    assert panel.selection == panel.table.selection == panel.comparison.selection == (ids[0], ids[2])
    panel.table.baseline = ids[2]
    assert panel.baseline == ids[2]
    assert panel.comparison.baseline_name == "run-2"
    assert panel.words == "6 runs of cancer, 2 selected, baseline run-2"


def test_curves_are_those_of_the_chosen() -> None:
    ids = sweep()
    panel = dashboard()
    panel.selection = ids[:2]
    assert set(panel.curves.to_dataframe()["run_id"]) == set(ids[:2])


def test_a_filter_of_the_table_is_that_of_all() -> None:
    sweep()
    panel = dashboard()
    scatter = panel._chart_panel("scatter")
    panel.table.filter = "metrics.accuracy > 0.925"
    assert scatter.filter == panel.filter == panel.curves.filter == "metrics.accuracy > 0.925"
    assert len(scatter.to_dataframe()) == len(panel.to_dataframe()) == 3
    assert panel.words.startswith("3 of 6 runs of cancer")


def test_a_wrong_filter_changes_nothing() -> None:
    sweep(2)
    panel = dashboard("metrics.accuracy > 0")
    with pytest.raises(InvalidParameterError):
        panel.filter = "metrics.accuracy >"
    assert panel.filter == "metrics.accuracy > 0"
    with pytest.raises(NotFoundError):
        dashboard(experiment="cancr")


def test_it_is_about_the_experiment_of_the_last_run() -> None:
    sweep(2)
    sweep(3, experiment="churn")
    assert dashboard().words.startswith("3 runs of churn")
    assert dashboard(experiment="cancer").words.startswith("2 runs of cancer")


def test_new_runs_are_shown_after_a_refresh() -> None:
    sweep(2)
    panel = dashboard()
    sweep(1)
    panel.refresh()
    assert panel.words.startswith("3 runs of cancer")
    assert "run-0" in panel.table.text


def test_an_empty_store_says_what_to_type() -> None:
    bundle = dashboard()._repr_mimebundle_()
    for said in ("0 runs of Default, 0 selected", "No runs of", "%%track_run", "Choose two runs or more"):
        assert said in bundle["text/html"]
    assert "<img" not in bundle["text/html"]


def test_a_run_with_nothing_is_shown_for_itself() -> None:
    add_run("bare")
    bundle = dashboard()._repr_mimebundle_()
    for said in ("1 run of cancer, 1 selected, baseline bare", "bare is chosen."):
        assert said in bundle["text/html"]
    assert "<img" not in bundle["text/html"]


def test_the_page_is_told_of_a_selection_once_all_parts_know_it() -> None:
    ids = sweep()
    panel = dashboard()
    assert panel.view
    panel.selection = [ids[0], ids[2]]
    assert "2 selected, baseline run-0" in panel._parts["words"].html


def test_what_is_behind_a_tab_is_read_when_it_is_chosen() -> None:
    sweep(2)
    panel = dashboard()
    assert panel.view
    hidden = panel._chart_panel("parallel")
    sweep(1)
    panel.refresh()
    assert len(hidden._values.ids) == 2
    panel._parts["tabs"].chosen = "parallel"
    assert len(hidden._values.ids) == 3


def test_what_stays_is_table_comparison_and_two_pictures(tmp_path: Path) -> None:
    sweep(20)
    bundle = dashboard()._repr_mimebundle_()
    html = bundle["text/html"]
    assert html.count('src="data:image/png;base64,') == 2
    assert all(f"run-{place}" in html for place in range(20))
    assert len(html) + len(bundle["text/plain"]) < 150_000
    assert "application/vnd.jupyter.widget-view+json" not in bundle  # nobody looks at this process


@pytest.mark.parametrize("ending", ["html", "png", "svg", "json"])
def test_it_is_saved_as(ending: str, tmp_path: Path) -> None:
    sweep(3)
    path = dashboard().save(tmp_path / f"all.{ending}")
    content = path.read_bytes()
    begins = {"html": b"<!DOCTYPE html>", "png": b"\x89PNG", "svg": b"<svg", "json": b"{"}[ending]
    assert content.startswith(begins)
    assert b"http://" not in content.replace(b"http://www.w3.org/", b"") or ending == "json"


def test_a_closed_one_follows_no_more() -> None:
    ids = sweep()
    panel = dashboard()
    panel.close()
    chosen = panel.comparison.baseline_name
    panel.table._chosen.choose([ids[0], ids[1]])
    assert panel.comparison.baseline_name == chosen
    assert isinstance(panel, Dashboard)
