"""A panel's widget in the page, where the HTML that is saved with the notebook stands."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets
from ipywidgets import Widget, widget_serialization

from mltrack_widgets.front.assets import text_of


class SlotView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Shows ``child``, and keeps showing it in HTML with the class ``slot``.

    JupyterLab saves which widget an output was, and shows an error in its place when the notebook is opened again. So
    the page says ``{"kind": "kept"}`` when it can show the widget inside of HTML, and the output becomes that.
    """

    _esm = text_of("slot.js", "slot_view.js")
    child: Any = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    slot = traitlets.Unicode().tag(sync=True)
