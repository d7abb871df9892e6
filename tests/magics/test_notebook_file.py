"""A run's notebook where its file is known: the file's order, what is older in it, and a server that is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from tests.magics.kernels import LOAD, SECONDS, Kernel, clean_environment, running_kernel, wait_until
from tests.magics.notebooks import cells_of, code, states, stream, text_cell, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def noted(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that knows its notebook's file as VS Code's kernels do."""
    with running_kernel(tmp_path) as kernel:
        kernel.run(f"__vsc_ipynb_file__ = {str(tmp_path / 'work.ipynb')!r}", "setup")
        yield kernel


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
    assert [(cell["source"], state) for cell, (_, state) in zip(cells, states(cells), strict=True)][-2:] == [
        ("gone = 3", "deleted"),
        ("c = 3", "executed"),
    ]
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


def test_an_equal_count_of_an_earlier_kernel_is_not_the_same_output(noted: Kernel) -> None:
    path = noted.folder / "work.ipynb"
    write_notebook(path, code("import random", "x", 3, [stream("of an earlier kernel\n")]), code("", "run"))
    assert noted.run("import random", "x").reply["execution_count"] == 3
    _, run = noted.track("pass", cell_id="run")
    first = cells_of(noted, run)[0]
    assert first["metadata"]["mltrack"]["outputs_in_file"] == "older"
    assert first["outputs"] == []


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
        wait_until(lambda: facts.exists() and facts.stat().st_size, what="the server's start")
        url = f"{json.loads(facts.read_text())['url']}api/sessions"
        wait_until(lambda: answers(url), what="the server's first answer")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    """The facts are written a little before the server listens."""
    try:
        ask(url, "GET")
    except OSError:
        return False
    return True


def ask(url: str, method: str, **content: object) -> Any:
    headers = {"Authorization": "token tok", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(content).encode() if content else None, headers, method=method)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)


def test_a_jupyter_server_is_asked_where_the_notebook_is(tmp_path: Path, server: tuple[str, int]) -> None:
    url, _ = server
    write_notebook(tmp_path / "first.ipynb", code("x", "x"))
    session = ask(url, "POST", path="first.ipynb", name="first", type="notebook", kernel={"name": "python3"})
    kernel = Kernel.attached(tmp_path, tmp_path / ".jupyter" / f"kernel-{session['kernel']['id']}.json")
    kernel.run(LOAD)
    kernel.evaluate(f"setattr(__import__('mltrack_magics.notebook_file').notebook_file, 'SERVER_SECONDS', {SECONDS})")
    assert f"notebook     {tmp_path / 'first.ipynb'}\n" in kernel.run("%mltrack status").stream()
    (tmp_path / "first.ipynb").unlink()
    write_notebook(tmp_path / "renamed.ipynb", text_cell("# Title", "t"), code("%%track_run \n1", "run"))
    ask(f"{url}/{session['id']}", "PATCH", path="renamed.ipynb")
    _, run = kernel.track("1", cell_id="run")
    assert states(cells_of(kernel, run))[:2] == [("t", ""), ("run", "executed")]
    assert kernel.store.get_run(run.info.run_id).data.tags["mlflow.source.name"] == str(tmp_path / "renamed.ipynb")
    assert "renamed.ipynb" in kernel.run("%mltrack status").stream()
    kernel.client.stop_channels()
