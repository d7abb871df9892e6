"""Charts as files and as pictures inside HTML, drawn by vl-convert in this process."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.html import Markup, tag
from mltrack_widgets.panels.palette_png import with_palette

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

SCALE = 2.0
"""Pixels of a saved PNG for each of the chart's."""

# No address is allowed: data is in the specification, and a picture's address in it would be a request.
_CLOSED: dict[str, Any] = {"allowed_base_urls": []}


@cache
def vega_lite_version() -> str:
    """Give the newest Vega-Lite that vl-convert carries (``6.4``), which is that of the page's bundle too."""
    import vl_convert  # 60 ms, for pictures only

    return max(vl_convert.get_vegalite_versions(), key=lambda version: [int(part) for part in version.split(".")])


def png(spec: Mapping[str, Any], *, scale: float = 1.0) -> bytes:
    """Draw a Vega-Lite specification as a small PNG of 64 colours; it reaches for nothing outside it."""
    return with_palette(_png(on_white(spec), scale))


def _png(spec: dict[str, Any], scale: float = SCALE) -> bytes:
    import vl_convert  # as above

    return bytes(vl_convert.vegalite_to_png(spec, vl_version=vega_lite_version(), scale=scale, **_CLOSED))


def on_white(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give the specification with a white background: a picture's text is dark, whatever page it is shown on."""
    config = {**spec.get("config", {}), "text": {"color": "#222"}}
    return {**spec, "background": "white", "config": config}


def embedded(image: bytes, *, words: str) -> Markup:
    """Put a PNG into HTML; ``words`` say what it shows to who does not see it."""
    data = base64.b64encode(image).decode("ascii")
    return tag("img", {"src": f"data:image/png;base64,{data}", "alt": words, "style": "max-width:100%"})


def save_chart(spec: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a chart as ``.html`` (whole in itself), ``.png``, ``.svg`` or ``.json`` (Vega-Lite), by the path's ending.

    Raises
    ------
    InvalidParameterError
        For another ending.

    """
    place = Path(path)
    writer = _WRITERS.get(place.suffix.lower())
    if writer is None:
        raise InvalidParameterError(
            f"A panel is saved as {', '.join(_WRITERS)}; got {place.name!r}. Give it one of these endings."
        )
    content = writer(dict(spec))
    place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return place


def _svg(spec: dict[str, Any]) -> str:
    import vl_convert  # as above

    return str(vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version(), **_CLOSED))


def _page(spec: dict[str, Any]) -> str:
    import vl_convert  # as above

    # vl-convert writes texts into a script as they are, where "</script>" would end it
    text = json.dumps(spec, ensure_ascii=False)
    stand_in = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    page = vl_convert.vegalite_to_html(text.replace("<", stand_in), vl_version=vega_lite_version(), bundle=True)
    return str(page).replace(stand_in, "\\u003c")


_WRITERS: dict[str, Callable[[dict[str, Any]], bytes | str]] = {
    ".html": lambda spec: _page(on_white(spec)),
    ".png": lambda spec: _png(on_white(spec)),
    ".svg": lambda spec: _svg(on_white(spec)),
    ".json": lambda spec: json.dumps(spec, indent=1),
}
