"""Lists of names written as one text, as a dictionary writes its words."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Give the words of a text."""
    return text.split()
