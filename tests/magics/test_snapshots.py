"""The notebook as a run had executed it: what the kernel showed, and no secret."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from typing import TYPE_CHECKING

import pytest
from tests.magics.kernels import LOAD, running_kernel
from tests.magics.notebooks import cells_of, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel
    from tests.magics.notebooks import Cell


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("snapshots")) as started:
        started.run("import sys\nfrom IPython.display import HTML, clear_output, display")
        yield started


# What was shown

SHOWN: dict[str, tuple[str, list[Cell]]] = {
    "nothing": ("x = 1", []),
    "print": ("print('a')\nprint('b')", [stream("a\nb\n")]),
    "both streams": (
        "print('a', flush=True)\nprint('b', file=sys.stderr, flush=True)",
        [stream("a\n"), stream("b\n", "stderr")],
    ),
    "shell": ("!echo from a shell", [stream("from a shell\n")]),
    "display": (
        "display({'text/plain': 'd', 'text/html': '<b>d</b>'}, raw=True)",
        [{"output_type": "display_data", "data": {"text/plain": "d", "text/html": "<b>d</b>"}, "metadata": {}}],
    ),
    "cleared": ("print('a')\nclear_output()\nprint('b')", [stream("b\n")]),
    "cleared when more comes": ("print('a')\nclear_output(wait=True)\nprint('b')", [stream("b\n")]),
    "cleared, then nothing": ("print('a')\nclear_output(wait=True)", [stream("a\n")]),
    "a thread": (
        "import threading\nt = threading.Thread(target=print, args=('t',))\nt.start()\nt.join()",
        [stream("t\n")],
    ),
    "updated in place": (
        "h = display('old', display_id=True)\nh.update('new')",
        [{"output_type": "display_data", "data": {"text/plain": "'new'"}, "metadata": {}}],
    ),
}


@pytest.mark.parametrize(("body", "outputs"), SHOWN.values(), ids=SHOWN)
def test_what_a_cell_showed_is_kept(kernel: Kernel, body: str, outputs: list[Cell]) -> None:
    outcome, run = kernel.track(body)
    cell = cells_of(kernel, run)[-1]
    assert cell["source"] == f"%%track_run \n{body}"
    assert cell["outputs"] == outputs
    assert cell["execution_count"] == outcome.reply["execution_count"]


CLEARED = {
    "at the end": ("print('a')\nclear_output(wait=True)", 0),
    "of a display": ("display('d')\nclear_output(wait=True)", 0),
    "then a print": ("clear_output(wait=True)\nprint('a')", 1),
    "then a display": ("clear_output(wait=True)\ndisplay('d')", 1),
    "then a value": ("clear_output(wait=True)\n6 * 7", 1),
    "at once": ("print('a')\nclear_output()", 1),
    "in a loop": ("for i in range(20):\n    clear_output(wait=True)\n    print(i)", 1),
}


@pytest.mark.parametrize(("body", "cards"), CLEARED.values(), ids=CLEARED)
def test_a_card_never_clears_what_the_cell_showed(kernel: Kernel, body: str, cards: int) -> None:
    # A card waits for what is on its way to the tap: here as long as it takes, but not where nothing is.
    seconds = 60.0 if cards else 0.2
    clears = "__import__('mltrack_magics.clears').clears"
    kernel.evaluate(f"[setattr({clears}, name, {seconds}) for name in ('SECONDS', 'STREAM_SECONDS')]")
    assert len(kernel.track(body)[0].cards) == cards


def test_cards_are_not_taken_for_outputs_when_loading_again(kernel: Kernel) -> None:
    kernel.track("print('shown')\n6 * 7", "carded")
    kernel.run("%reload_ext mltrack")
    _, run = kernel.track("pass")
    (before,) = (cell for cell in cells_of(kernel, run) if cell["source"].startswith("%%track_run carded"))
    assert "42" in str(before["outputs"])
    assert "text/html" not in str(before["outputs"])


def test_a_value_is_kept_and_the_card_is_not(kernel: Kernel) -> None:
    outcome, run = kernel.track("6 * 7")
    (value,) = cells_of(kernel, run)[-1]["outputs"]
    assert value["output_type"] == "execute_result"
    assert value["data"] == {"text/plain": "42"}
    assert value["execution_count"] == outcome.reply["execution_count"]
    assert outcome.cards


def test_an_exception_is_kept(kernel: Kernel) -> None:
    _, run = kernel.track("print('before')\n1 / 0")
    before, failure = cells_of(kernel, run)[-1]["outputs"]
    assert before == stream("before\n")
    assert (failure["output_type"], failure["ename"]) == ("error", "ZeroDivisionError")


def test_a_figure_is_kept(kernel: Kernel) -> None:
    kernel.run("%matplotlib inline\nimport matplotlib.pyplot as plt")
    outcome, run = kernel.track("plt.figure(figsize=(1, 1))\nplt.plot([1, 2]);")
    (figure,) = cells_of(kernel, run)[-1]["outputs"]
    (shown,) = (content for kind, content in outcome.outputs if kind == "display_data")
    assert figure["data"]["image/png"] == shown["data"]["image/png"]


def test_all_cells_before_are_there_also_those_before_loading(tmp_path: Path) -> None:
    with running_kernel(tmp_path, load=False) as kernel:
        kernel.run("a = 1\na", "first")
        kernel.run("1 / 0", "second")
        kernel.run(f"{LOAD}\nprint('loaded')\n", "third")  # IPython remembers it without the last line's end
        kernel.run("print('between')", "fourth")
        _, run = kernel.track("a + 1", "", "fifth")
        kernel.run("print('after')", "sixth")
        cells = cells_of(kernel, run)
    assert [cell["metadata"]["mltrack"]["status"] for cell in cells] == ["ok", "ok", "ok", "ok", "ok"][: len(cells)]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4, 5]
    assert [cell["source"].partition("\n")[0] for cell in cells[:2]] == ["a = 1", "1 / 0"]
    assert cells[0]["outputs"][0]["data"] == {"text/plain": "1"}
    assert cells[1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert "loaded" in str(cells[2]["outputs"])  # what ipykernel published before, after 0.2 s, nobody has seen
    assert cells[3]["outputs"] == [stream("between\n")]
    assert [bool(cell["metadata"]["mltrack"].get("before_load")) for cell in cells] == [True] * 3 + [False] * 2


def test_an_update_is_seen_by_later_runs_only(kernel: Kernel) -> None:
    kernel.run("words = ['ear' + 'lier', 'lat' + 'er']\nhandle = display(words[0], display_id=True)")
    _, first = kernel.track("pass")
    kernel.settle()
    kernel.run("handle.update(words[1])")
    _, second = kernel.track("pass")
    shown = [str([cell["outputs"] for cell in cells_of(kernel, run)]) for run in (first, second)]
    assert [("'earlier'" in text, "'later'" in text) for text in shown] == [(True, False), (False, True)]


def test_cells_of_a_run_are_those_until_then(kernel: Kernel) -> None:
    _, first = kernel.track("marker = 'first run'")
    kernel.run("'between the runs'")
    _, second = kernel.track("marker = 'second run'")
    assert "between the runs" not in str(cells_of(kernel, first))
    assert "between the runs" in str(cells_of(kernel, second))


def test_a_large_output_is_cut_and_flagged(kernel: Kernel) -> None:
    _, run = kernel.track("print('first')\nfor i in range(60): print(str(i) * 50_000)\nprint('last')")
    cell = cells_of(kernel, run)[-1]
    text = "".join(output["text"] for output in cell["outputs"])
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "cut by mltrack" in text
    assert len(text) <= 1_050_000
    assert cell["metadata"]["mltrack"]["truncated"] is True
    _, other = kernel.track("print('small')")
    assert "truncated" not in cells_of(kernel, other)[-1]["metadata"]["mltrack"]


def test_many_lines_are_cut(kernel: Kernel) -> None:
    _, run = kernel.track("for i in range(200_000): print(i)")
    (output,) = cells_of(kernel, run)[-1]["outputs"]
    assert output["text"].startswith("0\n1\n")
    assert output["text"].endswith("199999\n")


def test_no_snapshot_keeps_none(kernel: Kernel) -> None:
    _, run = kernel.track("print('unkept')", "--no-snapshot")
    kernel.settle()
    assert kernel.store.load_snapshot(run.info.run_id) is None
    refused = kernel.run(f"%mltrack notebook {run.info.run_id}")
    assert refused.error is not None
    assert refused.error.startswith("UsageError: ")
    assert "has no notebook" in refused.error


def test_what_was_saved_at_a_cells_end_survives_a_kill(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("print('earlier')")
        kernel.settle()
        _, run = kernel.track("C = 0.5\nprint('shown')")
        kernel.kill()
        snapshot = kernel.store.load_snapshot(run.info.run_id)
        assert snapshot is not None
        assert snapshot.executions[-1].source == "%%track_run \nC = 0.5\nprint('shown')"
        assert "earlier" in snapshot.executions[-2].outputs
        assert kernel.store.get_run(run.info.run_id).info.status == "FINISHED"


def test_each_kernel_is_a_session_of_its_own(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("'first kernel'")
        _, first = kernel.track("pass")
        kernel.settle()
        kernel.restart()
        kernel.run(LOAD)
        _, second = kernel.track("'second kernel'")
        assert "first kernel" not in str(cells_of(kernel, second))
        snapshot = kernel.store.load_snapshot(first.info.run_id)
        assert snapshot is not None
        assert "first kernel" in str(snapshot.executions)


def test_many_runs_of_one_notebook_cost_little(kernel: Kernel) -> None:
    kernel.track("print('x' * 50_000)")
    kernel.settle()

    def size() -> int:
        with sqlite3.connect(kernel.folder / "mltrack.db") as connection:
            return int(connection.execute("SELECT sum(length(data)) FROM blobs").fetchone()[0])

    before = size()
    for _ in range(20):
        kernel.track("print('x' * 50_000)")
    kernel.settle()
    assert size() - before < 1_000


# Secrets

KEY = "AKIA" + "IOSFODNN7EXAMPLE"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PASSWORD = "hunter2-" + "very-secret"


def everything_in(path: Path) -> str:
    """All that a store's file holds, blobs decompressed."""
    found = []
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        found.append(value.decode("utf-8", "replace"))
                        with contextlib.suppress(zlib.error):
                            found.append(zlib.decompress(value).decode("utf-8", "replace"))
                    else:
                        found.append(str(value))
    files = [path, path.with_name(path.name + "-wal")]
    found += [each.read_bytes().decode("utf-8", "replace") for each in files if each.exists()]
    return "\n".join(found)


def test_secrets_are_masked_before_they_are_stored(tmp_path: Path) -> None:
    with running_kernel(tmp_path, AWS_SECRET_ACCESS_KEY=PASSWORD, LANG=TOKEN) as kernel:
        kernel.run(f"key = '{KEY}'\nprint('my key', key)\nkey")
        kernel.run("import mltrack, os")
        kernel.track(
            f"token = '{TOKEN}'\npassword = '{PASSWORD}'\nprint(token, key)\n"
            f"mltrack.log_param('key', key)\nmltrack.set_tag('key', token)\n"
            "from IPython.display import HTML, display\ndisplay(HTML(f'<b>{token}</b>'))",
            f"-t auth={TOKEN} -p key2={KEY} --experiment e",
        )
        kernel.track(f"raise ValueError('cannot log in with {TOKEN} or ' + key)")
        kernel.track(f"x = = '{TOKEN}'", f"named-{KEY}")
        kernel.run(f"mltrack.start_run(run_name='{TOKEN}', description='{KEY}'); mltrack.end_run()")
        kernel.settle()
        kernel.shut_down()
        text = everything_in(tmp_path / "mltrack.db")
    assert "my key" in text
    assert "cannot log in with" in text
    assert {name: name in text for name in (KEY, TOKEN, PASSWORD)} == {KEY: False, TOKEN: False, PASSWORD: False}
