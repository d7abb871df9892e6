"""The background thread: jobs in order, faults in one line, and an end."""

from __future__ import annotations

import os
import threading
import time

import pytest

from mltrack_magics.background import Background
from mltrack_magics.guard import forget_warnings


def wait_for(event: threading.Event) -> None:
    event.wait(300)


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "mltrack-background"}


def test_jobs_are_done_in_order_by_one_thread() -> None:
    background, done = Background(), []
    for number in range(100):
        background.submit("a job", lambda number=number: done.append((number, threading.current_thread().name)))  # type: ignore[misc]
    assert background.wait(60)
    assert done == [(number, "mltrack-background") for number in range(100)]
    background.stop()


def test_no_thread_before_the_first_job_and_none_after_the_end() -> None:
    before = threads()  # others may end meanwhile
    background = Background()
    assert background.wait(0.01)
    assert threads() <= before
    background.submit("a job", lambda: None)
    background.stop(60)
    assert threads() <= before


def test_it_may_be_used_again_after_its_end() -> None:
    background, done = Background(), []
    for number in range(2):
        background.submit("a job", lambda number=number: done.append(number))  # type: ignore[misc]
        background.stop(60)
    assert done == [0, 1]


def test_a_fault_is_one_line_and_the_next_job_is_done(capfd: pytest.CaptureFixture[str]) -> None:
    forget_warnings()
    background, done = Background(), []

    def fail() -> None:
        raise ValueError("no\nluck")

    for job in (fail, fail, lambda: done.append(1)):
        background.submit("a job", job)
    assert background.wait(60)
    assert done == [1]
    assert capfd.readouterr().err == "mltrack: a job failed: ValueError: no luck Your cell is not affected.\n"
    background.stop()


def test_waiting_ends_with_the_time() -> None:
    background, may_go = Background(), threading.Event()
    background.submit("a job", lambda: wait_for(may_go))
    assert background.wait(0.05) is False  # the job is not over
    may_go.set()
    assert background.wait(60)
    background.stop()


def test_a_job_may_not_wait_for_itself() -> None:
    background = Background()
    answers: list[bool] = []
    background.submit("a job", lambda: answers.append(background.wait(60)))
    assert background.wait(60)
    assert answers == [False]
    background.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_wait() -> None:
    background, may_go = Background(), threading.Event()
    background.submit("a job", lambda: wait_for(may_go))
    child = os.fork()
    if not child:
        began = time.monotonic()
        waited = background.wait(120)
        os._exit(0 if not waited and time.monotonic() - began < 60 else 1)
    _, status = os.waitpid(child, 0)
    may_go.set()
    background.stop()
    assert os.waitstatus_to_exitcode(status) == 0
