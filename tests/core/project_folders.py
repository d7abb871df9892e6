"""Small projects in folders, and children that say what reached them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SHOW = "import json, os, sys; json.dump([sys.argv[1:], os.getcwd()], open(os.environ['SHOWN'], 'w'))\n"
"""A script that writes its arguments and its folder to the file that the variable SHOWN names."""


def make_project(folder: Path, file: str = "", **files: str) -> Path:
    """Make a project of a file MLproject and others; ``_`` before an ending stands for the point."""
    folder.mkdir(parents=True, exist_ok=True)
    if file:
        (folder / "MLproject").write_text(file, encoding="utf-8")
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return folder


def command_file(command: str, *parameters: str, name: str = "main") -> str:
    """Give a file MLproject of one entry point, whose parameters are all texts without a default."""
    declared = dict.fromkeys(parameters, "string")
    return json.dumps({"entry_points": {name: {"parameters": declared, "command": command}}})


def notebook(*cells: str, parameters: str | None = None) -> str:
    """Give a notebook of code cells, after one for its parameters."""
    sources: list[tuple[str, list[str]]] = [(source, []) for source in cells]
    if parameters is not None:
        sources.insert(0, (parameters, ["parameters"]))
    document: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    document["cells"] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": tags},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, (source, tags) in enumerate(sources)
    ]
    return json.dumps(document)
