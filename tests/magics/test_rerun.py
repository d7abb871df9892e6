"""``%mltrack rerun`` in real kernels: the same again, other values, sweeps that are killed, stopped and taken up."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.magics.kernels import LOAD, clean_environment, run_python, running_kernel, wait_until

from mltrack.keys import PARENT_TAG, RERUN_OF_TAG, SEAL_TAG, SWEEP_GRID_TAG, SWEEP_OF_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel, Outcome

    from mltrack.entities import Run

SECONDS = 120.0
CELLS = (
    "import math\nprint('imported')",
    "base = 10\nunused = 1",
    "factor = 'two'",
    "%%track_run other\nchoice = 3",
)
BODY = """C = 0.5
print('training with', C)
if C == 13:
    raise ValueError('an unlucky number')
score = base * C + math.sqrt(4)"""
# Waits with C = 2 until there is a file, and says which process does.
HELD = """import os, pathlib, time
C = 1
if C == 2:
    pathlib.Path('pid').write_text(str(os.getpid()))
    while not pathlib.Path('go').exists():
        time.sleep(0.02)
score = C * 2.0"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("rerun")) as started:
        for cell in CELLS:
            started.run(cell)
        started.track(BODY, "baseline -t stage=dev")
        started.settle()
        yield started


def run(kernel: Kernel, code: str) -> Outcome:
    return kernel.wait(kernel.send(code), timeout=SECONDS)


def named(kernel: Kernel, name: str) -> Run:
    """The first run of a name, which is the tracked one."""
    return next(each for each in reversed(kernel.runs()) if each.info.run_name == name)


def children(kernel: Kernel, run_id: str) -> list[Run]:
    return [each for each in reversed(kernel.runs()) if each.data.tags.get(PARENT_TAG) == run_id]


def shown(outcome: Outcome) -> str:
    """The panel's text as it was in the end."""
    return str([content["data"]["text/plain"] for _, content in outcome.messages if "data" in content][-1])


def test_the_same_values_give_the_same_and_others_another(kernel: Kernel) -> None:
    origin = named(kernel, "baseline")
    before = kernel.evaluate("sorted(name for name in globals() if not name.startswith('_'))")
    code = (
        "import mltrack\nagain = mltrack.rerun('baseline').result()\nother = mltrack.rerun('baseline', C=7.0).result()"
    )
    outcome = run(kernel, code)
    assert outcome.error is None, outcome
    again, other = (kernel.evaluate(f"{name}.info.run_id") for name in ("again", "other"))
    found = {each.info.run_id: each for each in kernel.runs()}
    assert found[again].data.metrics == origin.data.metrics == {"score": 7.0}
    assert found[again].data.params == origin.data.params
    assert (found[other].data.metrics, found[other].data.params) == ({"score": 72.0}, {"base": "10", "C": "7.0"})
    for each, name in ((again, "baseline again"), (other, "baseline C=7.0")):
        tags = found[each].data.tags
        assert (tags[RERUN_OF_TAG], tags[PARENT_TAG]) == (origin.info.run_id, origin.info.run_id)
        assert (tags["stage"], found[each].info.run_name, found[each].info.status) == ("dev", name, "FINISHED")
        assert SEAL_TAG in tags
    assert not {"choice"} & found[again].data.params.keys()
    after = kernel.evaluate("sorted(name for name in globals() if not name.startswith('_'))")
    assert after == sorted([*before, "again", "other", "mltrack"])
    sources = [cell["source"] for cell in kernel.notebook(found[other])["cells"]]
    assert sources[-1] == f"%%track_run baseline -t stage=dev\n{BODY.replace('0.5', '7.0')}"
    assert not any("mltrack.rerunning" in source for source in sources)


REFUSED = {
    "a-name-that-is-no-parameter": ("baseline D=1", "no parameter 'D'.*can be changed: .*C"),
    "no-value": ("baseline C", "no value of a parameter"),
    "an-empty-value": ("baseline C=", "no value after C="),
    "no-run": ("nobody C=1", "no run named 'nobody'"),
    "no-number-of-jobs": ("baseline C=1,2 --jobs many", "whole number"),
    "a-sweep-here": ("baseline C=1,2 --here", "kernels of its own"),
}


@pytest.mark.parametrize(("line", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_rerun_is_said_in_one_line(kernel: Kernel, line: str, message: str) -> None:
    count = len(kernel.runs())
    outcome = run(kernel, f"%mltrack rerun {line}")
    assert re.search(message, outcome.error or ""), outcome
    assert (outcome.error or "").startswith("UsageError")
    assert len(kernel.runs()) == count


def test_what_somebody_else_recorded_is_shown_and_not_run(kernel: Kernel) -> None:
    store, origin = kernel.store, named(kernel, "baseline")
    seal = origin.data.tags[SEAL_TAG]
    store.delete_tag(origin.info.run_id, SEAL_TAG)
    try:
        count = len(kernel.runs())
        outcome = run(kernel, "%mltrack rerun baseline C=2")
        assert "not recorded by you" in str(outcome.error)
        assert "score = base * C" in str(outcome.error)
        assert len(kernel.runs()) == count
    finally:
        store.log_batch(origin.info.run_id, tags=[type_of_tag()(SEAL_TAG, seal)])


def type_of_tag() -> type:
    from mltrack.entities import RunTag  # one class

    return RunTag


def test_here_changes_the_notebooks_variables_and_says_so(kernel: Kernel) -> None:
    outcome = run(kernel, "%mltrack rerun baseline C=4 --here")
    assert outcome.error is None
    assert "variables change" in outcome.stream()
    assert kernel.evaluate("[C, score]") == [4.0, 42.0]
    made = children(kernel, named(kernel, "baseline").info.run_id)[-1]
    assert (made.data.metrics, made.info.status) == ({"score": 42.0}, "FINISHED")


@pytest.mark.slow
def test_a_failure_names_its_cell_and_line(kernel: Kernel) -> None:
    outcome = run(kernel, "%mltrack rerun baseline C=13")
    text = shown(outcome)
    assert "● failed  rerun of baseline" in text
    assert re.search(r"ValueError: an unlucky number \(cell \d of \d, line 5\)", text)
    made = children(kernel, named(kernel, "baseline").info.run_id)[-1]
    assert made.info.status == "FAILED"


@pytest.mark.slow
def test_a_cell_before_the_run_may_fail(kernel: Kernel) -> None:
    kernel.run("assert factor == 'two'")
    kernel.run("side = {'two': 2}[factor]")
    kernel.track("result = side * 1.0\nfactor", "late")
    kernel.settle()
    outcome = run(kernel, "%mltrack rerun late factor=three")
    assert re.search(r"(AssertionError|KeyError).*\(cell \d of \d, line 1\)", shown(outcome)), shown(outcome)
    made = children(kernel, named(kernel, "late").info.run_id)[-1]
    assert (made.info.status, made.data.metrics) == ("FAILED", {})
    failure = kernel.store.get_failure(made.info.run_id)
    assert failure is not None
    assert failure.name in ("AssertionError", "KeyError")


@pytest.mark.slow
def test_a_sweep_runs_each_combination_once(kernel: Kernel) -> None:
    line = "%mltrack rerun baseline C=1,2 base=20..21 --jobs 2"
    outcome = run(kernel, line)
    assert outcome.error is None
    assert "4 of 4 finished" in shown(outcome)
    assert re.search(r"best +finished +2.0 +21", shown(outcome))
    origin = named(kernel, "baseline").info.run_id
    sweep = next(each for each in kernel.runs() if each.data.tags.get(SWEEP_OF_TAG) == origin)
    assert (sweep.info.status, sweep.data.tags[PARENT_TAG]) == ("FINISHED", origin)
    assert json.loads(sweep.data.tags[SWEEP_GRID_TAG]) == {"C": ["1.0", "2.0"], "base": ["20", "21"]}
    made = children(kernel, sweep.info.run_id)
    assert sorted(each.data.metrics["score"] for each in made) == [22.0, 23.0, 42.0, 44.0]
    assert {each.data.tags[RERUN_OF_TAG] for each in made} == {origin}
    count = len(kernel.runs())
    assert "4 of 4 finished" in shown(run(kernel, line))  # asked for again, there is nothing to do
    assert "4 of 4 finished" in shown(run(kernel, f"%mltrack rerun {sweep.info.run_id}"))
    assert len(kernel.runs()) == count


def test_runs_without_a_notebook_or_with_a_masked_secret_are_refused(kernel: Kernel) -> None:
    kernel.run("%%track_run bare --no-snapshot\nx = 1")
    assert "has no notebook" in str(run(kernel, "%mltrack rerun bare x=2").error)
    kernel.run("%%track_run secret\npassword = 'hunter2-hunter2-hunter2'\nx = len(password)")
    kernel.settle()
    assert "was masked" in str(run(kernel, "%mltrack rerun secret").error)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Kernel]:
    with running_kernel(tmp_path) as started:
        started.track(HELD, "held")
        started.settle()
        started.run("import mltrack")
        yield started


def wait_for_pid(kernel: Kernel) -> psutil.Process:
    place = kernel.folder / "pid"
    wait_until(lambda: place.exists() and place.read_text(), seconds=SECONDS, what="the held cell")
    return psutil.Process(int(place.read_text()))


def statuses(kernel: Kernel) -> dict[str, str]:
    return {each.data.params["C"]: each.info.status for each in kernel.runs() if RERUN_OF_TAG in each.data.tags}


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_its_run_killed_and_the_sweep_goes_on(held: Kernel) -> None:
    held.run("sweep = mltrack.rerun('held', C=[2, 3, 4])")
    child = wait_for_pid(held)
    for pid in held.evaluate("sweep.pids"):
        psutil.Process(pid).kill()
    assert held.evaluate(f"sweep.wait({SECONDS})", timeout=2 * SECONDS)
    assert held.evaluate("[each.status for each in sweep.attempts]") == ["killed", "finished", "finished"]
    assert "was killed by SIGKILL" in held.evaluate("sweep.attempts[0].error")
    assert held.evaluate("sweep.run.info.status") == "KILLED"
    assert {each.info.status for each in held.runs() if each.data.metrics.get("score")} == {"FINISHED"}
    assert sorted(each.info.status for each in held.runs() if RERUN_OF_TAG in each.data.tags) == [
        *("FINISHED", "FINISHED", "KILLED")
    ]
    child.wait(SECONDS)


@pytest.mark.slow
def test_a_sweep_is_taken_up_after_the_kernel_has_died(held: Kernel) -> None:
    held.run("sweep = mltrack.rerun('held', C=[1, 2, 3])")
    child = wait_for_pid(held)
    first = held.evaluate("sweep.attempts[0].run_id")
    held.restart(now=True)
    child.wait(SECONDS)
    (held.folder / "go").write_text("")
    held.run(LOAD)
    code = "import mltrack\nsweep = mltrack.rerun('held', C=[1, 2, 3])\nprint(sweep.attempts[0].status)"
    outcome = run(held, code)
    assert outcome.error is None, outcome
    assert outcome.stream() == "finished\n"
    assert held.evaluate(f"sweep.wait({SECONDS})", timeout=2 * SECONDS)
    assert held.evaluate("[each.status for each in sweep.attempts]") == ["finished"] * 3
    assert held.evaluate("sweep.attempts[0].run_id") == first
    made = children(held, held.evaluate("sweep.run_id"))
    assert sorted((each.data.params["C"], each.info.status) for each in made if each.data.metrics) == [
        *(("1", "FINISHED"), ("2", "FINISHED"), ("3", "FINISHED"))
    ]
    assert held.evaluate("sweep.run.info.status") == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["button", "interrupt"])
def test_a_sweep_can_be_stopped(held: Kernel, how: str) -> None:
    if how == "button":
        held.run("sweep = mltrack.rerun('held', C=[1, 2, 3])")
        child = wait_for_pid(held)
        held.run("sweep.stop()")
        assert held.evaluate(f"sweep.wait({SECONDS})", timeout=2 * SECONDS)
        assert held.evaluate("[each.status for each in sweep.attempts]") == ["finished", "killed", "not run"]
    else:
        message = held.send("%mltrack rerun held C=1,2,3 --wait")
        child = wait_for_pid(held)
        held.interrupt()
        assert held.wait(message, timeout=SECONDS).error == (
            "UsageError: Stopped; the same line goes on with what has not finished."
        )
    child.wait(SECONDS)
    made = [each for each in held.runs() if RERUN_OF_TAG in each.data.tags]
    assert sorted(each.info.status for each in made) == ["FINISHED", "KILLED"]
    assert {each.info.status for each in held.runs() if SWEEP_OF_TAG in each.data.tags} == {"KILLED"}


@pytest.mark.slow
def test_the_command_line_reruns_and_restores(kernel: Kernel) -> None:
    words = ["rerun", "baseline", "C=1,2", "--json"]
    code = f"import sys; sys.argv = ['mltrack', *{words!r}]\nfrom mltrack.cli import main\nmain()"
    state = clean_environment(kernel.state)
    text = run_python(code, kernel.folder, variables={"MLTRACK_DATA_DIR": state["MLTRACK_DATA_DIR"]})
    found = json.loads(text[text.index("[\n") :])
    assert [each["data"]["metrics"]["score"] for each in found] == [12.0, 22.0]
