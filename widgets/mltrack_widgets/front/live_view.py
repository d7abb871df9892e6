"""A run's curves while it is written: drawn in the page from what the kernel adds to them."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.front.assets import text_of


class LiveView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Small charts that grow.

    ``news`` says what stands around them (status, name, colour, words, fraction, more) and lists the ``charts``: of
    each its key, whether it is by time, how many points of it to keep, and how many to add. ``points`` holds the
    added ones, float64: of each chart first where they stand from left to right, then their values. The same comes as
    custom messages while the run goes on; the state has the whole at the beginning and at the end. ``slot`` is the
    class of the HTML output that shows the same at the end (see ``slot.js``).
    """

    _esm = text_of("slot.js", "live_chart.js", "live.js")
    _css = text_of("front.css", "live.css")
    slot = traitlets.Unicode().tag(sync=True)
    news: Any = traitlets.Dict().tag(sync=True)
    points = traitlets.Bytes().tag(sync=True)
