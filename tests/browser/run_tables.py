"""The run table as tests see it in the page: its rows read, its parts found, its answers waited for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator
    from tests.browser.lab import Lab

STORE = """%load_ext mltrack
import time, mltrack
ids = []
for place in range(12):
    with mltrack.start_run(run_name=f"run-{place}") as run:
        mltrack.log_params({"C": place % 3, "solver": ["lbfgs", "saga"][place // 6], "max_iter": 100})
        mltrack.log_metric("accuracy", 0.906 + place * 5 / 1000)
    ids.append(run.info.run_id)
    time.sleep(0.002)  # runs that begin in one millisecond are in the order of their ids"""
SHOW = """from mltrack_widgets.panels.run_table_panel import runs
table = runs(experiment="Default", max_results=8)
table"""
CELLS_OF_ROWS = """table => [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"""


@dataclass
class RunTablePage:
    """The table below one cell."""

    lab: Lab
    cell: int

    @property
    def output(self) -> Locator:
        return self.lab.cell_output(self.cell)

    def find(self, selector: str, text: str | None = None) -> Locator:
        """Give parts of the table by a selector, and by their text."""
        return self.output.locator(f".mtt {selector}", has_text=text)

    @property
    def rows(self) -> Locator:
        return self.find("tbody tr")

    def row(self, name: str) -> Locator:
        """Give the row of a run by its name."""
        return self.rows.filter(has=self.lab.page.get_by_label(f"Choose {name}", exact=True))

    def box_of(self, name: str) -> Locator:
        return self.row(name).locator("input")

    @property
    def header(self) -> list[str]:
        return [text.strip() for text in self.find("thead th").all_inner_texts()]

    def header_of(self, title: str) -> Locator:
        return self.find("thead th", title)

    def column(self, title: str) -> list[str]:
        """Read a column by its header."""
        header, *rows = cast("list[list[str]]", self.find("table").evaluate(CELLS_OF_ROWS))
        place = [text.split(" ")[0].removesuffix("↑").removesuffix("↓") for text in header].index(title)
        return [" ".join(row[place].split()) for row in rows]

    @property
    def status(self) -> str:
        return self.find("[role=status]").inner_text()

    @property
    def line(self) -> str:
        return " ".join(self.find(".mtt-line").inner_text().split())

    @property
    def chosen(self) -> list[str]:
        """The names of the chosen runs, from top to bottom."""
        names = self.column("name")
        marks = [row.get_attribute("aria-selected") for row in self.rows.all()]
        return [name.removesuffix(" baseline") for name, mark in zip(names, marks, strict=True) if mark == "true"]

    def filter_by(self, text: str) -> None:
        """Type a filter and press Enter."""
        with self.answered():
            self.find(".mtt-filter").fill(text)
            self.find(".mtt-filter").press("Enter")

    def wait_for_rows(self, count: int) -> None:
        self.rows.nth(count - 1).wait_for()

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Wait after what was done in the page until the kernel has answered it."""
        root = self.output.locator(".mtt")
        before = root.get_attribute("data-answered")
        yield
        self.lab.page.wait_for_function(
            "([root, before]) => root.dataset.answered !== before && !root.dataset.waiting",
            arg=[root.element_handle(), before],
        )
