"""Notebook documents for tests: their cells made, written, and read back from a run."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from pathlib import Path

    from tests.magics.kernels import Kernel

    from mltrack.entities import Run

Cell = dict[str, Any]


def cells_of(kernel: Kernel, run: Run, **options: bool) -> list[Cell]:
    """Give the cells of a run's notebook, which is valid."""
    document = kernel.notebook(run, **options)
    nbformat.validate(nbformat.from_dict(copy.deepcopy(document)))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    return list(document["cells"])


def stream(text: str, name: str = "stdout") -> Cell:
    """Make an output of printed text."""
    return {"output_type": "stream", "name": name, "text": text}


def code(source: str, cell_id: str, count: int | None = None, outputs: list[Cell] | None = None) -> Cell:
    """Make a code cell."""
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {},
        "source": source,
        "execution_count": count,
        "outputs": outputs or [],
    }


def text_cell(source: str, cell_id: str) -> Cell:
    """Make a markdown cell."""
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


def write_notebook(path: Path, *cells: Cell, **more: object) -> None:
    """Write a notebook file."""
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}))


def states(cells: list[Cell]) -> list[tuple[str, str]]:
    """Give each cell's id and how it stands."""
    return [(cell["id"], cell["metadata"].get("mltrack", {}).get("state", "")) for cell in cells]
