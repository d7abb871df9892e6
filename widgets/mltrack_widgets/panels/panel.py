"""What all panels have in common: how they are shown, kept, saved, chosen from and closed."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from mltrack.exceptions import MltrackError
from mltrack.frames import to_frame
from mltrack_widgets.bundle import NO_FORMULAS, framed
from mltrack_widgets.html import NOTHING, tag
from mltrack_widgets.panels import host
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.pictures import embedded, png, save_chart
from mltrack_widgets.panels.refresher import refresher
from mltrack_widgets.panels.run_set import these_runs
from mltrack_widgets.panels.selection import Selection

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pandas as pd
    from ipywidgets import DOMWidget

    from mltrack.entities import Run
    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.run_set import RunSet

_HTML, _TEXT, _WIDGET = "text/html", "text/plain", "application/vnd.jupyter.widget-view+json"
MOST_IN_FRAME = 100_000

_without_picture: WeakSet[Panel] = WeakSet()
_displayed: WeakSet[Panel] = WeakSet()


class Panel:
    """Runs to look at in a cell: a widget where there is a kernel and somebody looks, HTML and text everywhere else.

    A panel may be used from any thread. What its widget is told by the page may come at any time, or never.
    """

    live = False
    """Whether a displayed panel is refreshed while there is something new in the store."""

    def __init__(self, runs: RunSet, *, selection: Selection | None = None) -> None:
        self._runs = runs
        self._chosen = selection or Selection()
        self._lock = threading.RLock()
        self._display_id = uuid.uuid4().hex
        self._view: DOMWidget | None = None
        self._root: DOMWidget | None = None
        self._published: dict[str, Any] = {}
        self._is_html = False
        self._cells: dict[str, str] = {}  # that show it, and the executions that did; the empty key is of unnamed ones
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

    def version(self) -> object:
        """Give what is another value once there may be something new to show; it is cheap."""
        return self._runs.store.version()

    def show_fault(self, error: Exception) -> None:
        """Say in the panel why it is not kept up to date any more."""
        if self._view is not None and self._view.has_trait("words"):
            self._view.words = f"Not kept up to date any more: {error}"

    def _selection_changed(self) -> None:
        """Show another selection."""

    def _picture_spec(self) -> Mapping[str, Any] | None:
        """Give the Vega-Lite specification of the picture that stays; None for a panel without one."""
        return None

    def _is_unfinished(self) -> bool:
        """Tell whether more is kept than what is shown at first, which is without a picture."""
        return self._picture_spec() is not None

    # What a user does with one

    @property
    def selection(self) -> tuple[str, ...]:
        """The ids of the chosen runs, in the order in which they were chosen; may be set to ids, names or runs."""
        return self._chosen.ids

    @selection.setter
    def selection(self, runs: Iterable[str | Run]) -> None:
        wanted = [runs] if isinstance(runs, str) else list(runs)
        self._chosen.choose([run.info.run_id for run in these_runs(wanted, self._runs.store)] if wanted else [])

    def observe_selection(self, method: Callable[[], None]) -> None:
        """Call a bound method after each change of what is chosen, as long as its object lives."""
        self._chosen.observe(method)

    @property
    def baseline(self) -> str | None:
        """The id of the run that others are compared with; may be set to an id, a name, a run or None."""
        return self._chosen.baseline

    @baseline.setter
    def baseline(self, run: str | Run | None) -> None:
        self._chosen.compare_with(None if run is None else these_runs([run], self._runs.store)[0].info.run_id)

    @property
    def filter(self) -> str:
        """The search that the shown runs match; may be set, and is refused when it does not parse."""
        return self._runs.filter_string

    @filter.setter  # noqa: A003 - the name that users know from searches
    def filter(self, filter_string: str) -> None:
        wanted = self._runs.filtered(filter_string)
        wanted.first(1)  # raises for one that does not parse, before anything changes
        self.look_at(wanted)

    def look_at(self, runs: RunSet) -> None:
        """Show other runs."""
        with self._lock:
            self._runs = runs
        self.refresh()

    def to_dataframe(self) -> pd.DataFrame:
        """Give the runs that the panel is about as a DataFrame with MLflow's columns (at most 100,000)."""
        return to_frame(self._runs.all(MOST_IN_FRAME))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the panel as ``.html`` (whole in itself), ``.png``, ``.svg`` or ``.json`` (Vega-Lite).

        Raises
        ------
        InvalidParameterError
            For another ending, or when there is nothing to draw.

        """
        return save_chart(self.chart.to_dict(), path)

    def rest(self) -> None:
        """End what goes on behind the panel beside its refreshing, until it is displayed again."""

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        self._closed = True
        refresher.unwatch(self)
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
        if not host.has_kernel():
            print(self.text)
            return
        live = host.shows_widgets()
        self._publish(self._data(live=live and not self._is_html, picture=not live), update=False)
        if live:
            self._note_cell()
        if live and self._is_unfinished():
            _without_picture.add(self)
        if live and self.live and not self._closed:
            refresher.watch(self)

    def _note_cell(self) -> None:
        """Remember the cell that shows the panel: once it is executed again, its widgets are closed."""
        cell_events.listen()
        self._cells[host.cell_key()] = host.message_id()
        _displayed.add(self)

    def _cell_begins(self, key: str) -> None:
        with self._lock:
            execution = host.message_id()  # which may have displayed it already, before others were told of its begin
            if not key or self._cells.get(key, execution) == execution:
                return
            del self._cells[key]
            root = None if self._cells else self._root
            if root is not None:
                self._let_go()
        if root is not None:
            _close_all(root)

    def _let_go(self) -> None:
        """Forget the widgets, as no output shows them any more; new ones are made when the panel is displayed again."""
        self._view = self._root = None
        self._is_html = False
        self._display_id = uuid.uuid4().hex

    def show_again(self) -> None:
        """Put the present state, with its picture, into the outputs that show the panel."""
        _without_picture.discard(self)
        if host.has_kernel():
            self._publish(self._data(live=self._root is not None and not self._is_html, picture=True), update=True)

    def _publish(self, data: dict[str, Any], *, update: bool) -> None:
        self._published = data
        host.shell().display_pub.publish(data=data, transient={"display_id": self._display_id}, update=update)

    def _heard(self, view: object, message: object, buffers: object) -> None:
        """Make the outputs HTML, once the page says that it shows the widget inside of that (see ``SlotView``)."""
        del view, buffers
        if message == {"kind": "kept"} and not self._is_html:
            self._is_html = True
            self._publish({mime: data for mime, data in self._published.items() if mime != _WIDGET}, update=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        return self._data(live=host.shows_widgets(), picture=True)

    @property
    def _slot(self) -> str:
        """The class of the HTML in whose place the page shows the widget."""
        return f"mt-slot-{self._display_id}"

    def _root_view(self) -> DOMWidget:
        """Make the widget that is displayed, which holds the panel's own."""
        from mltrack_widgets.front.slot_view import SlotView  # ipywidgets, for who looks at widgets only

        root = SlotView(child=self.view, slot=self._slot)
        root.on_msg(self._heard)
        return root

    def _data(self, *, live: bool, picture: bool) -> dict[str, Any]:
        html = framed(self._body(self.image() if picture else NOTHING))
        slot = tag("div", {"class": f"{self._slot} {NO_FORMULAS}"}, html)
        data: dict[str, Any] = {_TEXT: self.text, _HTML: slot.html}
        if live:
            with self._lock:
                self._root = self._root or self._root_view()
            data[_WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": self._root.model_id}
        return data

    def kept(self) -> Markup:
        """Give what stays when the kernel is gone, without the picture."""
        return self._body(NOTHING)

    def image(self) -> Markup:
        """Give the picture that stays; nothing when there is nothing to draw."""
        try:
            spec = self._picture_spec()
            return embedded(png(spec), words=self.text.partition("\n")[0]) if spec is not None else NOTHING
        except (MltrackError, ValueError):  # a picture that cannot be drawn takes nothing else away
            return NOTHING

    def __repr__(self) -> str:
        return self.text


def _close_all(widget: Any) -> None:
    """Close a widget, then those that it shows; otherwise the kernel and the page keep them for ever."""
    widget.close()
    shown = [*getattr(widget, "children", ()), getattr(widget, "child", None), widget.layout]
    for each in shown:
        if each is not None:
            _close_all(each) if hasattr(each, "layout") else each.close()


def _cell_begins(key: str) -> None:
    """A cell that is executed again has lost what it showed."""
    for panel in list(_displayed):
        panel._cell_begins(key)


def finish_pictures() -> None:
    """Put pictures into the outputs of panels that were shown without one; called when a cell has ended.

    The first picture takes half a second, in which the kernel does nothing else: panels are drawn in the page before.
    """
    while _without_picture:
        _without_picture.pop().show_again()


def stop_panels() -> None:
    """End what goes on behind all panels; they can still be used, and one that is displayed again goes on."""
    finish_pictures()
    refresher.stop()
    for panel in list(_displayed):
        panel.rest()
    cell_events.stop()


cell_events.at_begin(_cell_begins)
cell_events.at_end(finish_pictures)
