"""Reruns in a cell: how they go, what they print, and a button that stops them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn, cast

from mltrack.exceptions import InvalidParameterError
from mltrack.frames import to_frame
from mltrack.settings import get_store
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.refresher import refresher
from mltrack_widgets.panels.run_set import RunSet
from mltrack_widgets.sweep_view import Row, sweep_html, sweep_text

if TYPE_CHECKING:
    import pandas as pd

    from mltrack.entities import Run
    from mltrack.rerunning.handles import Handle
    from mltrack_widgets.front.sweep_view import SweepView
    from mltrack_widgets.html import Markup


class SweepPanel(Panel):
    """A rerun or a sweep, in a cell, for as long as it goes on and after."""

    live = True

    def __init__(self, handle: Handle) -> None:
        super().__init__(RunSet(get_store(), {}))
        self._handle = handle
        self._ended: dict[str, Run] = {}  # they change no more
        self._was_over = False

    def refresh(self) -> None:
        """Show how the runs are."""
        is_over = self._handle.is_over
        if self._view is not None:
            view = self._sweep_view
            view.html, view.runs = self._body_html(), not is_over
        if is_over and not self._was_over:
            self._was_over = True
            self.show_again()
            refresher.unwatch(self)

    def version(self) -> object:
        """Give what is another value once there may be something new to show: while it runs, every second."""
        return self._handle.version, 0 if self._handle.is_over else int(time.time())

    def _rows(self) -> list[Row]:
        return [Row(each, self._run_of(each)) for each in self._handle.attempts]

    def _run_of(self, attempt: Any) -> Run | None:
        if attempt.run_id in self._ended:
            return self._ended[attempt.run_id]
        run: Run | None = None if attempt.status == "waiting" else attempt.run
        if run is not None and attempt.is_over:
            self._ended[attempt.run_id] = run
        return run

    def _told(self, view: object, message: object, buffers: object) -> None:
        """Do what the page asks for; what it says may be anything."""
        del view, buffers
        if isinstance(message, dict) and message.get("kind") == "stop":
            self._handle.stop()
            self._sweep_view.send({"kind": "heard"})

    @property
    def _sweep_view(self) -> SweepView:
        return cast("SweepView", self.view)

    def _make_view(self) -> SweepView:
        from mltrack_widgets.front.sweep_view import SweepView  # with anywidget 35 ms, when a panel is first shown

        view = SweepView(html=self._body_html(), runs=not self._handle.is_over)
        view.on_msg(self._told)
        return view

    def _body_html(self) -> str:
        return sweep_html(self._handle, self._rows()).html

    def _body(self, picture: Markup) -> Markup:
        del picture
        return sweep_html(self._handle, self._rows())

    @property
    def text(self) -> str:
        """What a terminal shows: how it stands, and a line for each combination."""
        return sweep_text(self._handle, self._rows())

    @property
    def chart(self) -> NoReturn:
        """There is none: the runs are drawn by ``mltrack.parallel`` and ``mltrack.scatter``."""
        raise InvalidParameterError("The panel of a sweep has no chart; mltrack.parallel() draws its runs.")

    def to_dataframe(self) -> pd.DataFrame:
        """Give the runs there are as a DataFrame with MLflow's columns."""
        return to_frame([row.run for row in self._rows() if row.run is not None])
