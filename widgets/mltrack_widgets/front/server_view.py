"""A model's server in the page: how it is, a form to try it, lines to copy, its log, and buttons."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from mltrack_widgets.front.assets import text_of


class ServerView(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Draws a server's panel; see ``server.js``.

    ``news`` are the facts of the server and what can be asked for now, set at each look; ``form`` are the fields of the
    model and the lines that call it; ``log`` is the end of the log, while it is open. The page sends ``{"kind", "id"}``
    with ``do``, ``try`` or ``log``; the kernel sends back that it has ``heard`` the id, and ``answer``.
    """

    _esm = text_of("server_parts.js", "server_form.js", "server.js")
    _css = text_of("front.css", "server.css")
    news: Any = traitlets.Dict().tag(sync=True)
    form: Any = traitlets.Dict().tag(sync=True)
    log = traitlets.Unicode().tag(sync=True)
