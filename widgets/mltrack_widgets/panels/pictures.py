"""Charts as files and as pictures inside HTML, drawn by vl-convert in this process."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.html import Markup, tag

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

SCALE = 2.0
"""Pixels of a saved PNG for each of the chart's."""


@cache
def vega_lite_version() -> str:
    """Give the Vega-Lite that Altair writes, as vl-convert calls it (``6.4``)."""
    import altair as alt  # over a second, so it waits for the first chart

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def png(spec: Mapping[str, Any], *, scale: float = 1.0) -> bytes:
    """Draw a Vega-Lite specification as PNG; it reaches for nothing outside it."""
    import vl_convert  # 60 ms, for pictures only

    return bytes(vl_convert.vegalite_to_png(dict(spec), vl_version=vega_lite_version(), scale=scale, **_CLOSED))


# No address is allowed: data is in the specification, and a picture's address in it would be a request.
_CLOSED: dict[str, Any] = {"allowed_base_urls": []}


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
    import vl_convert  # as in png

    return str(vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version(), **_CLOSED))


def _page(spec: dict[str, Any]) -> str:
    import vl_convert  # as in png

    return str(vl_convert.vegalite_to_html(spec, vl_version=vega_lite_version(), bundle=True))


_WRITERS: dict[str, Callable[[dict[str, Any]], bytes | str]] = {
    ".html": _page,
    ".png": lambda spec: png(spec, scale=SCALE),
    ".svg": _svg,
    ".json": lambda spec: json.dumps(spec, indent=1),
}
