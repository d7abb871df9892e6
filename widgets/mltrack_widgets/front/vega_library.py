"""Vega as one widget of the kernel: sent once, used by all charts of a page."""

from __future__ import annotations

import anywidget
import traitlets

from mltrack.exceptions import MltrackError
from mltrack_widgets.front.assets import text_of

BUNDLE = "vega.js"
_library: VegaLibrary | None = None


class VegaLibrary(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Holds the bundle of Vega, Vega-Lite and vega-embed; charts point to it and load it once a page.

    A chart that carried the bundle itself would send 0.9 MB each time. It is a state of its own model, not an answer to
    a question of the page's, since a kernel that is busy answers none.
    """

    _esm = "export default {};"
    source = traitlets.Unicode().tag(sync=True)
    version = traitlets.Unicode().tag(sync=True)


def vega_library() -> VegaLibrary:
    """Give the kernel's library, made at the first chart; MltrackError when the bundle was not built."""
    global _library  # noqa: PLW0603 - one for the kernel
    if _library is None or _library.comm is None:
        try:
            source = text_of(BUNDLE)
        except FileNotFoundError:
            problem = (
                "mltrack was installed without its bundle of Vega; run `python widgets/build_vega.py` in its clone."
            )
            raise MltrackError(problem) from None
        heading = source.partition("\n")[0]
        _library = VegaLibrary(source=source, version=heading.split("Vega-Lite ")[1].split()[0])
    return _library
