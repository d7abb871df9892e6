"""A chart in the page: drawn by the Vega that all charts share, from a specification and columns of data."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets
from ipywidgets import widget_serialization

from mltrack_widgets.front.assets import text_of
from mltrack_widgets.front.vega_library import VegaLibrary, vega_library


class ChartView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Draws a Vega-Lite specification with the columns of each named data source.

    ``spec`` is drawn when it has something in it. ``data`` maps the names of data sources to columns (``columns.py``),
    and so does ``added``, for small ones that change more often.
    ``controls`` are what stands above the chart (``controls.js``); ``words`` is a line of text, ``legend`` says which
    colours runs have (``runs``: ``name``, ``title``, ``colour``, ``dashes``; ``more``: a text). ``lines`` says how
    lines are followed with the pointer (``plots.js``) or how many parallel axes there are (``axes.js``), and a ``hint``
    of what a hand may do. ``range`` is what part of x is shown, and ``answered`` the serial of the last message of the
    page's that was dealt with.
    """

    _esm = text_of("controls.js", "columns.js", "theme.js", "tooltip.js", "plots.js", "axes.js", "chart.js")
    _css = text_of("front.css")
    library = traitlets.Instance(VegaLibrary).tag(sync=True, **widget_serialization)
    spec: Any = traitlets.Dict().tag(sync=True)
    data: Any = traitlets.Dict().tag(sync=True)
    added: Any = traitlets.Dict().tag(sync=True)
    controls: Any = traitlets.List().tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)
    legend: Any = traitlets.Dict().tag(sync=True)
    lines: Any = traitlets.Dict().tag(sync=True)
    range: Any = traitlets.Dict().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)

    def __init__(self, **state: Any) -> None:
        super().__init__(library=vega_library(), **state)

    def show(self, **state: Any) -> None:
        """Set what has changed of the state, and send it as one message."""
        with self.hold_sync():
            for name, value in state.items():
                if getattr(self, name) != value:
                    setattr(self, name, value)
