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

    ``controls`` are what stands above the chart (see ``controls.js``); ``words`` is a line of text.
    """

    _esm = text_of("controls.js", "chart.js")
    _css = text_of("front.css")
    library = traitlets.Instance(VegaLibrary).tag(sync=True, **widget_serialization)
    spec: Any = traitlets.Dict().tag(sync=True)
    data: Any = traitlets.Dict().tag(sync=True)
    controls: Any = traitlets.List().tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)

    def __init__(self, **state: Any) -> None:
        super().__init__(library=vega_library(), **state)
