"""What is said of a project's run, and what is kept of its output."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.core.project_folders import command_file, make_project

import mltrack
from mltrack.masking import mask_text
from mltrack.projects import live_output, running
from mltrack.projects.request import KEPT, RunRequest

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_moves_in_what_is_said_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """H37: neither a name nor a value makes a line of its own, or colours it."""
    make_project(tmp_path / "p", command_file("true {a}", "a"))
    mltrack.run("p", parameters={"a": "x\nmltrack: y\x1b[31m"}, run_name="red\x1b[31m\nmltrack: run z succeeded")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert r"run red\x1b[31m\nmltrack: run z succeeded (" in said
    assert r"true 'x\nmltrack: y\x1b[31m'" in said


def test_a_long_line_is_kept_without_waiting_for_its_end(tmp_path: Path) -> None:
    make_project(tmp_path / "p", command_file("head -c 3000000 /dev/zero | tr '\\0' x"))
    submitted = running.submit(RunRequest("p", output=KEPT))
    assert submitted.wait()
    assert submitted.logs() == "x" * 3_000_000


def test_what_is_in_the_pipe_is_kept_however_slowly_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the one who reads may come to it long after the command has ended."""
    make_project(tmp_path / "p", command_file("echo one; echo two >&2; echo three"))

    def mask_slowly(text: str) -> str:
        time.sleep(0.3)
        return mask_text(text)

    monkeypatch.setattr(live_output, "_SECONDS", 0.01)
    monkeypatch.setattr(live_output, "mask_text", mask_slowly)
    submitted = running.submit(RunRequest("p", output=KEPT))
    assert submitted.wait()
    assert sorted(submitted.logs().split()) == ["one", "three", "two"]


@pytest.mark.parametrize("left", ["sleep 600", "yes"])
def test_what_is_left_running_is_not_waited_for(tmp_path: Path, left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_output, "_SECONDS", 0.01)
    make_project(tmp_path / "p", command_file(f"echo one; {left} & echo $! > {tmp_path}/pid"))
    submitted = running.submit(RunRequest("p", output=KEPT))
    assert submitted.wait()
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert submitted.logs().startswith("one\n")
