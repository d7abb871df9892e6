"""Tracked cells in a real kernel, with our own tracking server behind them: all that they keep, and few journeys."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.core.tracking_servers import running_server, start_server
from tests.magics.kernels import running_kernel, wait_until

from mltrack.keys import RERUN_OF_TAG
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel, Outcome

    from mltrack.entities import Run

pytestmark = pytest.mark.slow
SECONDS = 180.0
BODY = """C = {}
for step in range(5):
    mltrack.log_metric('loss', 1 / (step + C), step=step)
score = base * C"""
COUNTING = """
import threading
from mltrack.rest.transport import Transport
asked = []
def _counted(ask):
    def counted(self, method, url, **options):
        if threading.current_thread() is threading.main_thread():
            asked.append(url.rpartition('/')[2].partition('?')[0])
        return ask(self, method, url, **options)
    return counted
Transport._try = _counted(Transport._try)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose server keeps its store in the kernel's folder, where the tests read it."""
    folder = tmp_path_factory.mktemp("cells")
    with running_server(folder) as server, running_kernel(folder, MLTRACK_TRACKING_URI=server.url) as started:
        started.run("import mltrack\nbase = 3")
        yield started


def run(kernel: Kernel, code: str) -> Outcome:
    return kernel.wait(kernel.send(code), timeout=SECONDS)


def tracked(kernel: Kernel, body: str, line: str) -> tuple[Outcome, Run]:
    outcome, found = kernel.track(body, line)
    kernel.settle()
    return outcome, kernel.store.get_run(found.info.run_id)


def test_a_tracked_cell_keeps_all_of_itself_on_a_server(kernel: Kernel) -> None:
    _, first = tracked(kernel, BODY.format(1), "trained -p lr=0.1 -t stage=dev")
    outcome, second = tracked(kernel, BODY.format(2), "trained -p lr=0.1 -t stage=dev")
    assert (outcome.status, outcome.stream("stderr")) == ("ok", "")
    (card,) = outcome.cards
    assert "score 6" in card["text/plain"]
    assert (second.info.status, second.info.end_time is not None) == ("FINISHED", True)
    assert second.data.params == {"C": "2", "lr": "0.1", "base": "3"}
    assert second.data.tags["stage"] == "dev"
    assert second.data.tags["mltrack.reproducible"] == "true"
    store, run_id = kernel.store, second.info.run_id
    captured = {(each.kind, each.name, each.origin) for each in store.get_captured(run_id)}
    assert captured >= {("param", "C", "bound"), ("param", "lr", "option"), ("metric", "score", "bound")}
    assert store.get_environment(run_id)
    assert store.previous_run_of_cell(run_id) == first.info.run_id
    cells = [cell["source"] for cell in kernel.notebook(second)["cells"]]
    assert "import mltrack\nbase = 3" in cells


def test_a_cell_that_fails_ends_its_run_as_failed(kernel: Kernel) -> None:
    outcome, found = tracked(kernel, "1 / 0", "fails")
    assert outcome.error == "ZeroDivisionError: division by zero"
    failure = kernel.store.get_failure(found.info.run_id)
    assert failure is not None
    assert (found.info.status, failure.name) == ("FAILED", "ZeroDivisionError")


def test_a_cell_that_is_interrupted_ends_its_run_as_killed(kernel: Kernel) -> None:
    message = kernel.begin("%%track_run stopped\nimport time\nprint('begun', flush=True)\nwhile True: time.sleep(0.1)")
    kernel.interrupt()
    assert (kernel.wait(message).error or "").startswith("KeyboardInterrupt")
    wait_until(lambda: kernel.runs()[0].info.status == "KILLED", seconds=SECONDS)


def test_a_tracked_cell_makes_few_journeys(kernel: Kernel) -> None:
    """At 200 ms each, all of them together stay below a second; the rest is done in the background."""
    run(kernel, COUNTING)
    for _ in range(2):
        run(kernel, "asked.clear()")
        tracked(kernel, BODY.format(4), "counted -p lr=0.1")
        asked = kernel.evaluate("asked")
        assert asked == ["create", "end_cell", "update", "run_facts"]


@pytest.mark.parametrize(
    "verb", ["notebook last", "provenance trained", "compare last trained", "runs", "status", "dashboard", "show last"]
)
def test_verbs_work_on_a_server(verb: str, kernel: Kernel) -> None:
    outcome = run(kernel, f"%mltrack {verb}")
    assert (outcome.status, outcome.stream("stderr")) == ("ok", ""), outcome.error


def test_a_run_is_made_again_on_a_server(kernel: Kernel, tmp_path: Path) -> None:
    again = run(kernel, "%mltrack rerun trained C=5")
    assert again.status == "ok", again.error
    (made,) = kernel.store.search_runs(Search(("0",), "params.C = '5'")).rows
    assert (made.info.status, made.data.metrics["score"]) == ("FINISHED", 15.0)
    assert kernel.store.get_run(made.data.tags[RERUN_OF_TAG]).info.run_name == "trained"
    restored = run(kernel, "%mltrack restore trained")
    assert restored.status == "ok", restored.error
    exported = run(kernel, f"%mltrack export trained {tmp_path / 'project'}")
    assert exported.status == "ok", exported.error
    assert (tmp_path / "project" / "MLproject").exists()


def test_a_server_that_goes_away_does_not_stop_the_cell(tmp_path: Path) -> None:
    """What the cell left arrives once the server is back, and what its notebook and environment are as well."""
    server = start_server(tmp_path)
    with running_kernel(tmp_path, MLTRACK_TRACKING_URI=server.url) as kernel:
        run(kernel, "import mltrack, os, time")
        message = kernel.begin(
            "%%track_run alone\nprint('begun', flush=True)\nwhile not os.path.exists('gone'): time.sleep(0.05)"
            "\nmltrack.log_metric('m', 2)\nC = 1\nd = sum([C, 2])"
        )
        server.stop(signal.SIGKILL)
        (tmp_path / "gone").touch()
        outcome = kernel.wait(message, timeout=SECONDS)
        assert outcome.status == "ok"
        said = outcome.stream("stderr")
        assert said.count("cannot be reached") == 1, said
        assert run(kernel, "d").value == "3"
        back = start_server(tmp_path, "-p", str(server.port))
        try:
            wait_until(lambda: kernel.runs()[0].info.status == "FINISHED", seconds=SECONDS, what="the run's end")
            wait_until(
                lambda: "mltrack.reproducible" in kernel.runs()[0].data.tags,
                seconds=SECONDS,
                what="the snapshot's arrival",
            )
            found = kernel.runs()[0]
            assert (found.data.params, found.data.metrics) == ({"C": "1"}, {"m": 2.0, "d": 3.0})
            assert kernel.store.load_snapshot(found.info.run_id) is not None
        finally:
            back.stop()


GONE = """%%track_run alone -p lr=0.1 --experiment later
mltrack.log_metric('m', 2)
mltrack.log_param('p', 'x')
with mltrack.start_run(run_name='inner'):
    mltrack.log_metric('n', 3)
C = 1
d = sum([C, 2])"""


@pytest.mark.parametrize("is_known", [True, False], ids=["seen-before", "never-seen"])
def test_a_server_that_is_gone_at_the_start_does_not_stop_the_cell(tmp_path: Path, is_known: bool) -> None:
    """The run is made once the server is back, with all that was logged to it and to the runs inside it, once."""
    server = start_server(tmp_path)
    with running_kernel(tmp_path, MLTRACK_TRACKING_URI=server.url) as kernel:
        run(kernel, "import mltrack" + ("\nmltrack.search_runs()" if is_known else ""))
        server.stop(signal.SIGKILL)
        outcome = run(kernel, GONE)
        assert outcome.status == "ok"
        said = outcome.stream("stderr")
        assert said.count("cannot be reached") == 1, said
        assert "is kept in" in said
        assert run(kernel, "d").value == "3"
        back = start_server(tmp_path, "-p", str(server.port))
        try:
            wait_until(
                lambda: [each.info.status for each in kernel.runs()] == ["FINISHED"] * 2, seconds=SECONDS, what="ends"
            )
            inner, found = sorted(kernel.runs(), key=lambda each: each.info.run_name == "alone")
            wait_until(
                lambda: "mltrack.reproducible" in kernel.store.get_run(found.info.run_id).data.tags,
                seconds=SECONDS,
                what="the snapshot's arrival",
            )
            found = kernel.store.get_run(found.info.run_id)
            assert found.data.params == {"C": "1", "lr": "0.1", "p": "x"}
            assert (found.data.metrics, inner.data.metrics) == ({"m": 2.0, "d": 3.0}, {"n": 3.0})
            assert inner.data.tags["mlflow.parentRunId"] == found.info.run_id
            assert kernel.store.get_experiment(found.info.experiment_id).name == "later"
            assert kernel.store.load_snapshot(found.info.run_id) is not None
        finally:
            back.stop()


def test_a_token_that_expires_in_a_cell_loses_nothing_of_it(tmp_path: Path) -> None:
    name = "MLTRACK_TRACKING_TOKEN"
    with running_server(tmp_path, users=True) as server:
        token = str(server.token)
        with running_kernel(tmp_path, MLTRACK_TRACKING_URI=server.url, MLTRACK_TRACKING_TOKEN=token) as kernel:
            run(kernel, "import mltrack, os")
            outcome = run(kernel, f"%%track_run alone\nos.environ[{name!r}] = 'expired'\nC = 1\nd = sum([C, 2])")
            assert outcome.status == "ok"
            assert outcome.stream("stderr").count("does not know who asks") == 1
            run(kernel, f"os.environ[{name!r}] = {token!r}")
            wait_until(
                lambda: "mltrack.reproducible" in kernel.runs()[0].data.tags, seconds=SECONDS, what="the snapshot"
            )
            wait_until(lambda: kernel.runs()[0].info.status == "FINISHED", seconds=SECONDS, what="the run's end")
            found = kernel.runs()[0]
            assert (found.data.params, found.data.metrics) == ({"C": "1"}, {"d": 3.0})
