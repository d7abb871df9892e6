"""From a run's beginning to its end, whatever happens to the cell and the kernel."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from tests.magics.kernels import LOAD, SECONDS, running_kernel, wait_until

from mltrack.entities import Metric
from mltrack.keys import END_REASON_TAG, PARENT_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel

    from mltrack.entities import Run


# Short waits: ipykernel tells its event loop of an interrupt only when that wakes for something else.
AWAITING = "import asyncio\nprint('begun', flush=True)\nfor i in range(10**6):\n    await asyncio.sleep(0.1)"
WAITING = "import time\nprint('begun', flush=True)\nfor i in range(10**6):\n    time.sleep(0.1)"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("lifecycle")) as started:
        started.run("import mltrack")
        yield started


def newest(kernel: Kernel) -> Run:
    return kernel.runs()[0]


def open_runs(kernel: Kernel) -> list[str]:
    return [run.info.run_name for run in kernel.runs() if run.info.status == "RUNNING"]


def write_from_here(kernel: Kernel, run: Run) -> None:
    """Write to the store from another process: an error, were it still locked."""
    kernel.store.log_batch(run.info.run_id, metrics=[Metric("from_outside", 1.0, 1)])


def test_an_exception_ends_the_run_as_failed_and_is_kept(kernel: Kernel) -> None:
    outcome, run = kernel.track("C = 0.5\ndef inner():\n    raise ValueError('too far')\n\ninner()")
    assert outcome.error == "ValueError: too far"
    assert run.info.status == "FAILED"
    assert run.data.params["C"] == "0.5"
    failure = kernel.store.get_failure(run.info.run_id)
    assert failure is not None
    assert (failure.name, failure.message) == ("ValueError", "too far")
    lines = failure.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "line 6, in <module>" in lines[1]
    assert "inner()" in lines[2]
    assert lines[-1] == "ValueError: too far"
    assert "interactiveshell.py" not in failure.traceback


def test_a_syntax_error_ends_the_run_as_failed(kernel: Kernel) -> None:
    _, run = kernel.track("C = = 0.5")
    failure = kernel.store.get_failure(run.info.run_id)
    assert run.info.status == "FAILED"
    assert failure is not None
    assert failure.name == "SyntaxError"
    assert run.data.params == {}


@pytest.mark.parametrize("body", [WAITING, AWAITING], ids=["sync", "async"])
def test_an_interrupt_ends_the_run_as_killed(kernel: Kernel, body: str) -> None:
    message = kernel.begin(f"%%track_run\n{body}")
    kernel.interrupt()
    outcome = kernel.wait(message)
    assert outcome.status == "error"
    assert newest(kernel).info.status == "KILLED"
    assert outcome.cards
    write_from_here(kernel, newest(kernel))


def test_running_a_cell_again_is_a_new_run(kernel: Kernel) -> None:
    made = [kernel.track("C = 0.5", "again", cell_id="one")[1].info.run_id for _ in range(3)]
    assert len(set(made)) == 3
    assert kernel.store.previous_run_of_cell(made[2]) == made[1]


STARTED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "left open": ("mltrack.start_run(run_name='child')", [("child", "FINISHED")]),
    "left open, failing": ("mltrack.start_run(run_name='child')\n1 / 0", [("child", "FAILED")]),
    "with": ("with mltrack.start_run(run_name='child'):\n    mltrack.log_metric('m', 1)", [("child", "FINISHED")]),
    "nested": ("with mltrack.start_run(run_name='child', nested=True):\n    pass", [("child", "FINISHED")]),
    "two": (
        "for name in 'ab':\n    with mltrack.start_run(run_name=name):\n        pass",
        [("a", "FINISHED"), ("b", "FINISHED")],
    ),
    "caught": (
        "try:\n    with mltrack.start_run(run_name='child'):\n        1 / 0\nexcept ZeroDivisionError: pass",
        [("child", "FAILED")],
    ),
    "in each other": (
        "with mltrack.start_run(run_name='child'):\n    mltrack.start_run(run_name='grandchild', nested=True)",
        [("child", "FINISHED"), ("grandchild", "FINISHED")],
    ),
    "in a task": (
        "async def work():\n    with mltrack.start_run(run_name='child'):\n        pass\nawait work()",
        [("child", "FINISHED")],
    ),
}


@pytest.mark.parametrize(("body", "children"), STARTED.values(), ids=STARTED)
def test_runs_begun_inside_a_tracked_cell_are_its_children(
    kernel: Kernel, body: str, children: list[tuple[str, str]]
) -> None:
    before = {run.info.run_id for run in kernel.runs()}
    kernel.run(f"%%track_run cell\n{body}")
    made = [run for run in reversed(kernel.runs()) if run.info.run_id not in before]
    (cell,) = (run for run in made if run.info.run_name == "cell")
    inner = sorted((run.info.run_name, run.info.status) for run in made if run is not cell)
    assert inner == children
    by_id = {run.info.run_id: run.info.run_name for run in made}
    assert all(by_id[run.data.tags[PARENT_TAG]] in ("cell", "child") for run in made if run is not cell)
    assert cell.info.status == ("FAILED" if body.endswith("1 / 0") else "FINISHED")
    assert open_runs(kernel) == []


def test_end_run_inside_a_tracked_cell_ends_it_early_and_what_follows_is_no_error(kernel: Kernel) -> None:
    outcome, run = kernel.track("mltrack.log_metric('before', 1)\nmltrack.end_run()\nC = 0.5\nprint('after')")
    assert outcome.status == "ok"
    assert outcome.stream() == "after\n"
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"before": 1}
    assert outcome.cards


def test_nested_makes_a_child_of_the_active_run(kernel: Kernel) -> None:
    kernel.run("outer = mltrack.start_run(run_name='outer')")
    _, run = kernel.track("pass", "--nested inner")
    outer = next(each for each in kernel.runs() if each.info.run_name == "outer")
    assert run.data.tags[PARENT_TAG] == outer.info.run_id
    assert outer.info.status == "RUNNING"
    kernel.run("mltrack.end_run()")
    assert open_runs(kernel) == []


def test_a_tracked_cell_leaves_an_open_run_of_another_cell_open(kernel: Kernel) -> None:
    kernel.run("mltrack.start_run(run_name='outer')")
    _, run = kernel.track("mltrack.log_metric('m', 1)")
    assert run.data.metrics == {"m": 1}
    assert PARENT_TAG not in run.data.tags
    assert open_runs(kernel) == ["outer"]
    kernel.run("mltrack.log_metric('m', 2); mltrack.end_run()")
    assert newest(kernel).info.run_id == run.info.run_id
    assert kernel.runs()[1].data.metrics == {"m": 2}


def test_a_bare_start_run_may_be_run_again(kernel: Kernel) -> None:
    for number in range(3):
        outcome = kernel.run(f"mltrack.start_run(run_name='bare {number}')\nmltrack.log_param('number', {number})")
        assert outcome.status == "ok", outcome.error
        assert open_runs(kernel) == [f"bare {number}"]
    kernel.run("mltrack.end_run()")
    assert open_runs(kernel) == []


def test_a_bare_start_run_after_an_async_cell_may_be_run_again(kernel: Kernel) -> None:
    for number in range(2):
        body = f"await asyncio.sleep(0)\nmltrack.start_run(run_name='async {number}')"
        assert kernel.run(f"import asyncio\n{body}").status == "ok"
        assert open_runs(kernel) == [f"async {number}"]
    kernel.run("mltrack.end_run()")
    assert open_runs(kernel) == []


@pytest.mark.parametrize(("end", "status"), [("1 / 0", "FAILED"), ("raise KeyboardInterrupt", "KILLED")])
def test_a_plain_cell_that_fails_leaves_no_run_open(kernel: Kernel, end: str, status: str) -> None:
    kernel.run(f"mltrack.start_run(run_name='unlucky')\n{end}")
    assert newest(kernel).info.status == status
    assert open_runs(kernel) == []


def test_a_plain_cell_that_fails_leaves_an_earlier_cells_run_open(kernel: Kernel) -> None:
    kernel.run("mltrack.start_run(run_name='earlier')")
    kernel.run("1 / 0")
    assert open_runs(kernel) == ["earlier"]
    kernel.run("mltrack.end_run()")


TUTORIAL = (
    "import mltrack as mlflow\nmlflow.set_experiment('tutorial')",
    "mlflow.start_run()",
    "params = {'solver': 'lbfgs', 'max_iter': 100}\nmlflow.log_params(params)",
    "for epoch in range(3):\n    mlflow.log_metric('loss', 1 / (epoch + 1), step=epoch)",
    "mlflow.set_tag('Training Info', 'Basic LR model')\nmlflow.log_text('hello', 'notes.txt')",
    "run_id = mlflow.active_run().info.run_id\nmlflow.end_run()",
    (
        "with mlflow.start_run(run_name='second') as run:\n    mlflow.log_metric('accuracy', 0.9)\n"
        "    with mlflow.start_run(nested=True):\n        mlflow.log_param('fold', 1)"
    ),
    (
        "assert mlflow.get_run(run_id).data.params['solver'] == 'lbfgs'\n"
        "assert len(mlflow.search_runs(experiment_names=['tutorial'])) == 3"
    ),
    "mlflow.set_experiment('Default')",
)


def test_a_tutorial_of_mlflow_runs_over_several_cells(kernel: Kernel) -> None:
    for cell in TUTORIAL:
        outcome = kernel.run(cell)
        assert outcome.status == "ok", (cell, outcome.error)
    *inner, first = kernel.runs()[:3]
    child, second = sorted(inner, key=lambda run: run.info.run_name == "second")  # may begin in one millisecond
    assert [run.info.status for run in (first, second, child)] == ["FINISHED"] * 3
    assert first.data.metrics == {"loss": pytest.approx(1 / 3)}
    assert second.data.tags["mlflow.source.type"] == "NOTEBOOK"
    assert child.data.tags[PARENT_TAG] == second.info.run_id


def test_the_cell_after_a_frozen_hook_ends_what_was_left(kernel: Kernel) -> None:
    # What an interrupt between IPython's own lines does: the end of the cell is never told.
    hide = "_kept = get_ipython().events.callbacks['post_run_cell'][:]"
    kernel.run(f"%%track_run lost\n{hide}\nget_ipython().events.callbacks['post_run_cell'].clear()")
    assert open_runs(kernel) == ["lost"]
    kernel.run("get_ipython().events.callbacks['post_run_cell'][:] = _kept")
    assert open_runs(kernel) == []
    lost = next(run for run in kernel.runs() if run.info.run_name == "lost")
    assert lost.info.status == "KILLED"
    _, run = kernel.track("C = 2")
    assert run.data.params == {"C": "2"}


def interrupt_at_random(kernel: Kernel, points: int) -> None:
    """Interrupt a cell that logs as fast as it can, from before its first line on."""
    chance = random.Random(7)
    body = "for i in range(10**7):\n    mltrack.log_metric('m', i, step=i)"
    for number in range(points):
        before = len(kernel.runs()) if kernel.has_store else 0
        message = kernel.send(f"%%track_run point-{number}\n{body}", f"cell-{number % 3}")
        while kernel.client.get_iopub_msg(timeout=SECONDS)["msg_type"] != "execute_input":
            pass
        time.sleep(chance.choice((0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)) * chance.random())
        kernel.interrupt()
        kernel.wait_until_idle(message)
        # Where the interrupt fell into ipykernel's own lines, which no hook sees, the next cell ends the run.
        assert kernel.run("mltrack.start_run(run_name='next'); mltrack.end_run()").status == "ok"
        made = [run for run in kernel.runs()[: len(kernel.runs()) - before] if run.info.run_name != "next"]
        assert len(made) <= 1  # none when the interrupt came before the run began
        assert all(run.info.status == "KILLED" for run in made), f"point {number}"
        assert open_runs(kernel) == [], f"point {number}"
        write_from_here(kernel, kernel.runs()[0])


def test_an_interrupt_at_any_point(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("import mltrack")
        interrupt_at_random(kernel, 30)


@pytest.mark.slow
def test_an_interrupt_at_any_of_many_points(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("import mltrack")
        interrupt_at_random(kernel, 100)


def test_a_killed_kernels_run_is_marked_and_a_live_ones_never(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    uri = str(tmp_path / "mltrack.db")
    with running_kernel(tmp_path) as dying, running_kernel(tmp_path / "other", MLTRACK_TRACKING_URI=uri) as living:
        reader = dying.store if dying.has_store else None
        living.begin(f"%%track_run living\n{WAITING}")
        dying.begin(f"%%track_run dying\nimport mltrack\nmltrack.log_metric('m', 1)\n{WAITING}")
        assert sorted(open_runs(dying)) == ["dying", "living"]
        dying.kill()
        wait_until(lambda: open_runs(dying) == ["living"], what="marking the run")
        run = next(run for run in dying.runs() if run.info.run_name == "dying")
        assert run.info.status == "KILLED"
        assert run.data.metrics == {"m": 1}
        assert run.info.end_time is not None
        assert "ended without closing it" in run.data.tags[END_REASON_TAG]
        for _ in range(20):
            assert open_runs(dying) == ["living"]
            time.sleep(0.1)
        assert reader is None or reader.count_runs() == 2


def test_a_restart_in_the_middle_of_a_cell(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.begin(f"%%track_run before\n{WAITING}", "one")
        kernel.restart(now=True)
        assert kernel.run(LOAD).status == "ok"
        outcome, run = kernel.track("C = 1", "after", cell_id="one")
        assert outcome.status == "ok"
        assert {each.info.run_name: each.info.status for each in kernel.runs()} == {
            "before": "KILLED",
            "after": "FINISHED",
        }
        resumed = "import mltrack\nwith mltrack.start_run(run_id={!r}):\n    mltrack.log_metric('resumed', 1)"
        before = next(each for each in kernel.runs() if each.info.run_name == "before")
        assert kernel.run(resumed.format(before.info.run_id)).status == "ok"
        assert kernel.store.get_run(before.info.run_id).data.metrics == {"resumed": 1}
        assert run.info.run_id != before.info.run_id


def test_a_shutdown_closes_what_is_open(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("import mltrack\nmltrack.start_run(run_name='open')\nmltrack.log_metric('m', 1)")
        began = time.monotonic()
        kernel.shut_down()
        assert time.monotonic() - began < 50  # after two minutes it is killed
        (run,) = kernel.runs()
        assert (run.info.status, run.data.metrics) == ("FINISHED", {"m": 1})


def test_a_shutdown_right_after_a_cell_keeps_its_last_outputs(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.be_patient()
        message = kernel.send("%%track_run\nfor i in range(2000): print('line', i)")
        kernel.wait(message)
        kernel.shut_down()
        (run,) = kernel.runs()
        snapshot = kernel.store.load_snapshot(run.info.run_id)
        assert snapshot is not None
        assert "line 1999" in snapshot.executions[-1].outputs


def test_a_cell_inside_a_cell_is_not_waited_for(kernel: Kernel) -> None:
    kernel.track("get_ipython().run_cell('inner = 1')")
    began = time.monotonic()
    kernel.settle()
    assert time.monotonic() - began < 50  # not the two minutes that an end may take
