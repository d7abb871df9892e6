"""What is said when a param or metric was asked for that no run has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mltrack.exceptions import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 80


def check_names(wanted: Sequence[str], there: Sequence[str], *, noun: str) -> None:
    """Refuse names that are not there; the error tells near ones, or some that there are.

    Raises
    ------
    NotFoundError
        For the first of ``wanted`` that is not in ``there``.

    """
    for name in wanted:
        if name not in there:
            raise NotFoundError(f"These runs have no {noun} {name[:_SHOWN]!r}. {_hint(name, there, noun=noun)}")


def _hint(name: str, there: Sequence[str], *, noun: str) -> str:
    folded = {each.casefold()[:_SHOWN]: each for each in reversed(there)}
    near = get_close_matches(name.casefold()[:_SHOWN], folded, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(repr(folded[each]) for each in near)}?"
    some = ", ".join(repr(each) for each in there[:5])
    return f"They have {some}{' and others' if len(there) > 5 else ''}." if there else f"They have no {noun} at all."
