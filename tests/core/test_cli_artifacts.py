"""``mltrack artifacts``: files into a run, listed, and out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.command_line import call, done, parsed, refused
from tests.core.test_cli_output import in_terminal

import mltrack


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """A finished run without files, and files to log in the folder ``local``."""
    local = tmp_path / "local" / "deep"
    local.mkdir(parents=True)
    (local.parent / "a.txt").write_text("first")
    (local / "b.txt").write_text("second")
    with mltrack.start_run() as run:
        pass
    return run.info.run_id


def test_files_go_in_and_come_out(run_id: str, tmp_path: Path) -> None:
    text = done("artifacts", "log-artifact", "--local-file", "local/a.txt", "--run-id", run_id)
    assert text == "Logged artifact from local file local/a.txt to artifact_path=None\n"
    done("artifacts", "log-artifacts", "-l", "local", "-r", run_id, "--artifact-path", "all")
    assert parsed("artifacts", "list", "--run-id", run_id) == [
        {"path": "a.txt", "is_dir": False, "file_size": 5},
        {"path": "all", "is_dir": True, "file_size": None},
    ]
    listed = parsed("artifacts", "list", "-r", run_id, "-a", "all/deep")
    assert [each["path"] for each in listed] == ["all/deep/b.txt"]
    for words in (["-r", run_id, "-a", "all/deep/b.txt"], ["-u", f"runs:/{run_id}/all/deep/b.txt", "-r", "ignored"]):
        place = done("artifacts", "download", *words, "--dst-path", "out").rstrip("\n")
        assert Path(place) == tmp_path / "out" / "b.txt"
        assert Path(place).read_text() == "second"
        Path(place).unlink()
    whole = Path(parsed("artifacts", "download", "--run-id", run_id, "-d", "everything")["path"])
    assert (whole / "all" / "a.txt").read_text() == "first"


def test_without_a_destination_the_place_is_printed(run_id: str) -> None:
    done("artifacts", "log-artifact", "-l", "local/a.txt", "-r", run_id, "-a", "x")
    assert Path(done("artifacts", "download", "-r", run_id, "-a", "x/a.txt").rstrip("\n")).read_text() == "first"


def test_logging_as_json_lists_the_folder(run_id: str) -> None:
    found = parsed("artifacts", "log-artifact", "-l", "local/a.txt", "-r", run_id, "-a", "x")
    assert [each["path"] for each in found] == ["x/a.txt"]
    found = parsed("artifacts", "log-artifacts", "-l", "local", "-r", run_id)
    assert [each["path"] for each in found] == ["a.txt", "deep", "x"]


def test_a_pipe_gets_mlflows_json_and_a_terminal_a_table(run_id: str) -> None:
    done("artifacts", "log-artifacts", "-l", "local", "-r", run_id)
    assert json.loads(done("artifacts", "list", "-r", run_id))[0]["path"] == "a.txt"
    lines = in_terminal(["artifacts", "list", "-r", run_id], 80).splitlines()
    assert lines[1].split() == ["a.txt", "5", "B"]
    assert lines[2].split() == ["deep/"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["log-artifact", "-l", "none.txt", "-r", "RUN"], "none.txt"),
        (["log-artifact", "-l", "local/a.txt", "-r", "RUN", "-a", "../out"], ".."),
        (["log-artifact", "-l", "local/a.txt", "-r", "f" * 32], "f" * 32),
        (["log-artifacts", "-l", "none", "-r", "RUN"], "none"),
        (["list", "-r", "f" * 32], "f" * 32),
        (["list", "-r", "RUN", "-a", "/etc"], "/etc"),
        (["download", "-r", "RUN", "-a", "none.txt"], "none.txt"),
        (["download", "-r", "RUN", "-a", "../../mltrack.db"], ".."),
        (["download", "-u", "nonsense:/x"], "nonsense"),
    ],
)
def test_what_is_refused(run_id: str, words: list[str], part: str) -> None:
    assert part in refused("artifacts", *(run_id if word == "RUN" else word for word in words))
    assert parsed("artifacts", "list", "-r", run_id) == []


@pytest.mark.parametrize("words", [["download"], ["list"], ["log-artifact", "-r", "x"], ["log-artifacts", "-l", "x"]])
def test_what_is_used_wrongly(words: list[str]) -> None:
    assert call("artifacts", *words).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["list", "-r", "x"],
        ["download", "-r", "x"],
        ["download", "-u", "runs:/x/y"],
        ["log-artifact", "-l", "f", "-r", "x"],
    ],
)
def test_none_makes_a_store(tmp_path: Path, words: list[str]) -> None:
    assert "There is no store at" in refused("artifacts", *words)
    assert list(tmp_path.iterdir()) == []
