"""What all panels have in common: how they are shown, kept, saved, chosen from and closed."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from mltrack.exceptions import MltrackError
from mltrack.frames import to_frame
from mltrack_widgets.bundle import framed
from mltrack_widgets.html import NOTHING
from mltrack_widgets.panels import host
from mltrack_widgets.panels.pictures import embedded, png, save_chart
from mltrack_widgets.panels.run_set import these_runs
from mltrack_widgets.panels.selection import Selection

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd
    from ipywidgets import DOMWidget

    from mltrack.entities import Run
    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.run_set import RunSet

_HTML, _TEXT, _WIDGET = "text/html", "text/plain", "application/vnd.jupyter.widget-view+json"
MOST_IN_FRAME = 100_000

_without_picture: WeakSet[Panel] = WeakSet()


class Panel:
    """Runs to look at in a cell: a widget where there is a kernel and somebody looks, HTML and text everywhere else.

    A panel may be used from any thread. What its widget is told by the page may come at any time, or never.
    """

    def __init__(self, runs: RunSet, *, selection: Selection | None = None) -> None:
        self._runs = runs
        self._chosen = selection or Selection()
        self._lock = threading.RLock()
        self._display_id = uuid.uuid4().hex
        self._view: DOMWidget | None = None
        self._closed = False
        self._chosen.observe(self._selection_changed)

    # What each panel says for itself

    def _make_view(self) -> DOMWidget:
        """Make the widget; called once, when the panel is first shown to somebody."""
        raise NotImplementedError

    def _body(self, picture: Markup) -> Markup:
        """Give what HTML shows, which is what stays when the kernel is gone."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """What a terminal shows."""
        raise NotImplementedError

    @property
    def chart(self) -> Any:
        """The Altair chart of what is shown, with its data, to be restyled."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Read the store again and show what has changed."""

    def _selection_changed(self) -> None:
        """Show another selection."""

    def _picture_spec(self) -> Mapping[str, Any] | None:
        """Give the Vega-Lite specification of the picture that stays; None for a panel without one."""
        return None

    # What a user does with one

    @property
    def selection(self) -> tuple[str, ...]:
        """The ids of the chosen runs, in the order in which they were chosen; may be set to ids, names or runs."""
        return self._chosen.ids

    @selection.setter
    def selection(self, runs: Iterable[str | Run]) -> None:
        wanted = [runs] if isinstance(runs, str) else list(runs)
        self._chosen.choose([run.info.run_id for run in these_runs(wanted)] if wanted else [])

    @property
    def baseline(self) -> str | None:
        """The id of the run that others are compared with; may be set to an id, a name, a run or None."""
        return self._chosen.baseline

    @baseline.setter
    def baseline(self, run: str | Run | None) -> None:
        self._chosen.compare_with(None if run is None else these_runs([run])[0].info.run_id)

    @property
    def filter(self) -> str:  # noqa: A003 - what it is
        """The search that the shown runs match; may be set, and is refused when it does not parse."""
        return self._runs.filter_string

    @filter.setter
    def filter(self, filter_string: str) -> None:  # noqa: A003 - what it is
        wanted = self._runs.filtered(filter_string)
        wanted.first(1)  # raises for one that does not parse, before anything changes
        with self._lock:
            self._runs = wanted
        self.refresh()

    def to_dataframe(self) -> pd.DataFrame:
        """Give the runs that the panel is about as a DataFrame with MLflow's columns (at most 100,000)."""
        return to_frame(self._runs.first(MOST_IN_FRAME))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the panel as ``.html`` (whole in itself), ``.png``, ``.svg`` or ``.json`` (Vega-Lite).

        Raises
        ------
        InvalidParameterError
            For another ending, or when there is nothing to draw.

        """
        return save_chart(self.chart.to_dict(), path)

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        self._closed = True
        self._chosen.unobserve(self._selection_changed)

    # How it is shown

    @property
    def view(self) -> DOMWidget:
        """The widget, to be put into others."""
        with self._lock:
            if self._view is None:
                self._view = self._make_view()
            return self._view

    def _ipython_display_(self) -> None:
        shell = host.shell()
        if not host.has_kernel():
            print(self.text)
            return
        live = host.shows_widgets()
        shell.display_pub.publish(data=self._data(live=live, picture=not live), transient=self._transient)
        if live and self._picture_spec() is not None:
            _without_picture.add(self)

    def show_again(self) -> None:
        """Put the present state, with its picture, into the outputs that show the panel."""
        _without_picture.discard(self)
        if host.has_kernel():
            data = self._data(live=self._view is not None, picture=True)
            host.shell().display_pub.publish(data=data, transient=self._transient, update=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        return self._data(live=host.shows_widgets(), picture=True)

    @property
    def _transient(self) -> dict[str, str]:
        return {"display_id": self._display_id}

    def _data(self, *, live: bool, picture: bool) -> dict[str, Any]:
        data: dict[str, Any] = {_TEXT: self.text, _HTML: framed(self._body(self._image() if picture else NOTHING)).html}
        if live:
            data[_WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        return data

    def _image(self) -> Markup:
        try:
            spec = self._picture_spec()
            return embedded(png(spec), words=self.text.partition("\n")[0]) if spec is not None else NOTHING
        except (MltrackError, ValueError):  # a picture that cannot be drawn takes nothing else away
            return NOTHING

    def __repr__(self) -> str:
        return self.text


def finish_pictures() -> None:
    """Put pictures into the outputs of panels that were shown without one; called when a cell has ended.

    The first picture takes half a second, in which the kernel does nothing else: panels are drawn in the page before.
    """
    while _without_picture:
        _without_picture.pop().show_again()
