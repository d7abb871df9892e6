"""The one run that a person means."""

from __future__ import annotations

import time

import pytest

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.lookup import find_run
from mltrack.settings import get_store


def begin(name: str | None = None) -> str:
    time.sleep(0.002)  # of two that begin in one millisecond neither is the last
    with mltrack.start_run(run_name=name) as run:
        return run.info.run_id


def rename_id(run_id: str, new: str) -> str:
    get_store()._database.write(  # type: ignore[attr-defined]
        lambda connection: connection.execute("UPDATE runs SET uuid = ? WHERE uuid = ?", (new, run_id))
    )
    return new


def test_by_id_by_digits_and_by_name() -> None:
    run_id = begin("mine")
    for text in (run_id, run_id[:12], "mine"):
        assert find_run(text).info.run_id == run_id


def test_the_newest_of_a_name() -> None:
    begin("twin")
    newest = begin("twin")
    assert find_run("twin").info.run_id == newest


def test_the_last() -> None:
    with pytest.raises(NotFoundError, match="no runs in this store yet"):
        find_run()
    begin()
    mltrack.set_experiment("another")
    last = begin()
    assert find_run().info.run_id == find_run("last").info.run_id == last
    named = begin("last")
    begin()
    assert find_run("last").info.run_id == named


def test_digits_that_begin_several_ids() -> None:
    first, second = (rename_id(begin(), "abc" + digit * 29) for digit in "12")
    with pytest.raises(InvalidParameterError, match=r"begins the ids of 2 runs.*Give more digits"):
        find_run("abc")
    assert find_run("abc1").info.run_id == first
    assert find_run(second).info.run_id == second


def test_a_name_goes_before_digits() -> None:
    rename_id(begin(), "abc" + "1" * 29)
    rename_id(begin(), "abc" + "2" * 29)
    named = begin("abc")
    assert find_run("abc").info.run_id == named
    renamed = rename_id(named, "abc" + "3" * 29)
    assert find_run("abc").info.run_id == renamed


@pytest.mark.parametrize("text", ["", "nothing", "%", "'; --", "f" * 33, "a" * 100_000])
def test_what_is_no_run(text: str) -> None:
    begin()
    with pytest.raises(NotFoundError):
        find_run(text)
