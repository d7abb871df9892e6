"""The notebook that goes from training to a server, run with nobody looking, and what is left in it for a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from tests.magics.kernels import UNHURRIED, clean_environment

from mltrack.store.sqlite import SqliteStore

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "serve.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


@pytest.fixture(scope="module")
def executed(folder: Path) -> Any:
    (folder / ".jupyter").mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, kernel_name="python3", resources=resources, **UNHURRIED)
    client.execute(env=clean_environment(folder / ".jupyter"))
    return notebook


def texts(notebook: Any, begin: str) -> list[str]:
    """The texts that the cells beginning so show."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith(begin)]
    assert cells, begin
    return [
        output.get("text") or output.data.get("text/plain", "")
        for cell in cells
        for output in cell.outputs
        if output.output_type != "error"
    ]


def test_the_model_predicts_before_and_after_the_swap(executed: Any) -> None:
    first, second = texts(executed, "server.predict")
    assert first.startswith(("array(", "["))
    assert second.startswith(("array(", "["))


def test_any_client_is_answered(executed: Any) -> None:
    (answer,) = texts(executed, "import json")
    assert answer.startswith("{'predictions': [")


def test_a_refusal_names_the_column(executed: Any) -> None:
    (said,) = texts(executed, "from mltrack.exceptions")
    assert "mean radius" in said


@pytest.mark.parametrize("begin", ["from mltrack.models", "%mltrack models", "server = mltrack.serve"])
def test_panels_stay_readable(executed: Any, begin: str) -> None:
    cell = next(cell for cell in executed.cells if cell.source.startswith(begin))
    pages = [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
    assert pages
    assert all("widget-view" not in page for page in pages)
    assert sum(map(len, pages)) < 300_000


def test_the_registry_holds_both_versions(executed: Any, folder: Path) -> None:
    store = SqliteStore(folder / "mltrack.db")
    model = store.get_registered_model("tumours")
    assert model.aliases == {"champion": "2"}
    first, second = (store.get_model_version("tumours", number) for number in "12")
    assert first.digest != second.digest
    assert first.provenance["run"]["name"] == "baseline"
    assert first.provenance["notebook"]
    assert first.provenance["datasets"]


def test_the_server_is_stopped(executed: Any, folder: Path) -> None:
    assert texts(executed, "server.stop") == []
    assert list((folder / ".jupyter" / "servers").rglob("*.json")) == []
