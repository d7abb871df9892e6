"""The command line: what each command prints, and its exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import mltrack
from mltrack import doctor
from mltrack.cli import main
from mltrack.settings import get_store
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture
def run() -> mltrack.ActiveRun:
    """A finished run in the store of the working folder, and an older one that did worse."""
    with mltrack.start_run(run_name="older"):
        mltrack.log_metric("accuracy", 0.5)
    mltrack.set_experiment("other")
    with mltrack.start_run(run_name="better") as found:
        mltrack.log_metric("accuracy", 0.75)
        mltrack.log_param("depth", 3)
    return found


def test_the_version() -> None:
    found = call("--version")
    assert (found.exit_code, found.output) == (0, f"mltrack, version {mltrack.__version__}\n")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(option: str) -> None:
    found = call(option)
    assert found.exit_code == 0
    assert all(name in found.output for name in main.commands)
    for name in main.commands:
        takes_host = name in ("server", "ui")  # whose -h is MLflow's short --host
        assert call(name, "--help" if takes_host else option).exit_code == 0


def test_the_lists_of_commands_fit_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ((), ("server",), ("server", "users")):
        shown = call(*words, "--help").output
        assert not [line for line in shown.splitlines() if line.endswith(" ...") or re.search(r"\w\.\.\.$|.{81}", line)]


def test_runs_are_a_table(run: mltrack.ActiveRun) -> None:
    found = call("runs")
    assert found.exit_code == 0
    for word in ("older", "better", "0.75", "0.5"):
        assert word in found.output


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["metrics.accuracy > 0.6"], "better"),
        (["metrics.accuracy", "<", "0.6"], "older"),
        (["-e", "other"], "better"),
        (["--experiment", "Default"], "older"),
        (["-o", "metrics.accuracy DESC", "-n", "1"], "better"),
        (["-o", "metrics.accuracy", "-n", "1"], "older"),
    ],
)
def test_runs_are_filtered_ordered_and_limited(run: mltrack.ActiveRun, words: list[str], shown: str) -> None:
    found = call("runs", *words)
    assert found.exit_code == 0, found.output
    hidden = {"older": "better", "better": "older"}[shown]
    assert shown in found.output
    assert hidden not in found.output


@pytest.mark.parametrize("text", ["last", "better", ""])
def test_a_run_is_shown(run: mltrack.ActiveRun, text: str) -> None:
    for words in ([text] if text else [], [run.info.run_id], [run.info.run_id[:10]]):
        found = call("show", *words)
        assert found.exit_code == 0, found.output
        assert "better" in found.output
        assert "depth" in found.output


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["show", "nothing"], "no run named 'nothing'"),
        (["runs", "metrics.accuracy >"], "Error: "),
        (["runs", "nonsense.x = 1"], "Error: "),
    ],
)
def test_what_is_wrong_is_one_line(run: mltrack.ActiveRun, words: list[str], part: str) -> None:
    found = call(*words)
    assert found.exit_code == 1
    assert part in found.output
    assert "Traceback" not in found.output


def test_a_store_of_no_known_kind_is_wrong_usage() -> None:
    for words in (("--store", "ftp://x", "runs"), ("gc", "--backend-store-uri", "ftp://x")):
        found = call(*words)
        assert (found.exit_code, "scheme 'ftp'" in found.stderr) == (2, True)


@pytest.mark.parametrize("words", [["runs", "-n", "0"], ["nonsense"], ["runs", "--nonsense"]])
def test_what_is_no_command(words: list[str]) -> None:
    assert call(*words).exit_code == 2


@pytest.mark.parametrize("words", [["runs"], ["show"], ["show", "x"]])
def test_looking_makes_no_store(tmp_path: Path, words: list[str]) -> None:
    found = call(*words)
    assert found.exit_code == 1
    assert f"There is no store at {tmp_path / 'mltrack.db'}" in found.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_store_elsewhere(tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "else where"
    place.mkdir()
    mltrack.set_tracking_uri(place)
    with mltrack.start_run(run_name="there"):
        pass
    mltrack.set_tracking_uri(tmp_path / "nothing.db")
    if by == "variable":
        monkeypatch.setenv("MLTRACK_TRACKING_URI", str(place))
    found = call(*(["--store", str(place / "mltrack.db")] if by == "option" else []), "runs")
    assert found.exit_code == 0, found.output
    assert "there" in found.output


def test_the_doctor_finds_a_good_store_good(run: mltrack.ActiveRun) -> None:
    found = call("doctor")
    lines = found.output.splitlines()
    assert found.exit_code == (1 if any(line.startswith("BAD") for line in lines) else 0)
    assert "ok   integrity: ok" in lines
    assert "ok   no open runs" in lines
    assert any(line.startswith("ok   store") and "2 runs" in line for line in lines)
    assert not any(line.startswith("BAD") and "store" in line and "SQLite" not in line for line in lines)


def test_the_doctor_without_a_store_makes_none(tmp_path: Path) -> None:
    found = call("doctor")
    assert f"no store yet; it would be {tmp_path / 'mltrack.db'}" in found.output
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_names_open_runs() -> None:
    run = mltrack.start_run(run_name="still open")
    found = call("doctor").output
    assert f"open run still open ({run.info.run_id}), process {os.getpid()} on" in found


def test_the_doctor_finds_damage(run: mltrack.ActiveRun, tmp_path: Path) -> None:
    store = get_store()
    assert isinstance(store, SqliteStore)
    connection = store._database.connection()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'experiments'").fetchone()[0]
    store.close()
    with (tmp_path / "mltrack.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    mltrack.set_tracking_uri(tmp_path / "mltrack.db")
    found = call("doctor")
    assert found.exit_code == 1
    assert "BAD" in found.output
    assert "Traceback" not in found.output


def test_the_doctor_on_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "mltrack.db").write_text(
        "not a database at all, only some text that is long enough to be looked at" * 9
    )
    found = call("doctor")
    assert found.exit_code == 1
    assert "BAD  The store" in found.output


@pytest.mark.parametrize(
    ("version", "racing"),
    [
        ((3, 6, 99), False),
        ((3, 7, 0), True),
        ((3, 45, 1), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((4,), False),
    ],
)
def test_which_versions_of_sqlite_have_the_race(version: tuple[int, ...], racing: bool) -> None:
    assert doctor.has_reset_race(version) is racing


def test_as_a_program(run: mltrack.ActiveRun) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mltrack", "runs", "metrics.accuracy > 0.6"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "better" in done.stdout
    assert "older" not in done.stdout
    done = subprocess.run([sys.executable, "-m", "mltrack", "show", "x"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: There is no run named 'x'")
