"""Saved pages of charts: whole without a network, read off at the pointer, zoomed, and deaf to hostile names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.lab import SLOWEST_MS

from mltrack_widgets.charts import metric_curves
from mltrack_widgets.panels.pictures import save_chart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
NAMES = (HOSTILE, "__proto__", '\\" + (window.pwned = 3) + \\"', "image", "title")


def frame() -> dict[str, list[Any]]:
    rows = [(name, HOSTILE, step, math.exp(-step / 80) + at) for at, name in enumerate(NAMES) for step in range(400)]
    return {key: [row[at] for row in rows] for at, key in enumerate(("run", "metric", "step", "value"))}


@pytest.fixture
def page(lab: Lab, tmp_path: Path) -> Iterator[tuple[Page, list[str]]]:
    """A saved page without a network, and what it asked for or complained about."""
    browser = lab.page.context.browser
    assert browser is not None
    context = browser.new_context(offline=True, viewport={"width": 700, "height": 400})
    context.set_default_timeout(SLOWEST_MS)
    opened, told = context.new_page(), []
    opened.on("request", lambda request: told.append(request.url))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("console", lambda message: told.append(message.text))
    place = save_chart(metric_curves(frame(), smoothing=0.6).to_dict(), tmp_path / "chart.html")
    opened.goto(place.as_uri())
    opened.wait_for_selector("svg.marks")
    del told[0]  # the page itself
    yield opened, told
    context.close()


def test_a_page_needs_no_network_and_runs_no_names(page: tuple[Page, list[str]]) -> None:
    opened, told = page
    assert told == []
    assert opened.evaluate("window.pwned") is None
    assert opened.locator("svg .mark-line.role-mark path").count() == 2 * len(NAMES)


def test_all_runs_are_read_at_the_pointer(page: tuple[Page, list[str]]) -> None:
    opened, told = page
    box = opened.locator("svg.marks").bounding_box()
    assert box is not None
    for across in (150, 152):
        opened.mouse.move(box["x"] + across, box["y"] + 100)
    tip = opened.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    cells = tip.locator("td.value").all_inner_texts()
    assert len(cells) == 1 + len(NAMES)
    values = [float(text.partition(" ")[0]) for text in cells]
    assert values[1:] == pytest.approx([math.exp(-values[0] / 80) + at for at in range(len(NAMES))], abs=0.02)
    assert opened.evaluate("window.pwned") is None
    assert told == []  # a run named "image" is no picture


def test_ctrl_and_the_wheel_zoom(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    labels = opened.locator("svg .role-axis-label text")
    before = labels.all_text_contents()
    box = opened.locator("svg.marks").bounding_box()
    assert box is not None
    opened.mouse.move(box["x"] + 200, box["y"] + 100)
    opened.mouse.wheel(0, -200)
    opened.wait_for_timeout(200)
    assert labels.all_text_contents() == before  # a plain wheel is for the page
    opened.keyboard.down("Control")
    opened.mouse.wheel(0, -200)
    opened.keyboard.up("Control")
    changed = """before => {
      const labels = [...document.querySelectorAll('svg .role-axis-label text')];
      return labels.map(label => label.textContent).join() !== before.join();
    }"""
    opened.wait_for_function(changed, arg=before)
