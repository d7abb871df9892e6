"""The line that a long transfer shows, and that a short one does not."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack.artifacts import progress
from mltrack.artifacts.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        return True


def line(stream: io.StringIO) -> str:
    """What a terminal shows: each carriage return begins the line again, and spaces cover what was longer."""
    shown = ""
    for text in stream.getvalue().split("\r"):
        shown = text + shown[len(text.rstrip("\n")) :] if text else shown
    return shown


def show_on(monkeypatch: pytest.MonkeyPatch, stream: object) -> None:
    """Make a stream the standard error as the module sees it; pytest puts its own back before each test."""
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    show_on(monkeypatch, stream)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: 7.0))  # however long this machine takes
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    return stream


def test_a_long_transfer_is_one_line_that_ends(terminal: Terminal) -> None:
    with Progress(("Uploading", "Uploaded"), "model.bin", size=2_000_000) as shown:
        shown.add(500_000)
        assert "Uploading model.bin: █████░░░░░░░░░░░░░░░ 25% of 2.0 MB" in line(terminal)
        shown.add(1_500_000)
    assert line(terminal).rstrip() == "Uploaded model.bin: 2.0 MB in 0 s"
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("\n")


def test_a_transfer_of_unknown_size(terminal: Terminal) -> None:
    with Progress(("Uploading", "Uploaded"), "3 files") as shown:
        shown.add(1234)
        assert line(terminal).startswith("Uploading 3 files: 1.2 kB, ")
        assert "%" not in line(terminal)


def test_a_transfer_that_fails_says_so(terminal: Terminal) -> None:
    shown = Progress(("Uploading", "Uploaded"), "a")
    shown.add(1)
    shown.__exit__(ValueError, ValueError("x"))
    assert line(terminal).rstrip() == "Uploading a: stopped"


def test_a_short_transfer_shows_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 1.0)
    with mltrack.start_run():
        mltrack.log_text("x" * 1_000_000, "a.txt")
    assert terminal.getvalue() == ""


def test_nobody_looks_at_a_pipe_or_a_file(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    closed = Terminal()
    closed.close()
    for stream in (io.StringIO(), None, object(), closed):
        show_on(monkeypatch, stream)
        with Progress(("Uploading", "Uploaded"), "a", size=2) as shown:
            shown.add(1)
        assert not isinstance(stream, io.StringIO) or stream.closed or stream.getvalue() == ""


class Broken(Terminal):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, *_: str) -> int:
        raise self.error


@pytest.mark.parametrize("error", [OSError("x"), ValueError("closed"), UnicodeEncodeError("ascii", "█", 0, 1, "x")])
def test_a_stream_that_breaks_does_not_end_the_upload(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    show_on(monkeypatch, Broken(error))
    with mltrack.start_run() as run:
        mltrack.log_text("x", "a.txt")
    assert mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt") == "x"


def test_threads_count_together(terminal: Terminal) -> None:
    with Progress(("Uploading", "Uploaded"), "a", size=8_000) as shown, ThreadPoolExecutor(8) as pool:
        list(pool.map(shown.add, [1] * 8_000))
    assert line(terminal).startswith("Uploaded a: 8.0 kB in ")


def test_every_verb_that_moves_bytes_shows_them(
    terminal: Terminal, make_place: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    for name in "abc":
        (tmp_path / "src" / name).write_bytes(bytes(1000))
    client = mltrack.MltrackClient()
    run_id = client.create_run(client.create_experiment("e", make_place("memory"))).info.run_id
    client.log_artifact(run_id, tmp_path / "src" / "a")
    client.log_artifacts(run_id, tmp_path / "src", "x")
    client.download_artifacts(run_id, "x", tmp_path / "out")
    lines = [text.rsplit("\r", 1)[-1].rstrip() for text in terminal.getvalue().split("\n")]
    assert [text.rpartition(" in ")[0] for text in lines[:-1]] == [
        "Uploaded a: 1.0 kB",
        "Uploaded 3 files: 3.0 kB",
        "Downloaded 3 files: 3.0 kB",
    ]
