"""Ending what a project started: by cancelling, by Ctrl-C, by a signal, and when whoever started it is gone."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.project_folders import command_file, make_project
from tests.core.waiting import wait_until, wait_until_at_rest, wait_until_the_main_thread_waits_in

import mltrack
from mltrack.projects import guard
from mltrack.projects.launch import launch, release
from mltrack.projects.local_environment import local_environment
from mltrack.projects.running import wait_for
from mltrack.projects.submitted import LocalSubmittedRun

if TYPE_CHECKING:
    from collections.abc import Iterator

# A child that starts another in a session of its own, and says the ids of both; "deaf" ones take no SIGTERM, so that
# they have some seconds more for what they do at an interrupt.
FAMILY = """
import os, signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import os, time; open(os.environ['PIDS'], 'a').write(f'{os.getpid()}\\\\n'); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
try:
    open(os.environ["PIDS"], "a").write(f"{os.getpid()}\\n")
    time.sleep(600)
except KeyboardInterrupt:
    open(os.environ["PIDS"] + ".interrupted", "w").close()
    raise
"""


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the family writes its ids; whoever is left at the end is killed."""
    path = tmp_path / "pids"
    monkeypatch.setenv("PIDS", str(path))
    make_project(tmp_path / "p", command_file("python family.py; true", name="main"), family_py=FAMILY)
    make_project(tmp_path / "deaf", command_file("python family.py deaf; true"), family_py=FAMILY)
    yield path
    for process in family(path):
        process.kill()


def family(path: Path) -> list[psutil.Process]:
    found = []
    for line in path.read_text().split() if path.exists() else ():
        try:
            process = psutil.Process(int(line))
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def wait_until_both_run(path: Path) -> None:
    wait_until(lambda: path.exists() and len(path.read_text().split()) == 2, "both children ran")


def status_of_the_run() -> str:
    (run,) = mltrack.search_runs(output_format="list")
    return str(run.info.status)


@pytest.mark.slow
@pytest.mark.parametrize("project", ["p", "deaf"])
def test_cancelling_ends_all_of_it(pids: Path, project: str) -> None:
    submitted = mltrack.projects.run(project, synchronous=False)
    wait_until_both_run(pids)
    submitted.cancel()
    assert family(pids) == []
    assert (submitted.status, submitted.wait()) == ("KILLED", False)
    assert status_of_the_run() == "KILLED"
    submitted.cancel()


@pytest.mark.slow
def test_an_interrupt_of_the_one_who_waits_ends_it(pids: Path) -> None:
    """Its processes may end as by Ctrl-C first."""
    main = threading.get_ident()

    def interrupt() -> None:
        wait_until_both_run(pids)
        wait_until_the_main_thread_waits_in(wait_for)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        mltrack.run("deaf")
    assert family(pids) == []
    assert Path(f"{pids}.interrupted").exists()
    assert status_of_the_run() == "KILLED"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_the_command_line_and_all_of_it(pids: Path, number: signal.Signals) -> None:
    process = start_program()
    wait_until_both_run(pids)
    wait_until_at_rest(process.pid)
    process.send_signal(number)
    assert process.wait(60) == 1
    assert family(pids) == []
    assert status_of_the_run() == "KILLED"


@pytest.mark.slow
@pytest.mark.parametrize("started_by", ["command line", "thread"])
def test_nothing_is_left_when_who_started_it_is_killed(pids: Path, started_by: str) -> None:
    process = start_program() if started_by == "command line" else start_in_thread()
    wait_until_both_run(pids)
    process.kill()
    process.wait()
    wait_until(lambda: not family(pids), "nobody was left")
    assert status_of_the_run() == "KILLED", "whoever reads the store finds that its process is gone"


@pytest.mark.slow
def test_a_thread_s_end_ends_nothing(pids: Path) -> None:
    """Linux can tell a child of its parent's end, but takes that of the thread that started it for it."""
    found: list[LocalSubmittedRun] = []

    def begin() -> None:
        submitted = mltrack.run("p", synchronous=False)
        assert isinstance(submitted, LocalSubmittedRun)
        found.append(submitted)

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    wait_until_both_run(pids)
    assert len(family(pids)) == 2
    found[0].cancel()


def start_program() -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "mltrack", "run", "p"]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_in_thread() -> subprocess.Popen[bytes]:
    code = "import mltrack, threading, time; threading.Thread(target=mltrack.run, args=['p']).start(); time.sleep(600)"
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_in_a_terminal_the_command_reads_what_is_typed_and_gets_ctrl_c(tmp_path: Path, pids: Path) -> None:
    asks = "read line; echo got $line; python family.py deaf; true"
    make_project(tmp_path / "p", command_file(asks))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, *("-m", "mltrack", "run", "p")],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    os.write(leader, b"hello\n")
    seen = b""
    while b"got hello" not in seen:
        assert select.select([leader], [], [], 60)[0], seen
        seen += os.read(leader, 4096)
    wait_until_both_run(pids)
    wait_until_at_rest(process.pid)
    os.write(leader, b"\x03")
    assert process.wait(60) == 1
    os.close(leader)
    assert family(pids) == []
    assert Path(f"{pids}.interrupted").exists()
    assert status_of_the_run() == "KILLED"


TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("no-such-program", 127), ("sh -c 'kill -TERM $$'", 143)],
)
def test_the_exit_code_is_the_command_s(tmp_path: Path, command: str, code: int) -> None:
    process = launch(command, folder=tmp_path, environment=local_environment(), variables={}, output=subprocess.PIPE)
    process.communicate()
    release(process)
    assert process.returncode == code


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what a guard has left")
@pytest.mark.parametrize("killed", ["guard", "command"])
def test_nothing_is_left_when_what_is_between_is_killed(tmp_path: Path, pids: Path, killed: str) -> None:
    """What the guard cannot end any more this process ends, and the guard what the command left."""
    folder, environment = tmp_path / "deaf", local_environment()
    process = launch("python family.py & wait", folder=folder, environment=environment, variables={})
    wait_until_both_run(pids)
    (command,) = psutil.Process(process.pid).children()
    os.kill(process.pid if killed == "guard" else command.pid, signal.SIGKILL)
    assert process.wait(60) == (-signal.SIGKILL if killed == "guard" else 128 + signal.SIGKILL)
    release(process)
    assert family(pids) == []


def test_what_it_leaves_in_the_background_goes_on(tmp_path: Path, pids: Path) -> None:
    """As with MLflow: only what is cancelled, or fails to be waited for, ends all."""
    begun = "until [ $(cat /proc/$!/comm) = sleep ]; do sleep 0.01; done"  # it is bash's own at first
    make_project(tmp_path / "p", command_file(f"sleep 600 > /dev/null 2>&1 & echo $! > $PIDS; {begun}"))
    mltrack.run("p")
    assert [process.name() for process in family(pids)] == ["sleep"]


def test_descendants_are_found(tmp_path: Path) -> None:
    with subprocess.Popen(["bash", "-c", "sleep 600 & wait"], start_new_session=True) as process:
        wait_until(lambda: len(guard.descendants(process.pid)) == 1, "it had started its child")
        assert process.pid in guard.descendants(os.getpid())
        os.killpg(process.pid, signal.SIGKILL)
    assert guard.descendants(process.pid) == []
