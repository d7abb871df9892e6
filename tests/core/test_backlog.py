"""Writes that wait: a refused one must not hold up those behind it, whatever the user does with warnings."""

from __future__ import annotations

import warnings

import pytest

from mltrack.backlog import Backlog, StoreWarning
from mltrack.exceptions import InvalidParameterError, StoreFullError


def test_a_refused_write_does_not_hold_up_the_next_when_warnings_are_errors() -> None:
    backlog, written, full = Backlog(), [], [True]

    def write(value: int) -> None:
        if full:
            raise StoreFullError("no room")
        if value == 1:
            raise InvalidParameterError("refused")
        written.append(value)

    with pytest.warns(StoreWarning, match="kept in memory"):
        backlog.do(write, 1)
    backlog.do(write, 2)
    full.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(StoreWarning, match="refused"):
            backlog.drain(now=True)
    assert backlog.drain(now=True)
    assert (written, backlog.lost) == ([2], 1)
