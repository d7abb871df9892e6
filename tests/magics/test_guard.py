"""What stands between a fault of ours and the user's cell."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from mltrack.exceptions import StoreFullError
from mltrack_magics import guard
from mltrack_magics.guard import forget_warnings, guarded, warn_once

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def unsaid() -> Iterator[None]:
    forget_warnings()
    yield
    forget_warnings()


def test_a_line_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        warn_once("this", ValueError("why\nnot"))
    warn_once("that", StoreFullError("The disk is full."))
    assert capsys.readouterr().err == (
        "mltrack: this failed: ValueError: why not Your cell is not affected.\n"
        "mltrack: that failed: The disk is full. Your cell is not affected.\n"
    )


@guarded("dividing")
def divide(a: int, b: int) -> float:
    """Divide."""
    return a / b


def test_a_guarded_hook_gives_its_value_and_keeps_its_name() -> None:
    assert divide(6, 3) == 2
    assert (divide.__name__, divide.__doc__) == ("divide", "Divide.")


def test_a_guarded_hook_never_raises(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLTRACK_TEST_MODE", raising=False)
    assert divide(1, 0) is None
    assert "dividing failed: ZeroDivisionError" in capsys.readouterr().err


def test_test_mode_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_TEST_MODE", "1")
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)


@pytest.fixture
def cell_begins(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until this is set no interrupt is sent again: it must not come while the test itself is at work."""
    begins = threading.Event()
    monkeypatch.setattr(guard, "time", SimpleNamespace(sleep=lambda _: begins.wait(60)))
    return begins


def interrupt_me() -> str:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    return "not cut in two"


def test_an_interrupt_waits_for_the_end_of_a_hook_and_is_sent_again(cell_begins: threading.Event) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert guarded("a hook", resend=True)(interrupt_me)() == "not cut in two"
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell_begins)


def test_an_interrupt_of_the_end_of_a_cell_is_too_late() -> None:
    assert guarded("a hook")(interrupt_me)() == "not cut in two"
    time.sleep(0.1)


def test_another_thread_leaves_the_signals_alone() -> None:
    seen = []
    hook = guarded("a hook", resend=True)(lambda: seen.append(signal.getsignal(signal.SIGINT)))
    thread = threading.Thread(target=hook)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_fault_goes_through(error: type[BaseException]) -> None:
    def hook() -> None:
        raise error

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(error):
        guarded("a hook")(hook)()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_between_the_guards_own_lines_still_stops_the_cell(cell_begins: threading.Event) -> None:
    """IPython prints an interrupt that a hook raises, and goes on with the cell."""

    @guarded("looking", resend=True)
    def hook() -> None:
        raise KeyboardInterrupt

    try:
        hook()
    except KeyboardInterrupt:
        pytest.fail("the hook raised it itself")
    with pytest.raises(KeyboardInterrupt):  # sent again, and so raised here, in what stands for the cell
        run_cell(cell_begins)


def run_cell(begins: threading.Event) -> None:
    begins.set()
    time.sleep(60)
