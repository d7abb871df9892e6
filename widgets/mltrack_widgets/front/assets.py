"""The package's scripts and style rules, put together from their files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def text_of(*names: str) -> str:
    """Join files of this folder: an ES module in a notebook cannot import the one beside it, so it holds it."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
