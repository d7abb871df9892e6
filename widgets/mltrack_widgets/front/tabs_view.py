"""A row of tabs in the page."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.front.assets import text_of


class TabsView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Names to choose one from: ``tabs`` are pairs of name and text, ``chosen`` is a name."""

    _esm = text_of("tabs.js")
    _css = text_of("tabs.css")
    label = traitlets.Unicode().tag(sync=True)
    tabs: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
