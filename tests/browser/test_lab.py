"""The browser tests' own tools, tried on plain notebooks: what they report can be believed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser import lab as lab_module
from tests.browser.lab import WIDE, overlapping_texts, width_of_picture

if TYPE_CHECKING:
    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLAIN = (
    "print('hello', 6 * 7)",
    "import pandas\npandas.DataFrame({'animal': ['cat', 'dog'], 'legs': [4, 4]})",
    "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 3, 2]);",
    "print('again' if 'seen' in globals() else 'first time')\nseen = True",
)
NOISY = (
    "from IPython.display import HTML",
    'HTML(\'<script>console.error("ours"); fetch("http://example.invalid/chart.js").catch(() => 0)</script>\')',
)


def spans(*lefts: int, style: str = "") -> str:
    """A cell that puts words at these places of one line."""
    words = "".join(f'<span style="position:absolute;left:{left}px;{style}">word {left}</span>' for left in lefts)
    line = f'<div style="position:relative;height:20px">{words}</div>'
    return f"from IPython.display import HTML, display\ndisplay(HTML({line!r}))"


@pytest.fixture
def plain(lab: Lab) -> str:
    name = lab.write_notebook("plain.ipynb", PLAIN)
    lab.open(name)
    lab.run_all()
    return name


def assert_plain_outputs_are_seen(lab: Lab) -> None:
    assert lab.cell_text(0).strip() == "hello 42"
    assert lab.cell_output(1).locator("table tbody tr").all_inner_texts() == ["0\tcat\t4", "1\tdog\t4"]
    assert width_of_picture(lab.cell_output(2).locator("img")) > 100
    assert lab.cell_text(3).strip() == "first time"


def test_outputs_are_seen_with_a_kernel_and_once_saved_without(lab: Lab, plain: str) -> None:
    assert_plain_outputs_are_seen(lab)
    lab.save()
    lab.shutdown_kernel()
    lab.reload(plain)
    assert_plain_outputs_are_seen(lab)
    assert lab.sessions() == []
    assert lab.console_errors == []
    assert lab.foreign_requests == []


def test_what_was_not_saved_is_gone(lab: Lab, plain: str) -> None:
    lab.shutdown_kernel()
    lab.reload(plain)
    assert lab.cell_text(0) == ""


def test_a_cell_is_run_again_and_a_restart_forgets(lab: Lab, plain: str) -> None:
    lab.run_cell(3)
    assert lab.cell_text(3).strip() == "again"
    lab.restart_kernel()
    lab.run_cell(3)
    assert lab.cell_text(3).strip() == "first time"


def test_a_slow_cell_is_waited_for(lab: Lab) -> None:
    lab.open(lab.write_notebook("slow.ipynb", ["import time\ntime.sleep(0.7)\nprint('done')"]))
    lab.run_cell(0)
    assert lab.cell_text(0).strip() == "done"


def test_a_failing_cell_is_named(lab: Lab) -> None:
    lab.open(lab.write_notebook("failing.ipynb", ["print('fine')", "1 / 0", "print('never')"]))
    with pytest.raises(AssertionError, match="cell 1: ZeroDivisionError: division by zero"):
        lab.run_all()


def test_the_last_cell_of_a_long_notebook_is_seen(lab: Lab) -> None:
    lab.open(lab.write_notebook("long.ipynb", [f"print('cell', {index})" for index in range(60)]))
    lab.run_all()
    assert lab.cell_text(59).strip() == "cell 59"
    assert lab.cell_text(lab.cell_index("'cell', 7)")).strip() == "cell 7"


def test_errors_and_requests_to_other_hosts_are_noticed(lab: Lab, plain: str) -> None:
    assert lab.console_errors == []
    assert lab.foreign_requests == []
    lab.open(lab.write_notebook("noisy.ipynb", NOISY))
    lab.run_all()
    lab.wait_until(lambda: lab.console_errors and lab.foreign_requests)
    assert "ours" in lab.console_errors[0]
    assert lab.foreign_requests == ["http://example.invalid/chart.js"]


def test_pictures_of_both_themes(lab: Lab, plain: str) -> None:
    lab.set_theme("JupyterLab Dark")
    dark = lab.screenshot("lab-dark", lab.cell_output(1))
    lab.set_theme("JupyterLab Light")
    light = lab.screenshot("lab-light", lab.cell_output(1))
    assert dark.read_bytes().startswith(b"\x89PNG")
    assert dark.read_bytes() != light.read_bytes()


@pytest.fixture(scope="module")
def words(lab: Lab) -> str:
    name = lab.write_notebook("words.ipynb", ["%run cell.py"])
    lab.open(name)
    return name


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (spans(0, 100), []),
        (spans(0, 20), ["word 0 / word 20"]),
        (spans(0, 300, 310), ["word 300 / word 310"]),
        (spans(0, 20, style="width:15px;overflow:hidden;white-space:nowrap"), []),
        (spans(0, 20, style="width:25px;overflow:hidden;white-space:nowrap"), ["word 0 / word 20"]),
        (spans(0, 20, style="visibility:hidden"), []),
    ],
    ids=["apart", "on each other", "two of three", "cut off before", "cut off too late", "not seen"],
)
def test_overlapping_texts(lab: Lab, words: str, cell: str, expected: list[str]) -> None:
    (lab.folder / "cell.py").write_text(cell)
    lab.run_cell(0)
    assert overlapping_texts(lab.cell_output(0)) == expected


def test_a_narrow_window_is_all_notebook(lab: Lab, plain: str) -> None:
    lab.set_width(480)
    box = lab.cell_output(0).bounding_box()
    lab.set_width(WIDE[0])
    assert box
    assert 300 < box["width"] < 480


def test_other_event_loops_run_between_browser_tests(lab: Lab, plain: str) -> None:
    assert asyncio.get_running_loop() is lab.loop
    lab.pause()
    asyncio.run(asyncio.sleep(0))
    lab.resume()
    assert_plain_outputs_are_seen(lab)


def test_a_missing_browser_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab_module.missing_parts() == ""
    monkeypatch.setattr(lab_module, "CHROMIUM", Path("/nowhere/chromium"))
    assert lab_module.missing_parts() == "/nowhere/chromium (apt-get install chromium fonts-dejavu-core)"
