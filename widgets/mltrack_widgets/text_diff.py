"""What changed between two texts: lines, and inside of a line that was edited the part that is new."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAME, REMOVED, ADDED = " ", "-", "+"

_MOST_LINES = 2_000
"""Lines of a text that are compared one by one; what follows is taken whole."""
_LONGEST_LINE = 500
"""Characters of a line up to which is looked for what changed inside."""
_ALIKE = 0.5
_WORD = re.compile(r"\d[\w.]*\w|\w+|\s+|[^\w\s]")


class Part(NamedTuple):
    """A stretch of a line; ``changed`` when the line's counterpart has something else there."""

    text: str
    changed: bool


class DiffLine(NamedTuple):
    """A line with its sign: a blank for the same in both, ``-`` for removed, ``+`` for added."""

    sign: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The line as it is."""
        return "".join(part.text for part in self.parts)


def line_diff(before: str, after: str) -> list[DiffLine]:
    """Compare two texts line by line; lines that were edited are followed by what they became."""
    old, new = _lines(before), _lines(after)
    found: list[DiffLine] = []
    for kind, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            found += [_whole(SAME, line) for line in old[old_start:old_end]]
        else:
            found += _edited(old[old_start:old_end], new[new_start:new_end])
    return found


def told_apart(texts: Sequence[str], around: int) -> list[tuple[str, str, str]]:
    """Cut long texts to what they do not share: a few characters before it, it, and a few characters after it."""
    return [
        (
            head if len(head) <= around else f"…{head[-around:]}",
            middle,
            tail if len(tail) <= around else f"{tail[:around]}…",
        )
        for head, middle, tail in parted(texts)
    ]


def parted(texts: Sequence[str]) -> list[tuple[str, str, str]]:
    """Cut texts into what they have in common at their beginnings, what is between, and what they share at their ends.

    Common beginnings and ends are whole words or signs.
    """
    words = [_WORD.findall(text) for text in texts]
    head = _shared(words)
    tail = _shared([each[head:][::-1] for each in words])
    return [
        ("".join(each[:head]), "".join(each[head : len(each) - tail]), "".join(each[len(each) - tail :]))
        for each in words
    ]


def _shared(sequences: Sequence[Sequence[str]]) -> int:
    """Count the items with which all sequences begin."""
    return sum(1 for _ in takewhile(lambda items: len(set(items)) == 1, zip(*sequences, strict=False)))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if len(lines) > _MOST_LINES:
        return [*lines[:_MOST_LINES], "\n".join(lines[_MOST_LINES:])]
    return lines


def _whole(sign: str, line: str) -> DiffLine:
    return DiffLine(sign, (Part(line, changed=False),))


def _edited(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    """Give lines that were removed, then those in their place; lines at the same place in both are one that changed."""
    pairs = [_inside(one, other) for one, other in zip_longest(old, new)]
    yield from (removed for removed, _ in pairs if removed is not None)
    yield from (added for _, added in pairs if added is not None)


def _inside(old: str | None, new: str | None) -> tuple[DiffLine | None, DiffLine | None]:
    if old is None or new is None or max(len(old), len(new)) > _LONGEST_LINE:
        return (None if old is None else _whole(REMOVED, old)), (None if new is None else _whole(ADDED, new))
    left, right = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < _ALIKE:  # another line, not an edited one
        return _whole(REMOVED, old), _whole(ADDED, new)
    removed, added = [], []
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        removed.append(Part("".join(left[old_start:old_end]), kind != "equal"))
        added.append(Part("".join(right[new_start:new_end]), kind != "equal"))
    return DiffLine(REMOVED, _filled(removed)), DiffLine(ADDED, _filled(added))


def _filled(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.text)
