"""A run of a pipeline in a cell: its graph, how each step stands as it changes, what steps print, and a stop button."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, cast

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.plain_text import visible
from mltrack.settings import get_store
from mltrack_widgets.format import strip_ansi
from mltrack_widgets.panels import host
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.pipeline_card import head_of, pipeline_html, pipeline_text, step_of
from mltrack_widgets.panels.pipeline_layout import layout_of
from mltrack_widgets.panels.run_set import RunSet

if TYPE_CHECKING:
    import pandas as pd

    from mltrack.pipelines.pipeline_run import PipelineRun
    from mltrack.pipelines.progress import StepState
    from mltrack_widgets.front.pipeline_view import PipelineView
    from mltrack_widgets.html import Markup

THREAD_NAME = "mltrack-pipeline-panel"
LOOK_SECONDS, LEAST_SECONDS = 1.0, 0.1
LOG_LINES = 60
_RUNNING = "RUNNING"
_TOLD = ("running", "failed")


class PipelinePanel(Panel):
    """A run of a pipeline in a cell, kept up to date by a thread until the run is over.

    While a cell runs, most kernels hear of a button only after that cell; the page says so then, and an interrupt of
    the kernel does the same.
    """

    def __init__(self, begun: PipelineRun) -> None:
        super().__init__(RunSet(get_store(), {}))
        self._begun = begun
        self._layout = layout_of(begun.graph, begun.steps)
        self._selected = ""
        self._stopping = False
        self._kept: object = None  # what the outputs say
        self._wake = threading.Event()
        self._watcher: threading.Thread | None = None

    # What goes on

    def refresh(self) -> None:
        """Show how the run stands."""
        with self._lock:
            if self._view is None:
                return
            view = self._pipeline_view
            view.news = self._news()
            if self._selected:
                view.log = self._log()

    def keep(self) -> None:
        """Bring what is saved of the panel up to date, if it says something else of the run."""
        if self._root is not None and self._state() != self._kept:
            self.show_again()

    def finish(self) -> None:
        """Show how the run ended where no widget does: in what only keeps outputs, and in a terminal."""
        if not host.has_kernel():
            print(self.text)
        elif self._root is None:
            self.show_again()
        else:
            self.refresh()

    def _state(self) -> object:
        return self._begun.status, tuple(state.status for state in self._begun.steps.values())

    def _watch(self) -> None:
        """Follow the run on a thread, if it goes on."""
        cell_events.listen()
        _followed[id(self)] = self
        with self._lock:
            if self._watcher is None:
                self._begun.observe(self._changed)
                self._watcher = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
                self._watcher.start()

    def _changed(self, state: object) -> None:
        del state
        self._wake.set()

    def _work(self) -> None:
        is_over = False
        while not (is_over or self._closed):
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            is_over = self._begun.status != _RUNNING  # before the look, which then is of the end
            with suppress(Exception):  # what cannot be shown now may be the next time
                self.refresh()
            if not is_over:
                threading.Event().wait(LEAST_SECONDS)  # many changes at once are one
        self._begun.unobserve(self._changed)
        with self._lock:
            self._watcher = None
        if not cell_events.is_busy:
            with suppress(Exception):
                self.keep()

    def cell_ended(self) -> None:
        """Bring up to date what is saved, once the cell is over; a run that is over is followed no more."""
        if self._begun.status != _RUNNING:
            _followed.pop(id(self), None)
        self.keep()

    def _told(self, view: object, message: object, buffers: object) -> None:
        """Do what the page asks for; what it says may be anything."""
        del view, buffers
        if not isinstance(message, dict):
            return
        self._pipeline_view.send({"kind": "heard", "id": message.get("id")})
        step = message.get("step")
        if message.get("kind") == "stop":
            self._stopping = True
            threading.Thread(target=self._begun.stop, name=f"{THREAD_NAME}-stop", daemon=True).start()
            self.refresh()
        elif message.get("kind") == "log" and isinstance(step, str):
            self._selected = step if step in self._begun.steps else ""
            self._pipeline_view.log = self._log()

    # How it is shown

    def _ipython_display_(self) -> None:
        super()._ipython_display_()
        if self._root is not None and not self._closed:
            self.refresh()
            self._watch()

    def _publish(self, data: dict[str, Any], *, update: bool) -> None:
        self._kept = self._state()
        super()._publish(data, update=update)

    def _let_go(self) -> None:
        super()._let_go()
        _followed.pop(id(self), None)
        self._selected = ""

    def rest(self) -> None:
        """End what goes on behind the panel, until it is displayed again."""
        _followed.pop(id(self), None)

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        super().close()
        self._wake.set()
        self.rest()

    @property
    def _pipeline_view(self) -> PipelineView:
        return cast("PipelineView", self.view)

    def _make_view(self) -> PipelineView:
        from mltrack_widgets.front.pipeline_view import PipelineView  # with anywidget 35 ms, when one is first shown

        view = PipelineView(graph=self._layout.to_page(), news=self._news())
        view.on_msg(self._told)
        return view

    def _news(self) -> dict[str, Any]:
        head = head_of(self._begun)
        is_running = self._begun.status == _RUNNING
        if is_running and self._stopping:
            head["status"] = "stopping"
        return {
            **head,
            "steps": [{**step_of(state), **self._tail(state)} for state in self._begun.steps.values()],
            "can_stop": is_running and not self._stopping,
            "is_over": not is_running,
        }

    def _tail(self, state: StepState) -> dict[str, str]:
        """Give what a step prints unasked, while a cell runs and most kernels hear no question."""
        is_told = self._begun.status == _RUNNING and state.status in _TOLD
        return {"log": self._text_of(state.name)} if is_told else {}

    def _log(self) -> dict[str, str]:
        return {"step": self._selected, "text": self._text_of(self._selected)} if self._selected else {}

    def _text_of(self, step: str) -> str:
        try:
            lines = self._begun.logs(step).splitlines()[-LOG_LINES:]
        except (MltrackError, OSError) as error:
            lines = [str(error)]
        return visible(strip_ansi("\n".join(lines)))

    def _body(self, picture: Markup) -> Markup:
        del picture
        return pipeline_html(self._begun)

    @property
    def text(self) -> str:
        """What a terminal shows: a line for the run, and one for each step."""
        return pipeline_text(self._begun)

    @property
    def chart(self) -> NoReturn:
        """There is none: a pipeline's steps are in ``to_dataframe()``."""
        raise InvalidParameterError("The panel of a pipeline has no chart; its steps are in to_dataframe().")

    def to_dataframe(self) -> pd.DataFrame:
        """Give the steps as a DataFrame, one row each."""
        import pandas as pd  # 0.3 s, for those who want a frame

        return pd.DataFrame([step_of(state) for state in self._begun.steps.values()])


_followed: dict[int, PipelinePanel] = {}
"""Panels whose saved output is brought up to date when a cell ends, by identity."""


def _cell_ended() -> None:
    for panel in list(_followed.values()):
        panel.cell_ended()


cell_events.at_end(_cell_ended)
