"""A run of a real kernel as a project: written by ``%mltrack export``, run by its commands, and verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from tests.magics.kernels import clean_environment, running_kernel

from mltrack import settings
from mltrack.exporting.export import export_run
from mltrack.exporting.verifying import verify
from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.magics.kernels import Kernel

    from mltrack.entities import Run

CELLS = (
    "import asyncio, json\nfrom pathlib import Path",
    "unrelated = 'never needed'",
    "rows = json.loads(Path('data/rows.json').read_text())",
    "%precision 4\nC = 0.5  # how much\nasync def later(x):\n    return x\n%time third = 1 / 3",
)
TRACKED = "depth = 3\ntotal = await later(sum(rows))\nscaled = total * C * third * depth"
SKLEARN = (
    "import numpy as np\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.datasets import load_iris",
    "%matplotlib inline\nX, y = load_iris(return_X_y=True)\nC = 0.5",
    "def fitted(C):\n    return LogisticRegression(C=C, max_iter=200).fit(X, y)",
    "X = X[:, :2]",
)
SKLEARN_TRACKED = "model = fitted(C)\naccuracy = float((model.predict(X) == y).mean())\nspread = np.std(X)"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "data").mkdir()
    (folder / "data" / "rows.json").write_text("[1, 2, 3.5]")
    with running_kernel(folder) as started:
        for cell in CELLS:
            assert started.run(cell).status == "ok"
        outcome, _ = started.track(TRACKED, "plain")
        assert outcome.status == "ok", outcome.error
        started.settle()
        yield started


def environment(kernel: Kernel, store: Path) -> dict[str, str]:
    """The variables of a command that keeps its runs in a store of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return clean_environment(kernel.state, MLTRACK_TRACKING_URI=f"sqlite:///{store}", PATH=path)


def run_project(kernel: Kernel, folder: Path, *words: str) -> Run:
    """Run a project by mltrack's command, and give the run."""
    store = folder.with_name(f"{folder.name}.db")
    done = subprocess.run(
        [sys.executable, "-m", "mltrack", "run", str(folder), "--env-manager", "local", *words],
        cwd=kernel.folder,
        env=environment(kernel, store),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return newest(SqliteStore(store))


def newest(store: SqliteStore) -> Run:
    places = tuple(each.experiment_id for each in store.list_experiments())
    return store.search_runs(Search(places, max_results=1)).rows[0]


@pytest.fixture
def shared(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """The kernel, with its store and its user's folder in use here."""
    kernel.settle()
    monkeypatch.setenv("MLTRACK_DATA_DIR", str(kernel.state))
    settings.set_tracking_uri(kernel.folder / "mltrack.db")
    return kernel


def test_the_verb_writes_the_project_and_says_what_it_wrote(kernel: Kernel) -> None:
    outcome = kernel.run("%mltrack export plain out --with-data --zip")
    assert outcome.status == "ok", outcome.error
    said = outcome.stream()
    assert "parameters: " in said
    assert (kernel.folder / "out.zip").is_file()
    notebook = nbformat.read(kernel.folder / "out" / "main.ipynb", 4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells]
    assert "unrelated = 'never needed'" not in sources
    assert (kernel.folder / "out" / "data" / "rows.json").read_text() == "[1, 2, 3.5]"
    refused = kernel.run("%mltrack export plain out")
    assert "is there already" in (refused.error or "") + refused.stream("stderr")


@pytest.mark.slow
def test_the_project_gives_the_metrics_in_every_way_it_is_run(shared: Kernel) -> None:
    shared.settle()
    folder = export_run("plain", shared.folder / "ways", with_data=True).folder
    expected = 6.5 * 0.5 * (1 / 3) * 3
    again = run_project(shared, folder)
    assert again.data.metrics == {"scaled": expected, "total": 6.5}
    assert again.data.params == {"C": "0.5", "depth": "3"}
    changed = run_project(shared, folder, "-P", "C=1", "-P", "depth=2")
    assert changed.data.metrics["scaled"] == 6.5 * (1 / 3) * 2
    in_notebook = run_project(shared, folder, "-e", "notebook", "-P", "C=1", "-P", "depth=2")
    assert in_notebook.data.metrics == changed.data.metrics
    store = folder.with_name("script.db")
    words = [sys.executable, "main.py", "--C=1", "--depth=2"]
    subprocess.run(words, cwd=folder, env=environment(shared, store), check=True, capture_output=True)
    assert newest(SqliteStore(store)).data.metrics == changed.data.metrics


@pytest.mark.slow
def test_a_fitted_model_verifies_and_the_run_says_so(shared: Kernel) -> None:
    for cell in SKLEARN:
        assert shared.run(cell).status == "ok"
    _, run = shared.track(SKLEARN_TRACKED, "model")
    shared.settle()
    assert "training_score" in run.data.metrics
    done = export_run("model", shared.folder / "model", verify=True)
    assert done.verification is not None
    assert done.verification.verified, done.verification.text
    assert done.verification.deterministic
    assert done.verification.forms == ("script", "script", "notebook")
    assert len(done.verification.seconds) == 3
    assert settings.get_store().get_run(run.info.run_id).data.tags["mltrack.verified"] == "true"
    artifacts = [each.path for each in settings.get_store().list_artifacts(run.info.run_id)]
    assert "mltrack/verification.json" in artifacts


@pytest.mark.slow
def test_another_result_and_randomness_are_found(shared: Kernel) -> None:
    shared.run("import random\nimport math")
    shared.track("luck = random.random()\nsure = math.sqrt(4)\nnothing = math.nan * luck", "lucky")
    shared.settle()
    folder = export_run("lucky", shared.folder / "lucky").folder
    found = verify(folder, env_manager="local")
    assert {check.name: check.good for check in found.checks} == {"luck": False, "sure": True, "nothing": True}
    assert (found.verified, found.deterministic) == (False, False)
    assert "Two runs gave different numbers: luck" in found.text
    assert found.by_form == ()
    tolerant = verify(folder, tolerances={"luck": 1e9}, env_manager="local", runs=1)
    assert (tolerant.verified, tolerant.deterministic, tolerant.by_form) == (True, True, ("luck",))
    (folder / "main.py").write_text("import sys; sys.exit('no more')\n")
    broken = verify(folder, env_manager="local")
    assert not broken.verified
    assert "no more" in broken.text
    assert settings.get_store().get_run(newest(shared.store).info.run_id).data.tags["mltrack.verified"] == "false"


@pytest.mark.slow
def test_the_command_exports_verifies_and_says_by_its_exit_code(kernel: Kernel) -> None:
    kernel.settle()
    words = [sys.executable, "-m", "mltrack", "--store", str(kernel.folder / "mltrack.db"), "export", "plain"]
    options = ["--as", "script", "--tolerance", "scaled=0.1", "--json"]
    done = subprocess.run(
        [*words, "by-command", *options],
        cwd=kernel.folder,
        env=clean_environment(kernel.state),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == ["depth", "C"]
    expected = json.loads((kernel.folder / "by-command" / "expected.json").read_text())
    assert expected["tolerance"] == {"relative": 1e-06, "metrics": {"scaled": 0.1}}
    refused = subprocess.run([*words, "by-command"], cwd=kernel.folder, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "is there already" in refused.stderr
