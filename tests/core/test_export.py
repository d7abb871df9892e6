"""A run as a project: what is written, that it gives the run's metrics, and that nothing leaves that must not."""

from __future__ import annotations

import math
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import nbformat
import pytest
from tests.core.exported_runs import FILES, document, files_of, run_script, texts_of, tracked

import mltrack
from mltrack import export_run
from mltrack.entities import Param
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.exporting.requirements import requirements_of
from mltrack.plain_yaml import read_yaml
from mltrack.projects.commands import command_of
from mltrack.projects.entities import Project
from mltrack.projects.project_file import read_project_file
from mltrack.provenance.slicing import slice_of
from mltrack.provenance.transforms import parse_cell
from mltrack.settings import get_store
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_notebook(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Run the notebook's cells in this process, with values put in after the parameters' cell as papermill does."""
    names: dict[str, Any] = {"__name__": "__main__", "get_ipython": MagicMock()}
    for cell in nbformat.read(folder / "main.ipynb", 4).cells:
        if cell.cell_type == "code":
            exec(compile(parse_cell(cell.source).python, "cell", "exec"), names)
        if "parameters" in cell.metadata.get("tags", ()):
            names.update(values)
    return names


@pytest.fixture
def run_id() -> str:
    return tracked(
        "import math\n%load_ext mltrack",
        "C = 0.5  # how much\nsteps = 3",
        "%%track_run the run\ndepth = 2\nflag = False\nlayers = (1, 2)\nname = 'a \"b\"'\n"
        "score = math.sqrt(C) * depth * sum(layers) + flag",
        name="the run",
        file_cells=[("markdown", "# Title"), ("code", "C = 0.5  # how much\nsteps = 3"), ("markdown", "*end*")],
    )


def test_what_cannot_be_set_is_told_where_a_cell_computes_it(tmp_path: Path) -> None:
    run_id = tracked("a = 2", "half = a // 2\nword = 'x' * a", "%%track_run\nscore = half + len(word)", name="computed")
    get_store().log_batch(run_id, params=[Param("verbose", "0"), Param("memory", "None")])
    done = export_run(run_id, tmp_path / "out")
    assert "verbose" not in done.text
    assert set(done.fixed) == {"half", "word"}
    assert "computed, so not to be set: " in done.text
    many = replace(done, fixed=tuple(f"p{number}" for number in range(20)))
    assert "computed, so not to be set: p0, p1, p2, p3, p4, p5, p6, p7 and 12 more" in many.text


@pytest.mark.parametrize("text", ["the run", "last", "id", "digits"])
def test_a_slice_is_asked_for_as_a_run_is(run_id: str, text: str) -> None:
    asked = {"id": run_id, "digits": run_id[:12]}.get(text, text)
    assert slice_of(asked).run_id == run_id


def test_a_run_becomes_a_folder_that_stands_alone(run_id: str, tmp_path: Path) -> None:
    done = export_run(run_id, tmp_path / "out")
    assert files_of(tmp_path / "out") == FILES
    assert (Path(done), done.run_id, done.fixed) == (tmp_path / "out", run_id, ())
    assert set(done.parameters) == {"C", "depth", "flag", "layers", "name"}
    assert document(done.folder, "expected.json") == {
        "run_id": run_id,
        "status": "FINISHED",
        "metrics": {"score": math.sqrt(0.5) * 6},
        "tolerance": {"relative": 1e-6, "metrics": {}},
    }
    assert str(tmp_path) not in texts_of(done.folder)
    assert "python main.py" in (done.folder / "README.md").read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_the_script_gives_the_metrics_and_takes_parameters(
    run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export_run(run_id, tmp_path / "out").folder
    again = run_script(folder, monkeypatch=monkeypatch)
    assert again.data.metrics == {"score": math.sqrt(0.5) * 6}
    assert again.data.params == {"C": "0.5", "depth": "2", "flag": "False", "layers": "(1, 2)", "name": 'a "b"'}
    words = ("--C", "4", "--depth=-3", "--flag=true", "--layers=[5]", "--name=it's\n$(x)")
    other = run_script(folder, *words, monkeypatch=monkeypatch)
    assert other.data.metrics == {"score": 2 * -3 * 5 + 1}
    assert other.data.params["name"] == "it's\n$(x)"


def test_the_notebook_is_valid_and_gives_the_runs_metrics(run_id: str, tmp_path: Path) -> None:
    folder = export_run(run_id, tmp_path / "out", form="notebook").folder
    assert files_of(folder) == FILES - {"main.py"}
    notebook = nbformat.read(folder / "main.ipynb", 4)
    nbformat.validate(notebook)
    tagged = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    assert [line for cell in tagged for line in cell.splitlines() if line.startswith("C")] == ["C = 0.5  # how much"]
    sources = [cell.source for cell in notebook.cells]
    assert "# Title" in sources
    assert "*end*" not in sources
    assert "track_run" not in "".join(sources)
    names = run_notebook(folder, {"C": 4.0, "layers": "(5,)", "flag": "true"})
    assert names["score"] == 2 * 2 * 5 + 1


def test_the_project_is_one_that_runs_by_its_file(run_id: str, tmp_path: Path) -> None:
    folder = export_run(run_id, tmp_path / "out").folder
    file = read_project_file(folder)
    assert [*file.entry_points] == ["main", "notebook"]
    composed = command_of(Project(str(folder), folder), file, parameters={"C": "0.1", "name": "a b'c"})
    command = composed.text.replace("python main.py", "printf '%s\\n'", 1)
    words = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert set(words.stdout.splitlines()) == {
        *("--C=0.1", "--depth=2", "--flag=False", "--layers=(1, 2)", "--name=a b'c"),
    }


def test_the_requirements_are_those_of_the_runs_environment(tmp_path: Path) -> None:
    packages = {"scikit-learn": "1.5.2+local", "numpy": "2.1.3", "pandas": "2.2.3", "opencv-python-headless": "4.1"}
    packages |= {"mlflow": "2.9.0", "pip": "24.0", "jupyter-mltrack": "0.1", "odd": "not a version"}
    run_id = tracked(
        "import sklearn.svm, os, cv2, mltrack, odd, nowhere_to_be_found\nfrom pandas import DataFrame\nx = 1.0",
        packages=packages,
        runs=False,
    )
    folder = export_run(run_id, tmp_path / "out", form="script").folder
    assert (folder / "requirements.txt").read_text().splitlines() == [
        "# What brings the module nowhere_to_be_found was not found: add its distribution.",
        *("-c requirements-all.txt", "mlflow==2.9.0", "odd", "opencv-python-headless==4.1", "pandas==2.2.3"),
        "scikit-learn==1.5.2",
    ]
    everything = (folder / "requirements-all.txt").read_text()
    assert "numpy==2.1.3" in everything
    assert "mltrack==" not in everything
    environment = read_yaml((folder / "python_env.yaml").read_text(), "python_env.yaml")
    assert environment["python"] == "3.11.7"
    assert environment["dependencies"] == ["-r requirements.txt"]
    conda = read_yaml((folder / "conda.yaml").read_text(), "conda.yaml")
    assert "scikit-learn==1.5.2" in conda["dependencies"][-1]["pip"]


def test_what_a_library_loads_by_itself_is_required_too() -> None:
    packages = {"pandas": "2.2.3", "pyarrow": "17.0"}
    needed = requirements_of(["pandas"], packages, sources=["pd.read_parquet('x')"])
    assert needed.lines == ("pandas==2.2.3", "pyarrow==17.0")


def test_a_run_without_a_known_environment_has_no_versions(tmp_path: Path) -> None:
    done = export_run(tracked("x = 1.0", packages=None), tmp_path / "out")
    assert any("no versions" in note for note in done.notes)
    assert "==" not in (done.folder / "requirements.txt").read_text()


# The name of a run and its cells, the last of which binds the metric m: quotes, braces and the like change nothing.
HOSTILE: dict[str, tuple[str, tuple[str, ...]]] = {
    "quotes": ('it\'s """odd""" `x` $(y)\\', ('text = \'"""\'\nm = len(text) * 1.0',)),
    "braces": ("{0} {{x}} {name}", ("text = '{x} {{y}} {}'\nm = len(text) * 1.0",)),
    "line ends": ("a\nb\r\nc\x00".replace("\x00", ""), ("text = 'a\\nb\\r\\nc'\nm = len(text) * 1.0",)),
    "control characters": ("\x1b[31mred\u202e", ("text = '\\x1b[31m\\x00\\u202e'\nm = len(text) * 1.0",)),
    "unicode": ("Größe 模型 🎉", ("größe = 3\nдлина = 2\nm = größe * длина * 1.0", "größe\nm = größe / 1.0")),
    "yaml words": ("null", ("text = 'null'\nother = 'yes'\nnothing = None\nm = len(text + other) * 1.0",)),
    "names of ours": (
        "tracker",
        ("tracker = 1\narguments = 2\nliteral = 3\nparser = 4\nlast = 5\nast = 6\nm = tracker + arguments * 1.0",),
    ),
    "names of Python": (
        "x",
        ("m = max(1, 2) * 1.0", "max = 3\nfloat = [1]\nglobals = vars = print = 2\nm = max * len(float) / 2"),
    ),
    "names of argparse": ("x", ("help = 3\nh = 1\nm = help * 1.0",)),
    "line ends of windows": ("x", ("a = 1\r\nb = 2\r\nm = a / b",)),
    "tabs and form feeds": ("x", ("a = 1\n\x0cif a:\n\tb = 2\n\x0cm = a / b",)),
    "a text over lines": ("x", ('text = """a\n  b\n# c"""\nm = len(text) * 1.0',)),
    "nothing but the cell": ("x", ("m = float('0.5')",)),
    "future": ("x", ("from __future__ import annotations\ndef f(a: nowhere): return a", "m = f(2) / 1.0")),
    "one cell twice": ("x", ("a = 1\nb = 1.0", "b = b + a", "b = b + a", "a = 3\nm = b / a")),
    "not finite": ("x", ("a = float('nan')\nb = 1e999\nm = b * -1",)),
    "indented": ("x", ("    a = 2\n    m = a / 1",)),
    "numbers": ("x", ("a = 1e-05\nb = 10**20\nc = -3\nm = a * b * c",)),
    "a failed cell before": ("x", ("a = 2\nb = 1 / 0", "m = a / 1")),
}


@pytest.mark.parametrize(("name", "cells"), HOSTILE.values(), ids=HOSTILE.keys())
def test_any_run_becomes_a_project_that_gives_its_metrics(
    name: str, cells: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = "1 / 0" in cells[0]
    run_id = tracked(*cells, name=name, statuses={1: "error"} if failing else None, seed={"a": 2} if failing else None)
    metrics = get_store().get_run(run_id).data.metrics
    folder = export_run(run_id, tmp_path / "out").folder
    nbformat.validate(nbformat.read(folder / "main.ipynb", 4))
    file = read_project_file(folder)
    parameters = command_of(Project(str(folder), folder), file).parameters
    words = [f"--{key}={value}" for key, value in parameters.items()]
    again = run_script(folder, *words, monkeypatch=monkeypatch)
    assert repr(again.data.metrics) == repr(metrics)
    assert metrics
    names = run_notebook(folder, {})
    assert repr(names["m"]) == repr(metrics["m"])


def test_a_failed_run_is_exported_and_said_to_be_one(tmp_path: Path) -> None:
    done = export_run(tracked("x = 1\n", "raise ValueError", status="FAILED", runs=False), tmp_path / "out")
    assert any("FAILED" in note for note in done.notes)
    assert "raise ValueError" in (done.folder / "main.py").read_text()


def test_a_cell_that_is_no_python_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = tracked("x = = 1", "x = 2", "m = x / 1", statuses={1: "error"})
    folder = export_run(run_id, tmp_path / "out", whole=True).folder
    assert run_script(folder, monkeypatch=monkeypatch).data.metrics == {"m": 2.0}
    assert "x = = 1" not in (folder / "main.ipynb").read_text()


def test_every_cell_that_ran_is_taken_when_asked_for(tmp_path: Path) -> None:
    run_id = tracked("unused = 'here'", "m = float('0.5')")
    assert "unused" in (export_run(run_id, tmp_path / "whole", whole=True).folder / "main.py").read_text()


def test_what_cannot_be_exported_is_refused(run_id: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    (tmp_path / "new.zip").write_text("x")
    bare = get_store().search_runs(Search(("0",))).rows[0].info.experiment_id
    with mltrack.start_run(experiment_id=bare) as other:
        pass
    with pytest.raises(NotFoundError, match="no notebook"):
        export_run(other.info.run_id, tmp_path / "out")
    with pytest.raises(NotFoundError, match="no run named"):
        export_run("nobody", tmp_path / "out")
    with pytest.raises(AlreadyExistsError):
        export_run(run_id, tmp_path / "full")
    with pytest.raises(AlreadyExistsError):
        export_run(run_id, tmp_path / "new", zip=True)
    with pytest.raises(InvalidParameterError, match="as both, notebook, script"):
        export_run(run_id, tmp_path / "out", form="pdf")
    with pytest.raises(InvalidParameterError, match="no metric 'x'"):
        export_run(run_id, tmp_path / "out", tolerances={"x": 1})
    with pytest.raises(NotFoundError, match="no folder"):
        export_run(run_id, tmp_path / "none" / "out")
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(("ml", "user"))} == {"full", "new.zip"}


def test_the_archive_has_the_same_bytes_each_time(run_id: str, tmp_path: Path) -> None:
    one, two = (export_run(run_id, tmp_path / name, zip=True) for name in ("one", "two"))
    assert one.archive == tmp_path / "one.zip"
    assert two.archive is not None
    assert one.archive.read_bytes() == two.archive.read_bytes()
    entries = zipfile.ZipFile(one.archive).infolist()
    assert {entry.filename for entry in entries} == FILES
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_cells_that_log_by_themselves_keep_doing_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = (
        "import mltrack\nwith mltrack.start_run(run_name='inner'):\n    mltrack.log_metric('own', 3)\nm = float('0.5')"
    )
    folder = export_run(tracked(cell), tmp_path / "out").folder
    again = run_script(folder, monkeypatch=monkeypatch)
    assert (again.info.run_name, again.data.metrics) == ("inner", {"own": 3.0, "m": 0.5})


def test_without_a_tracker_the_metrics_are_printed(run_id: str, tmp_path: Path) -> None:
    folder = export_run(run_id, tmp_path / "out", form="script").folder
    words = [sys.executable, "-S", "-E", "main.py", "--C=4"]  # without site-packages there is neither tracker
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    assert {"C = 4.0", "score = 12.0", 'name = a "b"'} <= set(done.stdout.splitlines())
