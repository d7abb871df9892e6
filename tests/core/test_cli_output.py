"""What the command line prints: to a terminal, into a pipe, and with texts that would move a terminal's cursor."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.core.command_line import call, done, parsed, program, refused

import mltrack
from mltrack.cli import groups, main
from mltrack.cli.output import as_plain, local_time
from mltrack.exceptions import MltrackError, StoreFullError
from mltrack.store.connection import open_file

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "a\x1b[31mred\x1b[0m\r\n\x9b2Jb\u202ecba\x07"
ID = r"[0-9a-f]{32}"


@pytest.fixture
def nasty() -> str:
    """A run, an experiment, a tag and a param with texts that a terminal would obey."""
    client = mltrack.MltrackClient()
    experiment = client.create_experiment(NASTY)
    run_id = client.create_run(experiment, run_name=NASTY, tags={"t": NASTY}).info.run_id
    client.log_param(run_id, "p", NASTY)
    client.set_terminated(run_id)
    return run_id


SHOWN = [
    ["runs"],
    ["runs", "list", "-x", "1"],
    ["runs", "describe", "-r", "RUN"],
    ["runs", "--json"],
    ["show"],
    ["show", "--json"],
    ["experiments", "search"],
    ["experiments", "get", "-x", "1"],
    ["experiments", "get", "-n", NASTY],
    ["experiments", "get", "-n", NASTY, "--json"],
    ["experiments", "rename", "-x", "1", "--new-name", NASTY + "x"],
    ["experiments", "create", "-n", NASTY + "y"],
]
WRONG = [["show", NASTY + "z"], ["experiments", "get", "-n", NASTY + "z"], ["experiments", "create", "-n", NASTY]]


@pytest.mark.parametrize("words", [*SHOWN, *WRONG], ids=lambda words: " ".join(words[:2]))
def test_texts_of_a_store_cannot_move_the_cursor(nasty: str, words: list[str]) -> None:
    found = call(*(nasty if word == "RUN" else word for word in words))
    assert found.exit_code == (1 if words in WRONG else 0)
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", found.output) == []


def test_a_message_cannot_move_the_cursor_either() -> None:
    program = groups.Program("program")

    @program.command()
    @click.argument("kind")
    def fail(kind: str) -> None:
        raise {"core": MltrackError, "store": StoreFullError, "file": OSError}[kind](f"line 1\n{NASTY}")

    for kind, code in (("core", 1), ("store", 3), ("file", 1)):
        found = CliRunner().invoke(program, ["fail", kind])
        assert found.exit_code == code
        assert "Error: line 1\na\\x1b[31mred" in found.stderr
        assert "\x1b" not in found.stderr


def test_a_name_with_line_breaks_is_one_row(nasty: str) -> None:
    assert len(done("runs", "list", "-x", "1").splitlines()) == 2
    assert parsed("runs", "list", "-x", "1")[0]["info"]["run_name"] == NASTY


def test_an_open_runs_name_in_the_doctors_report() -> None:
    mltrack.start_run(run_name=NASTY)
    assert "\x1b" not in call("doctor").output


def in_terminal(words: list[str], columns: int, **variables: str) -> str:
    """What a terminal of this width receives."""
    pty = pytest.importorskip("pty")
    import fcntl  # not on Windows, as pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "mltrack", *words]
    process = subprocess.Popen(command, stdout=follower, stdin=follower, env=kept | {"TERM": "xterm"} | variables)
    os.close(follower)
    text = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(leader)
    assert process.wait() == 0, text
    return text.decode()


@pytest.mark.parametrize("columns", [80, 72, 250])
def test_a_table_fits_its_terminal(columns: int) -> None:
    client = mltrack.MltrackClient()
    run_id = client.create_run("0", run_name="a rather long name, the longest that there is " * 3).info.run_id
    client.set_terminated(run_id)
    text = in_terminal(["runs", "list", "-x", "0"], columns)
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in text.splitlines()]
    assert all(len(line) <= columns for line in lines)
    assert run_id in lines[1]
    assert ("…" in lines[1]) is (columns < 250)
    assert text.startswith("\x1b[1m")


@pytest.mark.parametrize(
    "words", [["runs", "list", "-x", "0"], ["experiments", "search"], ["experiments", "list", "-v", "all"]]
)
def test_an_id_is_whole_in_the_narrowest_terminal(words: list[str]) -> None:
    with mltrack.start_run() as run:
        pass
    text = in_terminal(words, 30)
    assert (run.info.run_id if words[0] == "runs" else "Experiment Id") in text
    assert in_terminal(["experiments", "search", "-v", "deleted_only"], 30).count("\n") == 1


def test_no_colour_where_none_is_wanted() -> None:
    with mltrack.start_run():
        pass
    assert re.findall(r"\x1b\[(?!0?m|1m)", in_terminal(["runs", "list", "-x", "0"], 80, NO_COLOR="1")) == []
    assert "\x1b" not in program("runs", "list", "-x", "0", FORCE_COLOR="1").stdout


def test_a_pipe_gets_every_cell_whole() -> None:
    client = mltrack.MltrackClient()
    name = "x" * 400
    client.create_run("0", run_name=name)
    line = program("runs", "list", "-x", "0", COLUMNS="20").stdout.splitlines()[1]
    assert re.fullmatch(rf"\S+ \S+  {name}  RUNNING  {ID}", line)


def test_printing_into_a_pipe_loads_no_rich_and_helping_loads_little(tmp_path: Path) -> None:
    """The help is there at once: 60 ms on a machine where click alone takes 40."""
    heavy = {"rich", "pandas", "numpy", "IPython", "sqlite_utils", "fsspec", "sqlite3", "pysqlite3", "altair"}
    for words, allowed in ((["--help"], set()), (["experiments", "create", "-n", "x"], {"pysqlite3", "sqlite3"})):
        script = (
            "import sys\nfrom mltrack.cli import main\nmain(sys.argv[1:], standalone_mode=False)\nprint(*sys.modules)"
        )
        out = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True).stdout
        assert heavy & set(out.splitlines()[-1].split()) <= allowed


@pytest.mark.parametrize("command", main.commands)
def test_every_help_fits_and_says_all(command: str) -> None:
    for line in done("--help").splitlines():
        assert "..." not in line or "ARGS" in line, line
    assert max(map(len, done(command, "--help").splitlines())) <= 80


def test_the_exit_codes_are_in_the_help() -> None:
    text = done("--help")
    for code, meaning in groups.EXIT_CODES:
        assert f"{code}  {meaning}" in text


def test_the_exit_codes_of_the_program(tmp_path: Path) -> None:
    assert program("experiments", "create", "-n", "x").returncode == 0
    for words, code in ((["experiments", "create", "-n", "x"], 1), (["show", "none"], 1), (["show", "--x"], 2)):
        found = program(*words)
        assert (found.returncode, found.stdout) == (code, "")
        assert "Error: " in found.stderr
    (tmp_path / "damaged.db").write_text("nothing that a database would begin with, and a little more of it" * 20)
    (tmp_path / "locked").mkdir()
    for store in (tmp_path / "damaged.db", tmp_path / "no folder" / "x.db"):
        found = program("--store", str(store), "experiments", "create", "-n", "x")
        assert (found.returncode, found.stdout, found.stderr.count("\n")) == (3, "", 1), found.stderr


def test_a_locked_store_is_exit_code_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done("experiments", "create", "-n", "x")
    monkeypatch.setattr("mltrack.store.connection.BUSY_SECONDS", 0.05)
    mltrack.settings.get_store().close()  # type: ignore[attr-defined]
    other = open_file(tmp_path / "mltrack.db")
    other.execute("BEGIN IMMEDIATE")
    assert "locked by another process" in refused("experiments", "create", "-n", "y", code=3)
    other.close()


def test_a_file_that_cannot_be_written_is_one_line() -> None:
    done("experiments", "create", "-n", "x")
    assert "no/where" in refused("experiments", "csv", "-x", "0", "-o", "no/where/x.csv")


@given(st.dictionaries(st.text(), st.floats() | st.text() | st.none() | st.lists(st.floats())))
def test_json_is_json(value: dict[str, object]) -> None:
    import json  # the strict reading of it

    text = json.dumps(as_plain(value), allow_nan=False)
    assert json.loads(text) == as_plain(value)


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        (0, "UTC", "1970-01-01 00:00:00"),
        (1_700_000_000_999, "UTC", "2023-11-14 22:13:20"),
        (1_700_000_000_000, "Asia/Kolkata", "2023-11-15 03:43:20"),
        (None, "UTC", "-"),
        (2**62, "UTC", f"{2**62} ms"),
    ],
)
def test_times_are_local(monkeypatch: pytest.MonkeyPatch, moment: int | None, zone: str, text: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert local_time(moment) == text
    finally:
        monkeypatch.undo()
        time.tzset()
