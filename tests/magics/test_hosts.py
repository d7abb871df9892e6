"""Tracked cells where no front end is: plain IPython, nbclient and papermill."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient
from tests.magics.kernels import LOAD, PATIENT, SECONDS, UNHURRIED, Kernel, clean_environment, run_python
from tests.magics.notebooks import code, write_notebook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


HOSTED = (PATIENT, LOAD, "a = 1", "%%track_run hosted\nC = 0.5\nprint('shown')\na + C", "print('after')")


def check_hosted(folder: Path) -> None:
    kernel = Kernel.gone(folder)
    (run,) = kernel.runs()
    assert (run.info.run_name, run.info.status) == ("hosted", "FINISHED")
    assert run.data.params == {"C": "0.5", "a": "1"}
    snapshot = kernel.store.load_snapshot(run.info.run_id)
    assert snapshot is not None
    assert [each.source for each in snapshot.executions[-3:]] == list(HOSTED[1:4])
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
    document = nbformat.read(tmp_path / "hosted.ipynb", as_version=4)
    NotebookClient(document, resources={"metadata": {"path": str(tmp_path)}}, **UNHURRIED).execute()
    assert any("hosted" in str(output) for output in document.cells[3].outputs)
    check_hosted(tmp_path)


def test_papermill(tmp_path: Path) -> None:
    hosted_notebook(tmp_path / "hosted.ipynb")
    script = (
        "import papermill\nfrom traitlets.config import Config\n"
        f"config = Config({{'KernelManager': {{'shutdown_wait_time': {SECONDS}}}}})\n"
        "papermill.execute_notebook('hosted.ipynb', 'done.ipynb', progress_bar=False, config=config)"
    )
    run_python(script, tmp_path)
    check_hosted(tmp_path)
