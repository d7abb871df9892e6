"""The notebook that uses every panel, run with nobody looking, and what is left in it for a reader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from tests.magics.kernels import UNHURRIED, clean_environment

from mltrack_magics.options import VERBS

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "compare.ipynb"
PANELS = ("runs", "curves", "scatter", "parallel", "importance", "compare", "dashboard")
PICTURES = {"curves": 1, "scatter": 1, "parallel": 1, "importance": 1, "compare": 1, "dashboard": 2, "runs": 0}
# What a page loads by itself: addresses that are only shown or linked to are none of it.
LOADED = re.compile(r"""<(?:script|img|link|iframe)[^>]+(?:src|href)=["'](?!data:|\#)([^"']+)""")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("compare")
    (folder / ".jupyter").mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, kernel_name="python3", resources=resources, **UNHURRIED)
    client.execute(env=clean_environment(folder / ".jupyter"))
    notebook.metadata["mltrack_test_folder"] = str(folder)
    return notebook


def outputs_of(notebook: Any, verb: str) -> list[Any]:
    cells = [cell for cell in notebook.cells if cell.source.startswith(f"%mltrack {verb}")]
    return [output for cell in cells for output in cell.outputs]


def test_every_panel_is_in_it() -> None:
    text = NOTEBOOK.read_text()
    assert [verb for verb in PANELS if f"%mltrack {verb}" not in text] == []
    assert "%%track_run baseline --experiment digits --live" in text
    assert set(PANELS) <= set(VERBS)


@pytest.mark.parametrize("verb", PANELS)
def test_a_panel_leaves_html_pictures_and_text(executed: Any, verb: str) -> None:
    outputs = outputs_of(executed, verb)
    assert outputs
    for output in outputs:
        assert set(output.data) == {"text/html", "text/plain"}
        assert output.data["text/html"].count("data:image/png;base64,") == PICTURES[verb]
        assert len(output.data["text/html"]) < 150_000


def test_a_live_cell_leaves_its_final_picture(executed: Any) -> None:
    cell = next(cell for cell in executed.cells if "--live" in cell.source and cell.cell_type == "code")
    pages = [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
    assert sum("data:image/png;base64," in page for page in pages) == 1
    assert any("mt-card" in page for page in pages)


def test_no_widget_swells_the_file(executed: Any) -> None:
    assert "widgets" not in executed.metadata
    assert len(nbformat.writes(executed)) < 600_000


def test_files_were_saved(executed: Any) -> None:
    folder = Path(executed.metadata["mltrack_test_folder"])
    assert {path.suffix for path in folder.glob("accuracy.*")} == {".html", ".png", ".svg", ".json"}


def test_it_converts_to_a_page_that_loads_nothing_of_ours(executed: Any) -> None:
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(executed)
    assert LOADED.findall(page) == []
    assert page.count("data:image/png;base64,") >= 6
    assert "test_loss" in page
