"""Notebooks as entry points: papermill puts the values in, the output is live, the executed one is kept."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.project_folders import make_project, notebook

import mltrack
from mltrack.exceptions import ExecutionError
from mltrack.projects import notebooks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRET = "sk-" + "Ab1" * 12
CELLS = [
    "import os, sys, json\nimport mltrack\n%load_ext mltrack",
    "print('alpha is', repr(alpha), repr(name))\nprint('aside', file=sys.stderr)",
    "%%track_run inner\nscore = alpha * 2",
    "mltrack.log_metric('loss', 1)",
    "%%track_run later\nscore = alpha * 3",
    "print(json.dumps([sys.executable, os.getcwd()]))",
    f"print('{SECRET}')",
    "1 / (alpha - 3)",
    "print('not reached by 3')",
]

LATE = """import sys, time
sys.stdout.flush_timeout = sys.stderr.flush_timeout = 0
get_ipython().kernel.iopub_thread.schedule(lambda: time.sleep(6))"""


def executed(run_id: str, folder: Path) -> Mapping[str, Any]:
    """The notebook that the run kept."""
    path = mltrack.artifacts.download_artifacts(run_id=run_id, artifact_path="train.ipynb", dst_path=str(folder))
    with open(path) as file:
        found: Mapping[str, Any] = json.load(file)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    text = notebook(*CELLS, parameters="alpha = 1\nname = ''")
    folder = make_project(tmp_path / "p")
    (folder / "sub").mkdir()
    (folder / "sub" / "train.ipynb").write_text(text)
    return folder


@pytest.mark.slow
def test_a_notebook_is_an_entry_point(project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = {"alpha": 2.5, "name": "$(id) it's"}
    submitted = mltrack.run(str(project), "sub/train.ipynb", parameters=values, env_manager="local")
    out, err = capfd.readouterr()
    assert 'alpha is 2.5 "$(id) it\'s"\n' in out
    assert json.dumps([sys.executable, str(project)]) in out
    assert "aside\n" in err
    assert "parameters" not in err, "no warning of papermill's"
    run = mltrack.get_run(submitted.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"loss": 1.0}
    assert run.data.params == {"alpha": "2.5", "name": "$(id) it's"}
    inner = mltrack.search_runs(filter_string="tags.mlflow.parentRunId LIKE '%'", output_format="list")
    assert {each.info.run_name: each.data.metrics["score"] for each in inner} == {"inner": 5.0, "later": 7.5}
    assert {each.data.tags["mlflow.parentRunId"] for each in inner} == {submitted.run_id}
    found = executed(submitted.run_id, tmp_path)
    assert "alpha = 2.5" in "".join("".join(cell["source"]) for cell in found["cells"])
    assert "[masked]" in json.dumps(found)
    assert SECRET not in json.dumps(found)


@pytest.mark.slow
def test_a_notebook_that_fails_is_kept_as_far_as_it_went(
    project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExecutionError, match="exit code 1"):
        mltrack.run(str(project), "sub/train.ipynb", parameters={"alpha": 3})
    out, err = capfd.readouterr()
    assert "not reached" not in out
    assert "ZeroDivisionError" in err
    assert "Traceback (most recent call last):\n  File" not in err, "the cell's, not the runner's"
    (run,) = mltrack.search_runs(filter_string="status = 'FAILED'", output_format="list")
    outputs = [output for cell in executed(run.info.run_id, tmp_path)["cells"] for output in cell.get("outputs", ())]
    assert "ZeroDivisionError" in {output.get("ename") for output in outputs}


@pytest.mark.slow
def test_the_end_of_a_cell_may_come_late(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As on a busy machine: the kernel has done the cell, and what it says beside its answer is still on its way."""
    make_project(tmp_path / "p", train_ipynb=notebook(LATE, "print('and went on')"))
    submitted = mltrack.run("p", "train.ipynb", env_manager="local")
    assert mltrack.get_run(submitted.run_id).info.status == "FINISHED"
    assert "and went on\n" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (
            ["--a", "1", "--b", "-1.5e3", "--c", "True", "--d", "x y", "--e", "None"],
            {"a": 1, "b": -1500.0, "c": True, "d": "x y", "e": None},
        ),
        (["--a", "--b"], {"a": "--b"}),
        (["--a-b", "", "--c", "01"], {"a-b": "", "c": 1}),
    ],
    ids=["none", "kinds", "a value that begins so", "odd"],
)
def test_values_are_taken_for_what_they_say(words: list[str], expected: dict[str, Any]) -> None:
    assert notebooks.parameters_of(words) == expected


@pytest.mark.parametrize("words", [["--a"], ["a", "1"], ["--a", "1", "b", "2"]])
def test_words_that_are_no_pairs(words: list[str]) -> None:
    with pytest.raises(ExecutionError, match="--name value pairs"):
        notebooks.parameters_of(words)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"metadata": 1}'])
def test_what_is_no_notebook_is_said(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.ipynb").write_text(text)
    assert notebooks.main(["a.ipynb"]) == 1
    assert "mltrack: 'a.ipynb' is no notebook that can be read" in capsys.readouterr().err


def test_secrets_in_a_notebook_are_masked() -> None:
    found = notebooks.masked({"text": ["sk-" + "Ab1" * 6, "Ab1" * 6 + "\n"], "image/png": SECRET, "n": 1, "s": SECRET})
    assert found == {"text": "[masked]\n", "image/png": SECRET, "n": 1, "s": "[masked]"}
