"""The notebook that breaks a result and has it again, run in the order in which it tells its reader to run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from tests.magics.kernels import PATIENT, UNHURRIED, clean_environment

from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from mltrack.entities import Run

pytestmark = pytest.mark.slow  # it makes an environment, and runs a dozen kernels
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "reproduce.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduce")


@pytest.fixture(scope="module")
def executed(folder: Path) -> dict[str, Any]:
    """The code cells by id, after they were run as the text between them says."""
    (folder / ".jupyter").mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    file = folder / NOTEBOOK.name
    nbformat.write(notebook, file)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, kernel_name="python3", resources=resources, **UNHURRIED)
    cells = {cell.id: (number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    with client.setup_kernel(env={**clean_environment(folder / ".jupyter"), "JPY_SESSION_NAME": str(file)}):
        assert client.kc is not None
        client.kc.execute(PATIENT, silent=True)
        for name, (number, cell) in cells.items():
            client.execute_cell(cell, number)
            if name == "fewer":
                break_it(client, *cells["train"], file)
    return {name: cell for name, (_, cell) in cells.items()}


def break_it(client: NotebookClient, number: int, cell: Any, file: Path) -> None:
    """Go back up, change the run's name, save, and train on what is there now."""
    typed = cell.source
    cell.source = typed.replace("baseline", "broken")
    nbformat.write(client.nb, file)
    client.execute_cell(cell, number)
    cell.source = typed


def text(cells: dict[str, Any], name: str) -> str:
    """All that a cell shows, as text."""
    return "\n".join(output.get("text") or output.data.get("text/plain", "") for output in cells[name].outputs)


@pytest.fixture(scope="module")
def runs(executed: dict[str, Any], folder: Path) -> dict[str, list[Run]]:
    del executed
    store = SqliteStore(folder / "mltrack.db")
    wanted = Search(experiment_ids=tuple(each.experiment_id for each in store.list_experiments()))
    found: dict[str, list[Run]] = {}
    for run in store.search_runs(wanted).rows:
        found.setdefault(run.info.run_name, []).append(run)
    return found


def test_one_run_can_be_had_again_and_the_other_cannot(executed: dict[str, Any], runs: dict[str, list[Run]]) -> None:
    (broken,) = runs["broken"]
    assert broken.data.tags["mltrack.reproducible"] == "false"
    assert {each["kind"] for each in json.loads(broken.data.tags["mltrack.reproducible.reasons"])} == {"order"}
    assert "not reproducible" in text(executed, "last")
    assert "not reproducible" not in text(executed, "provenance")
    assert "describe" not in text(executed, "provenance").partition("not needed")[0]
    assert text(executed, "search").split() == ["can", "be", "had", "again:", "baseline"]


def test_the_export_gives_the_same_numbers(executed: dict[str, Any], runs: dict[str, list[Run]]) -> None:
    assert "MLproject" in text(executed, "folder")
    (tracked,) = runs["baseline"]
    assert tracked.data.tags["mltrack.verified"] == "true"
    accuracy = tracked.data.metrics["accuracy"]
    assert f"{accuracy:.10g}" in text(executed, "export")
    assert "'accuracy': " in text(executed, "run")


def test_other_values_give_other_numbers(executed: dict[str, Any], runs: dict[str, list[Run]]) -> None:
    again = [run for name, found in runs.items() if name.startswith("baseline C=") for run in found]
    assert {run.data.params["C"] for run in again} == {"0.01", "0.05", "0.1", "1.0"}
    assert {run.info.status for run in again} == {"FINISHED"}
    assert len({run.data.metrics["accuracy"] for run in (*runs["baseline"], *again)}) > 1
    assert "3 of 3 finished" in text(executed, "sweep")
    assert "2 runs, compared with baseline" in text(executed, "compare")


def test_the_notebook_is_restored(executed: dict[str, Any], folder: Path) -> None:
    assert "Saved" in text(executed, "restore")
    restored = nbformat.read(folder / "baseline.ipynb", as_version=4)
    nbformat.validate(restored)
    assert any("%%track_run baseline" in cell.source for cell in restored.cells)
