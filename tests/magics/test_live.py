"""``%%track_run --live`` and ``mltrack.live()`` in a real kernel: what is shown while a cell runs and after it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.magics.kernels import Kernel, Outcome, running_kernel, wait_until
from tests.magics.notebooks import cells_of

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDGET = "application/vnd.jupyter.widget-view+json"
LOOP = """
import mltrack, time
for step in mltrack.live(range({steps})):
    mltrack.log_metrics({{"loss": 1 / (step + 1), "accuracy": step / 100}}, step=step)
    time.sleep(0.01)
    {then}
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose cells are looked at by somebody."""
    with running_kernel(tmp_path_factory.mktemp("live"), MLTRACK_WIDGETS="always") as started:
        yield started


def shown(outcome: Outcome) -> list[dict[str, Any]]:
    """The bundles of the panel, first and updated."""
    return [content["data"] for kind, content in outcome.outputs if kind in ("display_data", "update_display_data")]


def news(outcome: Outcome) -> list[dict[str, Any]]:
    """What was sent to the page, as a whole or as an addition."""
    found = [content["data"] for kind, content in outcome.messages if kind == "comm_msg"]
    return [each.get("content") or each["state"]["news"] for each in found if "news" in each.get("state", each)]


def loop(steps: int = 100, then: str = "pass") -> str:
    return LOOP.format(steps=steps, then=then)


# Holds the loop in its middle until the page was sent what was logged by then, however late the panel's thread is.
HELD = """
def hold(step):
    import sys, time
    (panel,) = sys.modules["mltrack_widgets.panels.live"]._open
    turn = panel._turn
    while step == 50 and panel._turn == turn:
        time.sleep(0.01)
"""


def wait_for_the_threads_end(kernel: Kernel) -> None:
    """A panel that ends by itself ends its thread just afterwards."""
    names = "[t.name for t in __import__('threading').enumerate() if t.name in ('mltrack-live', 'mltrack-refresher')]"
    wait_until(lambda: not kernel.evaluate(names), what="the end of the panels' threads")


def test_curves_grow_while_the_cell_runs_and_a_picture_stays(kernel: Kernel) -> None:
    kernel.run(HELD)
    outcome = kernel.run("%%track_run growing --live\n" + loop(then="hold(step)"), "grows")
    first, *_, last = shown(outcome)
    assert WIDGET in first
    assert "running" in first["text/plain"]
    assert set(last) == {"text/html", "text/plain"}
    assert "data:image/png;base64," in last["text/html"]
    assert "finished  growing   step 100 of 100" in last["text/plain"]
    counts = [sum(chart["keep"] + chart["add"] for chart in each["charts"]) for each in news(outcome)]
    assert any(0 < count < 200 for count in counts), "it has grown before its end"
    assert counts == sorted(counts)
    assert counts[-1] == 200
    assert [content for kind, content in outcome.messages if kind == "stream"] == []
    wait_for_the_threads_end(kernel)


def test_neither_altair_nor_vega_is_imported(kernel: Kernel) -> None:
    kernel.run("%%track_run --live\n" + loop(5))
    loaded = kernel.evaluate("sorted({'altair', 'pandas'} & set(__import__('sys').modules))")
    assert loaded == []


ENDS = [
    ("if step == 20: raise ValueError('too large')", "failed"),
    ("if step == 20: raise KeyboardInterrupt", "killed"),
]


@pytest.mark.parametrize(("then", "word"), ENDS, ids=["exception", "interrupt"])
def test_however_a_cell_ends_its_panel_says_so(kernel: Kernel, then: str, word: str) -> None:
    outcome = kernel.run("%%track_run ending --live\n" + loop(100, then))
    assert outcome.status == "error"
    assert f"{word}  ending   step 20 of 100" in shown(outcome)[-1]["text/plain"]
    wait_for_the_threads_end(kernel)


def test_the_stop_button_ends_it(kernel: Kernel) -> None:
    message = kernel.begin("%%track_run stopped --live\nprint('begun', flush=True)\n" + loop(10_000))
    kernel.interrupt()
    outcome = kernel.wait(message)
    assert "killed  stopped" in shown(outcome)[-1]["text/plain"]
    wait_for_the_threads_end(kernel)


def test_a_plain_cell_shows_the_run_it_begins(kernel: Kernel) -> None:
    outcome = kernel.run(
        "import mltrack\nmltrack.live(total=4)\nwith mltrack.start_run(run_name='plain'):\n"
        """
    for step in range(1, 5):
        mltrack.log_metric('loss', float('nan') if step == 2 else 1 / step, step=step)
"""
    )
    assert "finished  plain   step 4 of 4" in shown(outcome)[-1]["text/plain"]
    wait_for_the_threads_end(kernel)


def test_a_panel_that_waits_shows_the_run_of_a_later_cell(kernel: Kernel) -> None:
    waiting = kernel.run("import mltrack\npanel = mltrack.live()", "waits")
    assert "Waiting for a run" in shown(waiting)[-1]["text/plain"]
    later = kernel.run("with mltrack.start_run(run_name='later'): mltrack.log_metric('loss', 1)", "trains")
    assert "finished  later" in shown(later)[-1]["text/plain"]
    assert kernel.evaluate("panel.is_over") is True
    wait_for_the_threads_end(kernel)


def test_a_cell_that_runs_again_ends_its_panel(kernel: Kernel) -> None:
    for _ in range(3):
        kernel.run("panel = mltrack.live()", "again")
    threads = "[t.name for t in __import__('threading').enumerate()].count('mltrack-live')"
    wait_until(lambda: kernel.evaluate(threads) == 1, what="the end of the threads before the last")
    kernel.run("panel.close()")
    wait_for_the_threads_end(kernel)


def test_the_option_and_a_loop_share_a_panel_each_time(kernel: Kernel) -> None:
    for _ in range(2):
        outcome = kernel.run("%%track_run shared --live --quiet\n" + loop(10), "shared")
        assert [kind for kind, _ in outcome.outputs].count("display_data") == 1


def test_a_run_of_another_kernel_is_followed_to_its_end(kernel: Kernel) -> None:
    with Kernel(kernel.folder) as other:
        other.run(
            "import mltrack\nrun = mltrack.start_run(run_name='elsewhere')\nmltrack.log_metric('loss', 1, step=0)"
        )
        kernel.run("panel = mltrack.live('elsewhere')\npanel")
        other.run("mltrack.log_metric('loss', 0.5, step=1); mltrack.end_run()")
        wait_until(lambda: kernel.evaluate("panel.is_over"), what="the end of the other kernel's run")
        assert "(2)" in kernel.evaluate("panel.text")
    wait_for_the_threads_end(kernel)


def test_fifty_panels_leave_neither_threads_nor_descriptors(kernel: Kernel) -> None:
    body = "%%track_run --live --quiet --no-snapshot\nmltrack.log_metric('loss', 1)"
    for _ in range(5):
        kernel.run(body)
    wait_for_the_threads_end(kernel)
    counted = "[len(__import__('os').listdir('/proc/self/fd')), __import__('threading').active_count()]"
    before = kernel.evaluate(counted)
    for _ in range(50):
        kernel.run(body)
    wait_for_the_threads_end(kernel)

    def is_as_before() -> bool:
        files, threads = kernel.evaluate(counted)
        return bool(files <= before[0] + 2 and threads == before[1])

    wait_until(is_as_before, what="closing them")  # ipykernel does it every 10 s


def test_a_snapshot_has_the_picture_and_no_widget(kernel: Kernel) -> None:
    _, run = kernel.track(loop(10), "kept --live")
    outputs = cells_of(kernel, run)[-1]["outputs"]
    assert [sorted(each["data"]) for each in outputs] == [["text/html", "text/plain"]]
    assert "data:image/png;base64," in outputs[0]["data"]["text/html"]
    assert WIDGET not in json.dumps(cells_of(kernel, run))


def test_where_nobody_looks_there_is_no_widget_and_no_thread(tmp_path: Any) -> None:
    with running_kernel(tmp_path) as kernel:
        outcome = kernel.run(
            loop(20) + "    assert [t.name for t in __import__('threading').enumerate()].count('mltrack-live') == 0"
        )
        assert outcome.status == "ok", outcome.error
        assert all(WIDGET not in each for each in shown(outcome))
        assert "data:image/png;base64," in shown(outcome)[-1]["text/html"]
        assert not [kind for kind, _ in outcome.messages if kind.startswith("comm")]


def test_without_the_extension_and_after_a_restart(tmp_path: Any) -> None:
    with running_kernel(tmp_path, load=False, MLTRACK_WIDGETS="always") as kernel:
        message = kernel.begin(loop(10_000, "print('begun', flush=True) if step == 3 else None"))
        del message
        kernel.restart(now=True)
        body = "import mltrack\nwith mltrack.start_run(run_name='anew'):" + loop(20).replace("\n", "\n    ")
        outcome = kernel.run(body.replace("    import mltrack, time", "    import time"))
        assert outcome.status == "ok", outcome.error
        assert "finished  anew   step 20 of 20" in shown(outcome)[-1]["text/plain"]
        wait_for_the_threads_end(kernel)
