"""Which writes may go on beside each other, in a database that lets them.

SQLite knows one writer at a time. PostgreSQL's would each have the store alone in the same way, but for those that are
marked here, which lock the run that they write to and touch nothing else that others could have changed meanwhile:
rows that are made once (names, datasets, environments, blobs) are inserted where they are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = TypeVar("Work", bound=Callable[..., Any])


def beside_others(work: Work) -> Work:
    """Mark a write that may go on beside others, and that leaves the same when it is done twice in a row."""
    work.is_beside = work.is_repeatable = True  # type: ignore[attr-defined]
    return work


def once_beside_others(work: Work) -> Work:
    """Mark a write that may go on beside others, but leaves more when it is done twice."""
    work.is_beside = True  # type: ignore[attr-defined]
    return work


def is_beside(work: Callable[..., object]) -> bool:
    """Say whether a write may go on beside others."""
    return getattr(work, "is_beside", False)


def is_repeatable(work: Callable[..., object]) -> bool:
    """Say whether a write leaves the same when it is done twice in a row."""
    return getattr(work, "is_repeatable", False)
