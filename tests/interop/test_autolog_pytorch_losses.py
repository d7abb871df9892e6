from __future__ import annotations

import runpy
import sys
from typing import Any

import pytest

from mltrack.frameworks.pytorch import hooking
from mltrack.frameworks.pytorch.loss_names import callers_place, name_at


class Loss:
    """Stands where a tensor would: its ``backward`` tells where it was called."""

    def __init__(self) -> None:
        self.loss = self
        self.name = ""

    def backward(self, *_: Any) -> None:
        self.name = name_at(callers_place(sys._getframe(1)))

    scale = mean = __truediv__ = __add__ = lambda self, *_: self


SOURCES = {
    "d_loss.backward()": "d_loss",
    "_loss.backward()": "loss",
    "l.backward()": "loss",
    "out.loss.backward()": "loss",
    "losses['adversarial'].backward()": "adversarial",
    "(d_loss / 4).backward()": "d_loss",
    "(d_loss + l).backward()": "loss",
    "l.scale(d_loss / 4).backward()": "d_loss",
    "é = 'é'; d_loss.backward()": "d_loss",
    "l.backward(d_loss)": "d_loss",
    "make().backward()": "loss",
}


@pytest.mark.parametrize(("source", "name"), SOURCES.items())
def test_a_loss_is_named_as_in_the_users_source(source: str, name: str, tmp_path: Any) -> None:
    path = tmp_path / "cell.py"
    path.write_text(source, encoding="utf-8")
    loss = Loss()
    names = {"d_loss": loss, "l": loss, "_loss": loss, "out": loss, "losses": {"adversarial": loss}}
    runpy.run_path(str(path), {"make": lambda: loss, **names}, run_name="cell")
    assert loss.name == name


def test_a_loss_without_a_source_is_called_loss() -> None:
    assert name_at((compile("d_loss.backward()", "nowhere", "exec"), 0)) == "loss"


def test_a_value_on_another_device_is_copied_and_not_waited_for() -> None:
    class OnDevice:
        is_cpu = False

        def detach(self) -> OnDevice:
            return self

        def clone(self) -> str:
            return "copy"

    assert hooking.read(OnDevice()) == "copy"
