"""What is said of a project's run, and what is kept of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.core.project_folders import command_file, make_project

import mltrack
from mltrack.projects import running
from mltrack.projects.request import KEPT, RunRequest

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
