"""``mltrack gc``: what was deleted goes for good, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from tests.core.command_line import call, done, parsed, program, refused

import mltrack
from mltrack.cli import main
from mltrack.cli.garbage import _ids, _seconds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def deleted() -> list[str]:
    """Two deleted runs with a file each, and a kept one."""
    ids = []
    for _ in range(3):
        with mltrack.start_run() as run:
            mltrack.log_text("x" * 1000, "file.txt")
        ids.append(run.info.run_id)
    for run_id in ids[:2]:
        mltrack.MltrackClient().delete_run(run_id)
    return ids


def left() -> set[str]:
    return {each["info"]["run_id"] for each in parsed("runs", "list", "-x", "0", "-v", "all")}


def test_what_was_deleted_goes_for_good(deleted: list[str], tmp_path: Path) -> None:
    assert "Removed 2 runs, 0 experiments" in done("gc")
    assert left() == {deleted[2]}
    assert [path.name for path in (tmp_path / "mlartifacts" / "0").iterdir()] == [deleted[2]]
    assert parsed("gc")["runs"] == 0


def test_only_what_is_named(deleted: list[str]) -> None:
    assert parsed("gc", "--run-ids", f"{deleted[0]}")["runs"] == 1
    assert left() == set(deleted[1:])
    assert deleted[2] in refused("gc", "--run-ids", f"{deleted[1]},{deleted[2]}")
    assert left() == set(deleted[1:])


def test_only_what_is_old(deleted: list[str]) -> None:
    assert parsed("gc", "--older-than", "1d")["runs"] == 0
    assert parsed("gc", "--older-than", "0s")["runs"] == 2


def test_a_whole_experiment(deleted: list[str]) -> None:
    done("experiments", "create", "-n", "x")
    done("runs", "create", "-x", "1")
    done("experiments", "delete", "-x", "1")
    assert parsed("gc", "--experiment-ids", "1")["experiments"] == 1
    assert [each["experiment_id"] for each in parsed("experiments", "search", "-v", "all")] == ["0"]
    assert left() == set(deleted)


@pytest.mark.parametrize("option", ["--backend-store-uri", "--tracking-uri"])
def test_mlflows_ways_to_name_the_store(deleted: list[str], tmp_path: Path, option: str) -> None:
    uri = f"sqlite:///{tmp_path / 'mltrack.db'}"
    mltrack.set_tracking_uri(tmp_path / "other.db")
    assert parsed("gc", option, uri)["runs"] == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 2_592_000),
        ("1d2h3m4s", 93_784),
        ("1.5h", 5400),
        (".5m", 30),
        ("8h", 28_800),
        ("0s", 0),
        ("2.d", 172_800),
    ],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    context = click.Context(main)
    assert _seconds(context, main.commands["gc"].params[0], text) == seconds


@pytest.mark.parametrize("text", ["", "d", "1", "1x", "1s2m", "-1d", "1.2.3d", "1d ", "9" * 30 + "d"])
def test_what_is_no_length_of_time(text: str) -> None:
    found = call("gc", "--older-than", text)
    assert found.exit_code == 2
    assert "--older-than" in found.stderr


def test_ids_have_commas_between_them() -> None:
    context = click.Context(main)
    assert _ids(context, main.commands["gc"].params[1], "a, b,c") == ["a", "b", "c"]
    assert call("gc", "--run-ids", "a,,b").exit_code == 2


def test_a_person_is_asked(deleted: list[str]) -> None:
    pty = pytest.importorskip("pty")
    for answer, options, code, kept in ((b"n\n", [], 1, 3), (b"", ["--yes"], 0, 1)):
        leader, follower = pty.openpty()
        os.write(leader, answer)
        command = [sys.executable, "-m", "mltrack", "gc", *options]
        found = subprocess.run(command, stdin=follower, capture_output=True, text=True, check=False)
        os.close(leader)
        os.close(follower)
        assert (found.returncode, len(left())) == (code, kept), found.stderr
        assert ("Remove for good" in found.stderr) is (not options)
    assert program("gc").returncode == 0


def test_it_makes_no_store(tmp_path: Path) -> None:
    assert "There is no store at" in refused("gc")
    assert list(tmp_path.iterdir()) == []
