"""axe-core over a part of the page: what would shut out somebody who reads by ear or works by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator

_RUN = """async part => {
  const found = await axe.run(part, {resultTypes: ['violations']});
  return found.violations.filter(each => ['serious', 'critical'].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.map(node => node.html).slice(0, 3).join(' | ')}`);
}"""


def serious_faults(part: Locator) -> list[str]:
    """Return a line for each kind of serious or critical fault that axe finds in an element."""
    # The browser tests are collected, and skipped with a reason, where it is not installed.
    import axe_playwright_python

    part.page.evaluate(Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text())
    found: list[str] = part.evaluate(_RUN)
    return found
