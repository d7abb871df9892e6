"""Environments that were made are seen and removed, and none that is in use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from click.testing import CliRunner

from mltrack import config
from mltrack.cli.program import main
from mltrack.deploying import environment_folders
from mltrack.deploying.environment_folders import Needs, make_environment
from mltrack.deploying.kept_environments import kept_environments, remove_environments
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 3600


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make environments of one program, that sleeps, and no wheel."""
    wheel = tmp_path / "x.whl"
    wheel.touch()

    def build(_needs: Needs, made: Path, _wheel: Path) -> None:
        (made / "bin").mkdir()
        (made / "bin" / "python").symlink_to(str(shutil.which("sleep")))

    monkeypatch.setattr(environment_folders, "_build", build)
    monkeypatch.setattr(environment_folders, "kept_wheel", lambda _: wheel)


def make(name: str, *, days_ago: float = 0) -> Path:
    python = make_environment(Needs("uv", "3.11", (name,)))
    moment = time.time() - days_ago * DAY
    os.utime(python.parents[2] / "ready", (moment, moment))
    return python


def invoke(*words: str) -> str:
    done = CliRunner().invoke(main, ["environments", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_without_any_there_is_nothing_to_see() -> None:
    assert kept_environments() == []
    assert remove_environments(0) == []
    assert json.loads(invoke("list", "--json")) == []


def test_the_one_used_last_is_first() -> None:
    old, new = make("old", days_ago=40), make("new", days_ago=20)
    assert [each.folder for each in kept_environments()] == [new.parents[2], old.parents[2]]
    make_environment(Needs("uv", "3.11", ("old",)))  # which uses it
    found = kept_environments()
    assert [each.folder for each in found] == [old.parents[2], new.parents[2]]
    assert all(each.size > 0 for each in found)


def test_old_ones_are_removed_and_the_others_stay() -> None:
    old, new = make("old", days_ago=40), make("new", days_ago=20)
    assert [each.folder for each in remove_environments(30 * DAY)] == [old.parents[2]]
    assert not old.parents[2].exists()
    assert new.exists()
    assert make("old").exists()
    with pytest.raises(InvalidParameterError, match="from 0"):
        remove_environments(-1)


def wait_for_its_command(process: subprocess.Popen[bytes]) -> None:
    """Linux shows how a process was called a moment after ``Popen`` has returned, and nothing until then."""
    end = time.monotonic() + 60
    while not psutil.Process(process.pid).cmdline():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_one_in_which_something_runs_stays() -> None:
    python = make("old", days_ago=40)
    process = subprocess.Popen([str(python), "600"])
    try:
        wait_for_its_command(process)
        assert [each.is_running for each in kept_environments()] == [True]
        assert remove_environments(0) == []
        assert python.exists()
    finally:
        process.kill()
        process.wait()
    assert len(remove_environments(0)) == 1


def test_the_commands_show_and_remove() -> None:
    old = make("old", days_ago=40)
    assert old.parents[2].name in invoke("list")
    assert invoke("remove", "--unused-for", "50") == "Removed 0 environments, 0 B.\n"
    found = json.loads(invoke("remove", "-y", "--json"))
    assert [each["folder"] for each in found] == [str(old.parents[2])]
    assert not (config.user_folder() / "environments" / old.parents[2].name).exists()
