"""A pipeline under its cell in JupyterLab: its graph as it runs, what a step prints, stopping, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import serious_faults
from tests.browser.lab import WIDE, overlapping_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PROJECT = """name: titanic
entry_points:
  download: {command: "cat rows.txt > data/raw.csv; echo downloaded 3 rows"}
  clean: {command: "sort data/raw.csv > data/clean.csv"}
  features: {command: "cut -c1 data/raw.csv > data/features.csv"}
  train:
    parameters: {C: {type: float, default: 1.0}}
    command: "cat data/clean.csv data/features.csv > model.txt; echo C {C}; while [ ! -e go-on ]; do sleep 0.05; done"
  report: {command: "test -e may-report || (echo no report today; exit 3) || exit 3; cat model.txt > report.md"}
steps:
  download: {inputs: [rows.txt], outputs: [data/raw.csv], code: []}
  clean: {inputs: [data/raw.csv], outputs: [data/clean.csv], code: []}
  features: {inputs: [data/raw.csv], outputs: [data/features.csv], code: []}
  train: {inputs: [data/clean.csv, data/features.csv], outputs: [model.txt], code: []}
  report: {inputs: [model.txt, data/raw.csv], outputs: [report.md], code: []}
"""
CELLS = [
    "%load_ext mltrack\nimport mltrack, time",
    "%mltrack pipeline titanic",
    "%mltrack pipeline titanic",
    "begun = mltrack.pipelines.run('titanic', {'C': 2}, synchronous=False)\nbegun",
    "print(begun.status)",
]
LOAD, FIRST, SECOND, HANDLE, STATUS = range(5)


@pytest.fixture(scope="module")
def begun(lab: Lab) -> Iterator[str]:
    folder = lab.folder / "titanic"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "rows.txt").write_text("c,1\nb,2\na,3\n")
    name = lab.write_notebook("pipeline.ipynb", CELLS)
    lab.open(name)
    lab.forget_runs()
    lab.run_cell(LOAD)
    yield name
    lab.set_theme("JupyterLab Light")
    lab.set_width(WIDE[0])


def panel_of(lab: Lab, cell: int) -> Locator:
    shown = lab.cell_output(cell).locator(".mt-pipe")
    shown.wait_for()
    return shown


def box(panel: Locator, name: str) -> Locator:
    return panel.locator(".mt-pipe-box", has=panel.page.get_by_text(name, exact=True))


def is_step(panel: Locator, name: str, status: str) -> None:
    panel.locator(f".mt-pipe-box[data-status='{status}']", has=panel.page.get_by_text(name, exact=True)).wait_for()


def test_the_graph_is_live_while_the_cell_runs(lab: Lab, begun: str) -> None:
    lab.begin_cell(FIRST)
    panel = panel_of(lab, FIRST)
    is_step(panel, "train", "running")
    is_step(panel, "download", "finished")
    is_step(panel, "report", "waiting")
    assert panel.locator(".mt-server-state").inner_text() == "running"
    panel.locator("path").nth(5).wait_for(state="attached")  # drawn once there is a place for them
    assert panel.locator("path").count() == 6
    lab.screenshot("pipeline-running", panel)
    (lab.folder / "titanic" / "go-on").touch()
    lab.wait_until_done(FIRST)
    is_step(panel, "report", "failed")
    panel.locator(".mt-server-state:text-is('failed')").wait_for()
    assert "report: exit code 3: no report today" in lab.cell_text(FIRST)
    lab.screenshot("pipeline-failed", panel)


def test_a_step_shows_why_and_what_it_printed(lab: Lab, begun: str) -> None:
    panel = panel_of(lab, FIRST)
    box(panel, "report").click()
    panel.get_by_role("region", name="Log").get_by_text("no report today").wait_for()
    assert "exit code 3" in panel.locator(".mt-pipe-details").inner_text()
    box(panel, "download").press("Enter")
    panel.get_by_role("region", name="Log").get_by_text("downloaded 3 rows").wait_for()
    lab.screenshot("pipeline-log", panel)


def test_it_goes_on_where_it_stopped(lab: Lab, begun: str) -> None:
    (lab.folder / "titanic" / "may-report").touch()
    lab.run_cell(SECOND)
    panel = panel_of(lab, SECOND)
    for name in ("download", "clean", "features", "train"):
        is_step(panel, name, "skipped")
    is_step(panel, "report", "finished")
    box(panel, "train").click()
    panel.get_by_text("nothing changed since run").wait_for()
    assert "made by" in panel.locator(".mt-pipe-details").inner_text()


def test_the_button_stops_what_runs(lab: Lab, begun: str) -> None:
    (lab.folder / "titanic" / "go-on").unlink()
    lab.run_cell(HANDLE)
    panel = panel_of(lab, HANDLE)
    is_step(panel, "train", "running")
    panel.get_by_role("button", name="Stop", exact=True).click()
    is_step(panel, "train", "stopped")
    is_step(panel, "report", "not run")
    panel.get_by_role("button", name="Stop", exact=True).wait_for(state="hidden")
    lab.run_cell(STATUS)
    assert lab.cell_text(STATUS).strip() == "KILLED"
    assert (lab.console_errors, lab.foreign_requests) == ([], [])


def test_its_look(lab: Lab, begun: str, theme: str) -> None:
    panel = panel_of(lab, SECOND)
    for width in (WIDE[0], 480):
        lab.set_size(width, 1_200)
        lab.screenshot(f"pipeline-{theme}-{width}", panel_of(lab, FIRST))
        lab.screenshot(f"pipeline-again-{theme}-{width}", panel)
        assert overlapping_texts(panel) == []
        assert serious_faults(panel) == []
        assert panel.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_what_is_saved_needs_no_kernel(lab: Lab, begun: str) -> None:
    lab.set_width(WIDE[0])
    lab.save()
    lab.shutdown_kernel()
    lab.reload(begun)
    output = lab.cell_output(SECOND)
    assert "skipped" in output.inner_text()
    assert "4 of 5" not in output.inner_text()
    assert "5 of 5 steps" in output.inner_text()
    assert lab.page.locator(".mt-pipe").count() == 0
    lab.screenshot("pipeline-kept", output)
