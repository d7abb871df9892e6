"""A pipeline's run in the page: its graph, how each step stands, what one prints, and a stop button."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.front.assets import text_of


class PipelineView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Draws a pipeline's panel; see ``pipeline.js``.

    ``graph`` says where steps and lines are, in layers and lanes; ``news`` how the run and each step stand, set at each
    change; ``log`` is the end of what the selected step printed. The page sends ``{"kind", "id"}`` with ``stop`` or
    ``log`` and a ``step``; the kernel sends back that it has ``heard`` the id.
    """

    _esm = text_of("server_parts.js", "pipeline_graph.js", "pipeline.js")
    _css = text_of("front.css", "server.css", "pipeline.css")
    graph: Any = traitlets.Dict().tag(sync=True)
    news: Any = traitlets.Dict().tag(sync=True)
    log: Any = traitlets.Dict().tag(sync=True)
