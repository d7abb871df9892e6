"""The models' panel in the page: registered models, the versions of one, and what may be done to these."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.front.assets import text_of


class ModelsView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Draws the panel's state and sends what a user does as messages; see ``models.js``."""

    _esm = text_of(
        *("table_parts.js", "page_requests.js", "table_grid.js", "table_keys.js"),
        *("models_grid.js", "models_forms.js", "models.js"),
    )
    _css = text_of("table.css", "models.css")
    state: Any = traitlets.Dict().tag(sync=True)
