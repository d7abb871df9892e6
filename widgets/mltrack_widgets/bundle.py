"""What a cell is given to show: HTML and text of the same thing, as one MIME bundle."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack_widgets.html import Markup, stylesheet, tag

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_HTML, _TEXT = "text/html", "text/plain"

NO_FORMULAS = "mathjax_ignore tex2jax_ignore"
"""Classes of what MathJax leaves as it is (its versions 3 and 2): notebooks set ``$…$`` in HTML as formulas."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """HTML for notebooks and text for terminals, shown by IPython as one output.

    ``metadata`` goes with the output as it is saved (nbformat's ``metadata`` of a display).
    """

    html: Markup
    text: str
    metadata: Mapping[str, object] = field(default_factory=dict)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str] | tuple[dict[str, str], dict[str, object]]:
        """Return both forms; the text is there whatever is asked for, since every front end can show it."""
        wanted = (include is None or _HTML in include) and (exclude is None or _HTML not in exclude)
        data = {_HTML: self.html.html, _TEXT: self.text} if wanted else {_TEXT: self.text}
        return (data, dict(self.metadata)) if self.metadata else data

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def framed(*children: Markup | str) -> Markup:
    """Put children in the frame that all of mltrack's output has, with its style rules.

    JupyterLab's sanitiser takes style elements out of untrusted notebooks and keeps ``class`` and a list of inline
    properties (none with ``var()``, ``user-select`` or ``sticky``). So what holds a layout together is written inline
    or is plain HTML structure, and the rules add the host's colours and fonts, tabular figures and sticky headers.
    """
    return tag("div", {"class": f"mltrack {NO_FORMULAS}"}, styles("style.css"), *children)


@cache
def styles(file: str) -> Markup:
    """Make a style element of a file of rules beside this one; ``framed`` has those of ``style.css``."""
    return stylesheet(style_rules(file))


@cache
def style_rules(file: str) -> str:
    """Read a file of rules beside this one, without what no browser needs: every saved output carries them."""
    rules = Path(__file__).with_name(file).read_text(encoding="utf-8")
    rules = re.sub(r"/\*.*?\*/", "", rules, flags=re.DOTALL)
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", rules)).strip()
