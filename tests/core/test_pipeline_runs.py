"""Pipelines that run: real commands, failure and going on, at once, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.command_line import call, done
from tests.core.pipeline_projects import failure, make_pipeline, run_all, statuses, titanic
from tests.core.waiting import SECONDS, wait_until, wait_until_at_rest, wait_until_the_main_thread_waits_in

import mltrack
from mltrack import pipelines
from mltrack.exceptions import MltrackError, StateError
from mltrack.keys import PARENT_TAG, STEP_MADE_BY_TAG, STEP_REASON_TAG, STEP_TAG
from mltrack.pipelines import step_runs
from mltrack.pipelines.folder_lock import FolderLock
from mltrack.pipelines.pipeline_run import PipelineRun
from mltrack.projects.running import submit as launch

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.entities import Run
    from mltrack.projects.request import RunRequest
    from mltrack.projects.submitted import SubmittedRun

SLEEP = "echo $$ > {name}.new; mv {name}.new {name}.pid; touch {name}.on; exec sleep 1000"  # a pid file is never empty


def step(command: str, **said: Any) -> dict[str, Any]:
    return {"command": command, "code": [], **said}


def children(run_id: str) -> dict[str, Run]:
    found = mltrack.MltrackClient().search_runs(["0"], f"tags.`{PARENT_TAG}` = '{run_id}'")
    return {run.data.tags[STEP_TAG]: run for run in found}


def is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_steps_are_child_runs_and_what_is_unchanged_is_skipped(tmp_path: Path) -> None:
    root = titanic(tmp_path / "p")
    first = run_all(root, {"rows": 5})
    assert statuses(first) == dict.fromkeys(("download", "clean", "train"), "finished") | {"report": "finished"}
    made = children(first.run_id)
    assert made["download"].data.params == {"rows": "5"}
    assert made["train"].data.tags[STEP_REASON_TAG] == "first run"
    assert made["train"].info.status == "FINISHED"
    parent = mltrack.get_run(first.run_id)
    assert (parent.info.status, parent.info.run_name, parent.data.params) == ("FINISHED", "titanic", {"rows": "5"})

    again = run_all(root, {"rows": 5})
    assert set(statuses(again).values()) == {"skipped"}
    for name, run in children(again.run_id).items():
        assert run.data.tags[STEP_MADE_BY_TAG] == made[name].info.run_id == again.steps[name].made_by
        assert (run.info.status, run.data.params) == ("FINISHED", {})
    assert (root / "model.txt").read_text() == "5\na\nb\nC 1.0\n"

    other = run_all(root, {"rows": 5, "C": 2}, run_name="other", experiment_name="elsewhere")
    assert statuses(other) == {"download": "skipped", "clean": "skipped", "train": "finished", "report": "finished"}
    assert mltrack.get_run(other.run_id).info.run_name == "other"
    assert sorted(path.name for path in root.iterdir()) == sorted(
        ["MLproject", "README.md", "clean.sh", "data", "lib.sh", "model.txt", "train.sh"]
    )


def test_what_comes_out_the_same_ends_the_chain(tmp_path: Path) -> None:
    root = titanic(tmp_path / "p")
    run_all(root)
    (root / "clean.sh").write_text("sort $1 > $2  # in one line\n")
    again = run_all(root)
    assert statuses(again) == {"download": "skipped", "clean": "finished", "train": "skipped", "report": "skipped"}
    assert again.steps["clean"].reason == "code clean.sh changed"


def test_a_failure_stops_what_comes_after_it_only(tmp_path: Path) -> None:
    steps = {
        "a": step("echo a > a", outputs=["a"]),
        "bad": step("echo no luck >&2; test -e ready", inputs=["a"], outputs=["b"]),
        "after": step("cat b > c", inputs=["b"], outputs=["c"]),
        "last": step("true", inputs=["c"]),
        "beside": step("cat a > d", inputs=["a"], outputs=["d"]),
    }
    root = make_pipeline(tmp_path / "p", steps)
    begun = run_all(root)
    assert statuses(begun) == {
        "a": "finished",
        "bad": "failed",
        "after": "not run",
        "last": "not run",
        "beside": "finished",
    }
    assert begun.steps["bad"].reason == "exit code 1: no luck"
    assert begun.steps["after"].reason == "step bad failed"
    assert begun.steps["last"].reason == "step after was not run"
    assert "bad: exit code 1: no luck. What has finished is kept; run it again" in failure(begun)
    assert "no luck" in begun.logs("bad")
    assert (begun.status, begun.wait()) == ("FAILED", False)
    assert mltrack.get_run(begun.run_id).data.tags["mltrack.endReason"] == "failed: bad"
    assert set(children(begun.run_id)) == {"a", "bad", "beside"}
    with pytest.raises(StateError, match="exit code 1"):
        pipelines.run(root)

    (root / "ready").touch()
    (root / "MLproject").write_text((root / "MLproject").read_text().replace("test -e ready", "echo b > b"))
    again = run_all(root)
    assert (statuses(again)["a"], statuses(again)["beside"]) == ("skipped", "skipped")
    assert again.steps["bad"].reason.startswith("its last run ")
    assert again.status == "FINISHED"


@pytest.mark.parametrize("jobs", [1, 2])
def test_independent_steps_run_at_once(jobs: int, tmp_path: Path) -> None:
    meet = "touch {0}.on; for i in $(seq {1}); do test -e {2}.on && exit 0; sleep 0.02; done; exit 1"
    tries = 3000 if jobs == 2 else 3
    steps = {"a": step(meet.format("a", tries, "b")), "b": step(meet.format("b", tries, "a"))}
    begun = run_all(make_pipeline(tmp_path / "p", steps), jobs=jobs)
    assert statuses(begun) == {"a": "finished" if jobs == 2 else "failed", "b": "finished"}


def test_an_output_that_was_not_written(tmp_path: Path) -> None:
    begun = run_all(make_pipeline(tmp_path / "p", {"a": step("true", outputs=["x", "y"])}))
    assert begun.steps["a"].reason == "Step 'a' ended well and did not write its output 'x', 'y'."
    assert children(begun.run_id)["a"].info.status == "FAILED"


def test_a_step_is_given_paths_and_a_folder_of_its_own(tmp_path: Path) -> None:
    steps = {
        "raw": step("echo 1 > data/raw.csv", outputs=["data/raw.csv"]),
        "clean": {
            "project": "sub/clean",
            "parameters": {"source": "{inputs[0]}", "target": "{outputs[0]}", "note": "{{{word}}} $(id) 'x"},
            "inputs": ["data/raw.csv"],
            "outputs": ["out/clean.csv"],
        },
    }
    root = make_pipeline(tmp_path / "p", steps, main={"word": {"default": "hi"}})
    make_pipeline(
        root / "sub" / "clean",
        {"main": step("pwd > {target}; cat {source} >> {target}; echo {note} >> {target}")},
        parameters={"main": {"source": "path", "target": "string", "note": "string"}},
    )
    begun = run_all(root)
    assert begun.status == "FINISHED", failure(begun)
    assert (root / "out" / "clean.csv").read_text() == f"{root}/sub/clean\n1\n{{hi}} $(id) 'x\n"
    moved = root.rename(root.with_name("q"))
    assert set(statuses(run_all(moved)).values()) == {"skipped"}


@pytest.mark.slow
def test_what_a_step_leaves_beside_its_outputs_is_no_code(tmp_path: Path) -> None:
    steps = {"a": {"command": "date +%N > run.log; echo 1 > x", "outputs": ["x"]}}
    root = make_pipeline(tmp_path / "p", steps)
    run_all(root)
    assert statuses(run_all(root)) == {"a": "skipped"}
    (root / "run.log").write_text("other")
    (root / "new.py").touch()
    assert run_all(root).steps["a"].reason == "code new.py is new"
    (root / "new.py").write_text("1")
    assert run_all(root).steps["a"].reason == "code new.py changed"


@pytest.mark.slow
def test_a_needed_step_that_ran_has_those_after_it_run(tmp_path: Path) -> None:
    steps = {
        "a": step("cat in", inputs=["in"]),
        "b": step("echo b > b", needs=["a"], outputs=["b"]),
        "c": step("true"),
    }
    root = make_pipeline(tmp_path / "p", steps, files={"in": "1"})
    run_all(root)
    again = run_all(root)
    assert statuses(again) == {"a": "skipped", "b": "skipped", "c": "finished"}
    assert again.steps["c"].reason == "it has no inputs and no outputs"
    (root / "in").write_text("2")
    assert run_all(root).steps["b"].reason == "step a ran again"


def test_a_secret_is_kept_nowhere(tmp_path: Path) -> None:
    secret = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
    steps = {"a": step("echo token {token} > x", outputs=["x"])}
    root = make_pipeline(tmp_path / "p", steps, parameters={"a": {"token": "string"}})
    begun = run_all(root, {"token": secret})
    assert begun.status == "FINISHED"
    mltrack.settings.get_store().close()  # type: ignore[attr-defined]
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        if path.is_file() and path != root / "x":
            with suppress(FileNotFoundError):  # the last thread may move the store's log into its file, which is next
                assert secret.encode() not in path.read_bytes(), path


@pytest.mark.slow
def test_inside_a_run_it_is_its_child(tmp_path: Path) -> None:
    with mltrack.start_run() as outer:
        begun = run_all(make_pipeline(tmp_path / "p", {"a": step("true")}))
    assert mltrack.get_run(begun.run_id).data.tags[PARENT_TAG] == outer.info.run_id
    assert children(begun.run_id)["a"].data.tags[PARENT_TAG] == begun.run_id


def test_a_step_logs_into_its_run(tmp_path: Path) -> None:
    script = "import mltrack\nwith mltrack.start_run():\n    mltrack.log_metric('m', 0.5)\n"
    steps = {"a": {"entry_point": "fit.py", "outputs": []}}
    begun = run_all(make_pipeline(tmp_path / "p", steps, files={"fit.py": script}))
    assert begun.status == "FINISHED", failure(begun)
    assert children(begun.run_id)["a"].data.metrics == {"m": 0.5}


def test_stopping_ends_all_and_a_second_run_waits_its_turn(tmp_path: Path) -> None:
    steps = {
        "a": step(SLEEP.format(name="a"), outputs=["x"]),
        "b": step(SLEEP.format(name="b")),
        "c": step("true", inputs=["x"]),
    }
    root = make_pipeline(tmp_path / "p", steps)
    told: list[str] = []
    begun = pipelines.run(root, synchronous=False, jobs=2)
    begun.observe(lambda state: told.append(f"{state.name} {state.status}" if state else "end"))
    wait_until(lambda: (root / "a.on").exists() and (root / "b.on").exists())
    with pytest.raises(StateError, match=f"being run already, by process {os.getpid()}"):
        pipelines.run(root)
    assert (begun.status, begun.wait(0)) == ("RUNNING", False)
    begun.cancel()
    assert statuses(begun) == {"a": "stopped", "b": "stopped", "c": "not run"}
    assert begun.status == "KILLED"
    assert {run.info.status for run in children(begun.run_id).values()} == {"KILLED"}
    assert all(is_gone(int((root / f"{name}.pid").read_text())) for name in "ab")
    assert told[-1] == "end"
    assert {"a running", "b running", "a stopped", "c not run"} <= set(told)
    with pytest.raises(MltrackError, match="was stopped"):
        begun.check()
    assert "its last run" in pipelines.plan(root)[0].reason
    assert "was stopped" in pipelines.plan(root)[0].reason


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_stop_while_a_step_is_launched(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_pipeline(tmp_path / "p", {"a": step(SLEEP.format(name="a")), "b": step("true", needs=["a"])})
    ready = threading.Event()

    def submit(request: RunRequest) -> SubmittedRun:
        assert ready.wait(SECONDS)
        if moment == "before":
            begun.stop()
        submitted = launch(request)
        if moment == "after":
            begun.stop()
        return submitted

    monkeypatch.setattr(step_runs, "submit", submit)
    begun = pipelines.run(root, synchronous=False)
    ready.set()
    assert begun.wait(SECONDS) is False
    assert (begun.status, statuses(begun)) == ("KILLED", {"a": "stopped", "b": "not run"})
    assert [run.info.status for run in children(begun.run_id).values()] == ["KILLED"]
    assert not (root / "a.pid").exists() or is_gone(int((root / "a.pid").read_text()))


def test_a_step_whose_run_is_gone_ends_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_pipeline(tmp_path / "p", {"a": step("true", outputs=["x"]), "b": step("true", needs=["a"])})

    def close(*_: object) -> None:
        raise StateError("the run is gone")

    monkeypatch.setattr(step_runs.StepRuns, "close", close)
    begun = pipelines.run(root, synchronous=False)
    assert begun.wait(SECONDS) is False
    assert statuses(begun) == {"a": "failed", "b": "not run"}


def test_an_interrupt_while_waiting_stops_it(tmp_path: Path) -> None:
    root = make_pipeline(tmp_path / "p", {"a": step(SLEEP.format(name="a"))})

    def interrupt() -> None:
        wait_until((root / "a.on").exists)
        wait_until_the_main_thread_waits_in(PipelineRun.wait)
        signal.raise_signal(signal.SIGINT)

    timer = threading.Thread(target=interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        pipelines.run(root)
    timer.join()
    assert is_gone(int((root / "a.pid").read_text()))


def test_on_the_command_line(tmp_path: Path) -> None:
    root = titanic(tmp_path / "p")
    lines = done("pipeline", "run", str(root), "-P", "C=2", "--jobs", "1").splitlines()
    assert "train    ● running: first run" in lines
    assert "report   │ C 2" in lines
    assert lines[-1].startswith("titanic: finished · run ")
    again = done("pipeline", "run", str(root), "-P", "C=2", "--force", "--step", "train").splitlines()
    assert any(line.startswith("clean    ● skipped: nothing changed since run ") for line in again)
    assert "train    ● running: forced" in again
    assert not any(line.startswith("report") for line in again)
    (root / "train.sh").write_text("exit 3\n")
    found = call("pipeline", "run", str(root))
    assert found.exit_code == 1
    assert "train    ● failed" in found.stdout
    assert "titanic: failed · run " in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_runner_that_dies_leaves_nothing_and_the_next_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    steps = {
        "a": step("echo a > a; echo 1 >> counted", outputs=["a"]),
        "b": step(f"test -e go || ({SLEEP.format(name='b')}); cat a > b", inputs=["a"], outputs=["b"]),
    }
    root = make_pipeline(tmp_path / "p", steps)
    command = [sys.executable, "-m", "mltrack", "pipeline", "run", str(root)]
    runner = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_until((root / "b.on").exists)
    wait_until_at_rest(runner.pid)
    runner.send_signal(number)
    runner.communicate(timeout=SECONDS)
    assert runner.returncode != 0
    pid = int((root / "b.pid").read_text())
    wait_until(lambda: is_gone(pid))
    (root / "go").touch()
    again = run_all(root)
    assert statuses(again) == {"a": "skipped", "b": "finished"}
    assert again.steps["b"].reason.endswith("was stopped")
    assert (root / "counted").read_text() == "1\n"


@pytest.mark.slow
def test_many_steps_and_many_changes(tmp_path: Path) -> None:
    steps = {
        f"s{i}": step(f"echo {i} > o{i}", inputs=[f"o{i // 2}"] if i > 1 else [], outputs=[f"o{i}"])
        for i in range(1, 41)
    }
    root = make_pipeline(tmp_path / "p", steps)
    assert run_all(root, jobs=8).status == "FINISHED"
    (root / "o7").write_text("other")
    again = run_all(root, jobs=8)
    assert {name for name, status in statuses(again).items() if status == "finished"} == {"s7"}


def test_a_strange_folder_that_changes_after_it_was_agreed_to_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_pipeline(tmp_path / "p", {"a": step("touch ran", outputs=["ran"])})
    root.chmod(0o777)  # others may write there
    take = FolderLock.take

    def exchanged_meanwhile(lock: FolderLock) -> None:
        (root / "beside.py").write_text("1")
        take(lock)

    monkeypatch.setattr(FolderLock, "take", exchanged_meanwhile)
    with pytest.raises(StateError, match="changed after they were agreed to"):
        pipelines.run(root, trust=True)
    monkeypatch.setattr(FolderLock, "take", take)
    assert not (root / "ran").exists()
    pipelines.run(root, trust=True)  # which nothing holds any more
    assert (root / "ran").exists()
