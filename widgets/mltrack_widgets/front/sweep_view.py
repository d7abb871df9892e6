"""Reruns in the page: the kernel's table of them, and a button that stops them."""

from __future__ import annotations

import anywidget
import traitlets

from mltrack_widgets.bundle import style_rules
from mltrack_widgets.front.assets import text_of


class SweepView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Shows ``html``, which ``mltrack_widgets.html`` made, and while it ``runs`` a button.

    The page sends ``{"kind": "stop"}``; the kernel sends back ``{"kind": "heard"}``.
    """

    _esm = text_of("sweep.js")
    _css = style_rules("style.css") + text_of("front.css", "sweep.css")
    html = traitlets.Unicode().tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)
    runs = traitlets.Bool(default_value=True).tag(sync=True)
