"""Text that others wrote, as a reader may see it: what hides, moves or colours text is spelled out."""

from __future__ import annotations

import re

# What a reader cannot see or what moves other text: C0 and C1 controls, bidirectional marks and overrides, zero-width
# and soft characters, lone surrogates (they cannot be written as UTF-8), non-characters and the tag block. Zero-width
# joiners stay: several scripts and emoji are spelled with them. Tab and newline are asked about apart.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"
)
_HIDDEN_CHARACTER = re.compile(f"[{_HIDDEN}]")
_HIDDEN_OR_BREAK = re.compile(f"[{_HIDDEN}\t\n]")


def visible(text: str) -> str:
    r"""Show hidden and text-moving characters as escapes (``\x1b``, ``\u202e``); tabs and newlines stay."""
    return _HIDDEN_CHARACTER.sub(_escaped, text)


def printable(text: str) -> str:
    r"""Return the text as one line that a terminal shows as it is: ANSI escapes, tabs and newlines are spelled out."""
    return text if text.isascii() and text.isprintable() else _HIDDEN_OR_BREAK.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")
