"""After a tracked cell: its card appears at once, and a moment later says whether the result can be had again."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any

import pytest
from tests.magics.kernels import LOAD, SECONDS, Kernel, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "reproducible"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("provenance")
    (folder / "data.csv").write_text("a b c")
    with running_kernel(folder, MLTRACK_TEST_MODE="1") as started:
        yield started


def messages(kernel: Kernel, kind: str, *, seconds: float = SECONDS) -> Iterator[dict[str, Any]]:
    """Give the messages of a kind that come from now on, until none has come for so long."""
    while True:
        try:
            message = kernel.client.get_iopub_msg(timeout=seconds)
        except queue.Empty:
            return
        if message["msg_type"] == kind:
            yield message


def run_with_parts(kernel: Kernel, code: str) -> tuple[str, dict[str, Any]]:
    """Run a cell; gives its message id and the content of its card's message."""
    message_id = kernel.send(code, "t")
    outcome = kernel.wait(message_id)
    found = [content for kind, content in outcome.messages if kind == "display_data"]
    assert len(found) == 1
    return message_id, found[0]


def test_the_card_is_there_at_once_and_changes_in_place(kernel: Kernel) -> None:
    message_id, card = run_with_parts(kernel, "%%track_run\nx = 1\ny = x + 1")
    assert WORD not in card["data"]["text/plain"]
    update = next(messages(kernel, "update_display_data"))
    assert update["content"]["transient"] == card["transient"]
    assert update["content"]["metadata"] == card["metadata"]
    assert update["parent_header"]["msg_id"] == message_id, "it answers the request that ran the cell"
    assert update["content"]["data"]["text/plain"].splitlines()[0].endswith(f" · {WORD}")
    run = kernel.runs()[0]
    assert run.data.tags["mltrack.reproducible"] == "true"
    assert json.dumps(kernel.notebook(run)).count("text/html") == 0, "cards are no outputs of the notebook"


def test_the_update_answers_its_own_cell_while_another_runs(kernel: Kernel) -> None:
    first = kernel.send("%%track_run\nx = 1", "t")
    other = kernel.send("import time\ntime.sleep(0.3)", "o")
    parents = []
    while True:
        message = kernel.client.get_iopub_msg(timeout=SECONDS)
        parent = message["parent_header"].get("msg_id")
        if message["msg_type"] == "update_display_data":
            parents.append(parent)
        if parent == other and message["content"].get("execution_state") == "idle":
            break
    if not parents:
        parents = [next(messages(kernel, "update_display_data"))["parent_header"]["msg_id"]]
    assert parents == [first]
    for _ in range(2):
        kernel.client.get_shell_msg(timeout=SECONDS)


@pytest.mark.parametrize(("line", "tagged"), [("--quiet", True), ("--no-snapshot", False)])
def test_what_is_judged_and_shown_follows_the_options(kernel: Kernel, line: str, tagged: bool) -> None:
    _, run = kernel.track("x = 1", line)
    kernel.settle()
    found = kernel.store.get_run(run.info.run_id)
    assert ("mltrack.reproducible" in found.data.tags) is tagged


def test_runs_are_found_by_their_verdict(kernel: Kernel) -> None:
    kernel.run("rows = open('data.csv').read()", "r")
    _, run = kernel.track("score = len(rows)", "not-again")
    kernel.settle()
    filters = (
        "tags.mltrack.reproducible = 'false'",
        "tags.`mltrack.reproducible` = 'false'",
        "tags.\"mltrack.reproducible\" = 'false' and run_name = 'not-again'",
    )
    for text in filters:
        found = kernel.evaluate(
            f"[r.info.run_id for r in __import__('mltrack').search_runs(filter_string={text!r}, output_format='list')]"
        )
        assert found == [run.info.run_id], text
    (reason,) = json.loads(kernel.store.get_run(run.info.run_id).data.tags["mltrack.reproducible.reasons"])
    assert (reason["kind"], reason["cell_id"]) == ("relative-file", "r")


def test_what_a_run_depends_on_is_shown(kernel: Kernel) -> None:
    kernel.run("unused = 5\nrows = 'abc'", "u")
    kernel.run("rows = open('data.csv').read()", "r")
    kernel.track("score = len(rows)", "shown")
    kernel.settle()
    (shown,) = [content["data"] for _, content in kernel.run("%mltrack provenance shown").outputs]
    assert set(shown) == {"text/plain", "text/html"}
    assert "shown depends on 2 of" in shown["text/plain"]
    assert "rows = open('data.csv').read()" in shown["text/plain"]
    assert "unused = 5" in shown["text/plain"].partition("not needed")[2]
    code = "import mltrack\nfrom mltrack.provenance import slice_of\n"
    value = kernel.run(code + "slice_of(mltrack.search_runs(output_format='list')[0])")
    ((_, content),) = value.outputs
    assert "text/html" in content["data"]
    assert "depends on 2 of" in content["data"]["text/plain"]


def test_a_run_that_is_not_there_is_one_line(kernel: Kernel) -> None:
    outcome = kernel.run("%mltrack provenance nothing-of-that-name")
    assert outcome.stream("stderr").startswith("UsageError: There is no run named")
    kernel.track("x = 1", "bare --no-snapshot")
    assert "no notebook" in kernel.run("%mltrack provenance bare").stream("stderr")


def test_what_was_seen_is_in_the_snapshot_and_not_in_the_notebook(kernel: Kernel) -> None:
    kernel.run("rows = open('data.csv').read()", "r")
    _, run = kernel.track("observed_score = len(rows)")
    document = kernel.notebook(run)
    snapshot = kernel.store.load_snapshot(run.info.run_id)
    assert snapshot is not None
    seen = [json.loads(each.metadata).get("effects", {}) for each in snapshot.executions]
    assert seen[-2]["types"] == {"rows": "builtins.str"}
    assert len(seen[-2]["files"][0]["sha256"]) == 64
    assert seen[-1]["types"] == {"observed_score": "builtins.int"}, "what mltrack does around it is not the cell's"
    assert all("effects" not in cell["metadata"]["mltrack"] for cell in document["cells"])


def test_an_interrupted_cell_is_seen_too(kernel: Kernel) -> None:
    message_id = kernel.begin("z = 1\nprint('begun', flush=True)\nimport time\nwhile True: time.sleep(0.01)")
    kernel.interrupt()
    assert kernel.wait(message_id).status == "error"
    _, run = kernel.track("score = z + 1")
    kernel.settle()
    snapshot = kernel.store.load_snapshot(run.info.run_id)
    assert snapshot is not None
    interrupted = snapshot.executions[-2]
    assert interrupted.status == "interrupted"
    assert json.loads(interrupted.metadata)["effects"]["types"]["z"] == "builtins.int"


@pytest.mark.slow  # a kernel of its own
def test_a_fault_of_the_observer_leaves_the_cell_alone(tmp_path: Path) -> None:
    with running_kernel(tmp_path, MLTRACK_TEST_MODE="0") as kernel:
        kernel.run("from mltrack_magics import effects\ndef fail(*a): raise RuntimeError('broken')")
        kernel.run("effects.generators.states = fail")
        outcome, run = kernel.track("x = 1\nx + 1")
        assert outcome.value == "2"
        assert "looking at what is there before the cell failed" in outcome.stream("stderr")
        assert run.data.params == {"x": "1"}
        assert kernel.run("1 + 1").stream("stderr") == "", "it is said once"


@pytest.mark.slow  # as above
def test_a_kernel_that_ends_at_once_loses_nothing(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.be_patient()
        kernel.run("%%track_run\nx = 1")
        kernel.shut_down()
        (run,) = kernel.runs()
    assert run.data.tags["mltrack.reproducible"] == "true"


def test_after_unloading_the_hook_does_nothing(kernel: Kernel) -> None:
    kernel.run("%unload_ext mltrack")
    assert kernel.evaluate("len(__import__('mltrack_magics.opened_files').opened_files._watches)") == 0
    assert kernel.run(LOAD).status == "ok"
