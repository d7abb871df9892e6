"""The run table's other end for tests: a page that sends what a user does and reads what it is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import mltrack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack_widgets.panels.run_table_panel import RunTablePanel


def log(name: str, params: Mapping[str, object] | None = None, metrics: Mapping[str, float] | None = None) -> str:
    """Log a run; returns its id."""
    with mltrack.start_run(run_name=name) as run:
        mltrack.log_params(dict(params or {}))
        mltrack.log_metrics(dict(metrics or {}))
    time.sleep(0.002)  # runs that begin in one millisecond are in the order of their ids
    return run.info.run_id


class Page:
    """Stands for the browser's: sends messages with serials, and reads the widget's state as it was sent."""

    def __init__(self, panel: RunTablePanel) -> None:
        self.panel = panel
        self.view: Any = panel.view
        self.serial = 0

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.view.state)

    def send(self, **content: object) -> dict[str, Any]:
        self.serial += 1
        self.panel._requests.handle(self.view, {**content, "page": "here", "serial": self.serial}, [])
        assert self.state["answered"]["here"] == self.serial
        return self.state

    def column(self, key: str) -> list[str]:
        place = [column["key"] for column in self.state["columns"]].index(key)
        return [row["cells"][place][0] for row in self.state["rows"]]

    @property
    def keys(self) -> list[str]:
        return [column["key"] for column in self.state["columns"]]
