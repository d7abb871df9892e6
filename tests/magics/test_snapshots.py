"""The notebook as a run had executed it: what a kernel showed, the notebook's file, secrets, and other hosts."""

from __future__ import annotations

import copy
import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
import zlib
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.magics.kernels import LOAD, Kernel, clean_environment, run_python, running_kernel, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mltrack.entities import Run

Cell = dict[str, Any]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("snapshots")) as started:
        started.run("import sys\nfrom IPython.display import HTML, clear_output, display")
        yield started


def cells_of(kernel: Kernel, run: Run, **options: bool) -> list[Cell]:
    document = kernel.notebook(run, **options)
    nbformat.validate(nbformat.from_dict(copy.deepcopy(document)))  # type: ignore[no-untyped-call]
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    return list(document["cells"])


def stream(text: str, name: str = "stdout") -> Cell:
    return {"output_type": "stream", "name": name, "text": text}


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
        kernel.run(f"print('loading')\n{LOAD}", "third")
        kernel.run("print('between')", "fourth")
        _, run = kernel.track("a + 1", "", "fifth")
        kernel.run("print('after')", "sixth")
        cells = cells_of(kernel, run)
    assert [cell["metadata"]["mltrack"]["status"] for cell in cells] == ["ok", "ok", "ok", "ok", "ok"][: len(cells)]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4, 5]
    assert [cell["source"].partition("\n")[0] for cell in cells[:2]] == ["a = 1", "1 / 0"]
    assert cells[0]["outputs"][0]["data"] == {"text/plain": "1"}
    assert cells[1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert "loading" in str(cells[2]["outputs"])
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
                        try:
                            found.append(zlib.decompress(value).decode("utf-8", "replace"))
                        except zlib.error:
                            pass
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


# The notebook's file


def code(source: str, cell_id: str, count: int | None = None, outputs: list[Cell] | None = None) -> Cell:
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {},
        "source": source,
        "execution_count": count,
        "outputs": outputs or [],
    }


def text_cell(source: str, cell_id: str) -> Cell:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


def write_notebook(path: Path, *cells: Cell, **more: object) -> None:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}))


@pytest.fixture
def noted(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that knows its notebook's file as VS Code's kernels do."""
    with running_kernel(tmp_path) as kernel:
        kernel.run(f"__vsc_ipynb_file__ = {str(tmp_path / 'work.ipynb')!r}", "setup")
        yield kernel


def states(cells: list[Cell]) -> list[tuple[str, str]]:
    return [(cell["id"], cell["metadata"].get("mltrack", {}).get("state", "")) for cell in cells]


def test_cells_are_in_the_files_order(noted: Kernel) -> None:
    write_notebook(
        noted.folder / "work.ipynb",
        text_cell("# Title", "title"),
        code("b = 2", "b"),
        code("never = 1", "never", 7, [stream("kept\n")]),
        code("a = 1", "a"),
        code("%%track_run \na + b", "run"),
    )
    noted.run("a = 1", "a")
    noted.run("gone = 3", "gone")
    noted.run("b = 2", "b")
    noted.run("c = 3", "unsaved", deletedCells=["gone"])
    _, run = noted.track("a + b", cell_id="run")
    cells = cells_of(noted, run)
    assert states(cells)[:5] == [
        ("title", ""),
        ("b", "executed"),
        ("never", "not_executed"),
        ("a", "executed"),
        ("run", "executed"),
    ]
    assert states(cells)[-2:] == [("gone", "deleted"), ("unsaved", "executed")]
    assert [cell["metadata"]["mltrack"]["source_in_file"] for cell in cells[-2:]] == ["missing", "missing"]
    assert cells[2]["outputs"] == [stream("kept\n")]
    assert cells[2]["execution_count"] == 7
    assert cells[4]["outputs"][0]["data"] == {"text/plain": "3"}
    in_order = cells_of(noted, run, in_file_order=False)
    assert [cell["source"] for cell in in_order][-4:] == ["gone = 3", "b = 2", "c = 3", "%%track_run \na + b"]
    assert run.info.run_id == noted.notebook(run)["metadata"]["mltrack"]["run_id"]
    assert noted.store.get_run(run.info.run_id).data.tags["mlflow.source.name"].endswith("work.ipynb")


def test_what_ran_is_told_from_an_older_file(noted: Kernel) -> None:
    noted.run("same = 1\nprint('s')", "same")
    count = noted.run("edited = 2\nprint('e')", "edited").reply["execution_count"]
    write_notebook(
        noted.folder / "work.ipynb",
        code("same = 1\nprint('s')", "same", count - 1, [stream("s\n")]),
        code("edited = 1\nprint('e')", "edited", 1, [stream("older\n")]),
        code("%%track_run \npass", "run"),
    )
    _, run = noted.track("pass", cell_id="run")
    same, edited, own = cells_of(noted, run)[:3]
    marks = [cell["metadata"]["mltrack"] for cell in (same, edited, own)]
    assert [mark["source_in_file"] for mark in marks] == ["same", "older", "same"]
    assert [mark["outputs_in_file"] for mark in marks] == ["same", "older", "older"]
    assert (edited["source"], edited["outputs"]) == ("edited = 2\nprint('e')", [stream("e\n")])


def test_a_cell_run_twice_is_there_once_as_it_last_was(noted: Kernel) -> None:
    write_notebook(noted.folder / "work.ipynb", code("x = 1", "x"), code("%%track_run \nx", "run"))
    noted.run("x = 1", "x")
    noted.run("x = 5", "x")
    _, run = noted.track("x", cell_id="run")
    cells = cells_of(noted, run)
    assert [cell["source"] for cell in cells if cell["id"] == "x"] == ["x = 5"]
    sources = [cell["source"] for cell in cells_of(noted, run, in_file_order=False)]
    assert sources[-3:] == ["x = 1", "x = 5", "%%track_run \nx"]


def test_cells_without_ids_are_found_by_their_source(noted: Kernel) -> None:
    write_notebook(noted.folder / "work.ipynb", code("x = 1", "other-id"), code("%%track_run \nx", "another"))
    noted.run("x = 1")
    _, run = noted.track("x")
    assert states(cells_of(noted, run))[:2] == [("other-id", "executed"), ("another", "executed")]


FILES: dict[str, str] = {
    "empty": "",
    "not JSON": "{",
    "a list": "[]",
    "an old format": json.dumps({"nbformat": 3, "worksheets": []}),
    "no cells": json.dumps({"nbformat": 4, "cells": None}),
    "odd cells": json.dumps({"nbformat": 4, "cells": [1, None, "x", {}, {"cell_type": 5, "source": 6}]}),
    "odd parts": json.dumps(
        {
            "nbformat": 4,
            "metadata": [],
            "cells": [{"cell_type": "code", "source": None, "metadata": 3, "outputs": {}, "id": 5}],
        }
    ),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_that_is_no_notebook_does_no_harm(noted: Kernel, text: str) -> None:
    (noted.folder / "work.ipynb").write_text(text)
    outcome, run = noted.track("print('shown')", cell_id="run")
    assert outcome.stream("stderr") == ""
    assert stream("shown\n") in [output for cell in cells_of(noted, run) for output in cell.get("outputs", [])]


# Other hosts


def test_plain_ipython(tmp_path: Path) -> None:
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "run = lambda cell: shell.run_cell(cell, store_history=True)\n"
        "run('%load_ext mltrack')\nrun('a = 1')\n"
        "result = run('%%track_run plain\\nC = 0.5\\na + 1')\n"
        "assert result.result == 2, result\n"
        "assert run('%%track_run failing\\n1 / 0').success is False\n"
        "run('%mltrack runs')\n"
    )
    shown = run_python(script, tmp_path)
    assert "plain" in shown
    kernel = Kernel.gone(tmp_path)
    failing, run = kernel.runs()
    assert (run.info.run_name, run.info.status, run.data.params) == ("plain", "FINISHED", {"C": "0.5", "a": "1"})
    assert failing.info.status == "FAILED"
    snapshot = kernel.store.load_snapshot(run.info.run_id)
    assert snapshot is not None
    assert snapshot.executions[-1].source == "%%track_run plain\nC = 0.5\na + 1"
    assert '"text/plain":"2"' in snapshot.executions[-1].outputs
    assert "IPython's history" in snapshot.how


HOSTED = (LOAD, "a = 1", "%%track_run hosted\nC = 0.5\nprint('shown')\na + C", "print('after')")


def check_hosted(folder: Path) -> None:
    kernel = Kernel.gone(folder)
    (run,) = kernel.runs()
    assert (run.info.run_name, run.info.status) == ("hosted", "FINISHED")
    assert run.data.params == {"C": "0.5", "a": "1"}
    snapshot = kernel.store.load_snapshot(run.info.run_id)
    assert snapshot is not None
    assert [each.source for each in snapshot.executions[-3:]] == list(HOSTED[:3])
    assert "shown" in snapshot.executions[-1].outputs


def hosted_notebook(path: Path) -> None:
    write_notebook(
        path,
        *(code(source, f"cell-{number}") for number, source in enumerate(HOSTED)),
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def test_nbclient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted_notebook(tmp_path / "hosted.ipynb")
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in clean_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    document = nbformat.read(tmp_path / "hosted.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(document, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert any("hosted" in str(output) for output in document.cells[2].outputs)
    check_hosted(tmp_path)


def test_papermill(tmp_path: Path) -> None:
    hosted_notebook(tmp_path / "hosted.ipynb")
    script = "import papermill\npapermill.execute_notebook('hosted.ipynb', 'done.ipynb', progress_bar=False)"
    run_python(script, tmp_path)
    check_hosted(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A Jupyter server without a browser: its address and process."""
    state = tmp_path / ".jupyter"
    state.mkdir()
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"]
    options = ["--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=tok", f"--ServerApp.root_dir={tmp_path}"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, *options], env=clean_environment(state), cwd=tmp_path, **quiet)
    facts = state / f"jpserver-{process.pid}.json"
    try:
        wait_until(lambda: facts.exists() and facts.stat().st_size, seconds=30, what="the server's start")
        yield f"{json.loads(facts.read_text())['url']}api/sessions", process.pid
    finally:
        process.terminate()
        process.wait(20)


def ask(url: str, method: str, **content: object) -> Any:
    headers = {"Authorization": "token tok", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(content).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_jupyter_server_is_asked_where_the_notebook_is(tmp_path: Path, server: tuple[str, int]) -> None:
    url, _ = server
    write_notebook(tmp_path / "first.ipynb", code("x", "x"))
    session = ask(url, "POST", path="first.ipynb", name="first", type="notebook", kernel={"name": "python3"})
    kernel = Kernel.attached(tmp_path, tmp_path / ".jupyter" / f"kernel-{session['kernel']['id']}.json")
    kernel.run(LOAD)
    assert f"notebook     {tmp_path / 'first.ipynb'}\n" in kernel.run("%mltrack status").stream()
    (tmp_path / "first.ipynb").unlink()
    write_notebook(tmp_path / "renamed.ipynb", text_cell("# Title", "t"), code("%%track_run \n1", "run"))
    ask(f"{url}/{session['id']}", "PATCH", path="renamed.ipynb")
    _, run = kernel.track("1", cell_id="run")
    assert states(cells_of(kernel, run))[:2] == [("t", ""), ("run", "executed")]
    assert kernel.store.get_run(run.info.run_id).data.tags["mlflow.source.name"] == str(tmp_path / "renamed.ipynb")
    assert "renamed.ipynb" in kernel.run("%mltrack status").stream()
    kernel.client.stop_channels()
