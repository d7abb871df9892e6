"""HTML of the builder's in the page, that follows what the kernel says and keeps open what was opened."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.bundle import style_rules
from mltrack_widgets.front.assets import text_of


class HtmlView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Shows ``html``, which ``mltrack_widgets.html`` made.

    With a ``title`` it is folded under it, and the page says ``{"kind": "open"}`` when it is opened for the first time:
    what takes long to make is made then. ``choices`` are pairs of value and text, of which one is ``chosen``; ``label``
    says what is chosen.
    """

    _esm = text_of("html_view.js")
    _css = style_rules("style.css") + style_rules("compare.css")
    html = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    choices: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
