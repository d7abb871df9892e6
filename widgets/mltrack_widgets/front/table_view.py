"""The run table in the page: one page of rows, drawn from texts that the kernel made."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.front.assets import text_of


class TableView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Draws the run table's state and sends what a user does as messages; see ``table.js``.

    ``state`` is the whole view, so that it changes at once. ``fields`` are the names that may be columns or groups,
    set when the page asks for them: there may be many.
    """

    _esm = text_of(
        "table_parts.js", "page_requests.js", "table_popover.js", "table_grid.js", "table_keys.js", "table.js"
    )
    _css = text_of("table.css")
    state: Any = traitlets.Dict().tag(sync=True)
    fields: Any = traitlets.List().tag(sync=True)
