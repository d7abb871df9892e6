"""Figures of matplotlib, plotly and Altair as bytes of a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping


def figure_bytes(figure: Any, artifact_file: str, save_kwargs: Mapping[str, Any] | None = None) -> bytes:
    """Draw a figure in the format that the ending of ``artifact_file`` names (.png, .svg, .html…).

    Raises
    ------
    InvalidParameterError
        When there is no ending, or it is a figure of no library that is known.
    """
    kind = safe_path(artifact_file).ending
    options = dict(save_kwargs or {})
    if not kind:
        raise InvalidParameterError(f"log_figure needs a file ending for {artifact_file!r}, such as .png.")
    library = type(figure).__module__.partition(".")[0]
    if library == "plotly":
        text = figure.to_html(include_plotlyjs=True, **options) if kind == "html" else None
        content: bytes = text.encode() if text is not None else figure.to_image(format=kind, **options)
        return content
    if library == "altair":
        return _saved(figure.save, kind, {"format": kind, **options})
    if hasattr(figure, "savefig"):
        return _saved(figure.savefig, kind, {"format": kind, **options})
    raise InvalidParameterError(
        f"log_figure takes matplotlib, plotly and Altair figures, no {type(figure).__name__} ({artifact_file!r})."
    )


def _saved(save: Any, kind: str, options: Mapping[str, Any]) -> bytes:
    is_altair = "altair" in type(getattr(save, "__self__", save)).__module__
    is_text = kind in ("html", "json") or (kind == "svg" and is_altair)
    target: Any = io.StringIO() if is_text else io.BytesIO()
    save(target, **options)
    content = target.getvalue()
    return content.encode() if isinstance(content, str) else bytes(content)
