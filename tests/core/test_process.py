"""Who writes a run, and whether that process still lives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.scripts import run_script

from mltrack.process import Owner, current_owner, is_gone

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PART = st.text(st.characters(exclude_characters="|"), max_size=40)


@given(PART, PART, PART, st.integers(0, 2**31), PART)
def test_an_owner_is_read_back_from_its_text(machine: str, boot: str, space: str, pid: int, started: str) -> None:
    owner = Owner(machine, boot, space, pid, started)
    assert Owner.parse(str(owner)) == owner


@pytest.mark.parametrize(
    "text", ["", "a", "a|b|c|d|e", "a|b|c|-1|e", "a|b|c|1", "a|b|c|1|e|f", "a|b|c|²|e", "a|b|c||e"]
)
def test_other_texts_are_no_owner(text: str) -> None:
    assert Owner.parse(text) is None


def test_this_process_lives() -> None:
    owner = current_owner()
    assert owner.pid == os.getpid()
    assert owner.started
    assert not is_gone(owner)


def owner_of(pid: int) -> Owner:
    stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()  # noqa: SIM115
    return replace(current_owner(), pid=pid, started=stat[19])


@linux_only
def test_a_child_lives_until_it_is_killed_and_is_gone_as_a_zombie_and_after() -> None:
    child = subprocess.Popen(SLEEP)
    try:
        owner = owner_of(child.pid)
        assert not is_gone(owner)
        child.kill()
        deadline = time.monotonic() + 60
        while not is_gone(owner) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert open(f"/proc/{child.pid}/stat").read().rpartition(")")[2].split()[0] == "Z"  # noqa: SIM115
        assert is_gone(owner), "a zombie runs no more"
    finally:
        child.kill()
        child.wait()
    assert is_gone(owner)


@linux_only
@pytest.mark.parametrize("name", ["a b", ") S 1 (", "x) R 1 2 3"])
def test_a_process_name_cannot_pose_as_its_state(name: str) -> None:
    code = f"""
        from pathlib import Path
        from mltrack.process import current_owner, is_gone
        Path("/proc/self/comm").write_text({name!r})
        owner = current_owner()
        assert owner.started.isdigit(), owner
        assert not is_gone(owner)
    """
    run_script(code)


def test_a_pid_that_was_given_to_another_process_is_gone() -> None:
    assert is_gone(replace(current_owner(), started="1"))


def test_a_process_whose_start_is_not_known_is_not_judged() -> None:
    assert not is_gone(replace(current_owner(), started=""))


@linux_only
def test_another_boot_of_this_machine_ended_everything() -> None:
    known = os.path.exists("/etc/machine-id") and bool(open("/etc/machine-id").read().strip())  # noqa: SIM115
    assert is_gone(replace(current_owner(), boot="another")) is known


@pytest.mark.parametrize("part", ["namespace", "machine"])
def test_what_runs_elsewhere_is_not_judged(part: str) -> None:
    elsewhere = replace(current_owner(), pid=2**22 + 1, started="1")
    assert is_gone(elsewhere)
    there = replace(elsewhere, namespace="another") if part == "namespace" else replace(elsewhere, machine="another")
    assert not is_gone(there)


@linux_only
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs two users")
def test_a_process_of_another_user_that_proc_hides_is_not_gone() -> None:
    """With ``hidepid`` other users' processes are not in /proc; they are there all the same."""
    code = f"""
        from dataclasses import replace
        from mltrack import process
        owner = replace(process.current_owner(), pid={os.getpid()}, started="1")
        assert process.is_gone(owner), "visible, and started at another time"
        process._read = lambda path: "" if path == "/proc/{os.getpid()}/stat" else open(path).read().strip()
        assert not process.is_gone(owner)
    """
    run_script(code, without_rights=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_another_process() -> None:
    code = """
        import os
        from mltrack.process import current_owner
        before = current_owner()
        if os.fork() == 0:
            os._exit(0 if current_owner().pid == os.getpid() != before.pid else 1)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    """
    run_script(code)
