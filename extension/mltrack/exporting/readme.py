"""``README.md`` of an exported run: two commands, and what to know before one runs them."""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING

from mltrack.exporting.project_text import NOTEBOOK, SCRIPT, default_text
from mltrack.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.exporting.exported_cells import ExportedCells
    from mltrack.exporting.inputs import Inputs


def readme_of(cells: ExportedCells, title: str, *, form: str, inputs: Inputs, notes: Sequence[str]) -> str:
    """Give the text of the file."""
    example = next((f" -P {each.name}={shown(default_text(each))}" for each in cells.parameters.values()), "")
    argument = example.replace(" -P ", " --")
    lines = [f"# {plain_markdown(title)}", "", _origin(cells), "", "```bash", f"mltrack run .{example}"]
    lines += [f"python main.py{argument}" if form != NOTEBOOK else "jupyter lab main.ipynb", "```", ""]
    lines += ["`mlflow run .` does the same, without mltrack. `expected.json` has the metrics that the run had.", ""]
    if form not in (NOTEBOOK, SCRIPT):
        lines += ["The same cells are in `main.ipynb`; `mltrack run . -e notebook` runs them with papermill.", ""]
    lines += _parameters(cells)
    lines += _secrets(cells)
    lines += _files(inputs)
    lines += ["## Notes", "", *(f"- {note}" for note in notes), ""] if notes else []
    return "\n".join(lines).rstrip("\n") + "\n"


def plain_markdown(text: str) -> str:
    """Write a text so that markdown shows it as it is."""
    return re.sub(r"([\\`*_<>\[\]#|&])", r"\\\1", text)


def shown(value: object) -> str:
    """Write a value as a word of a shell's line, in one line."""
    return quote(printable(str(value)))


def _origin(cells: ExportedCells) -> str:
    run = cells.facts.run.info
    python = f" Python {cells.facts.python}." if cells.facts.python else ""
    count = len(cells.found.steps)
    return f"Made by mltrack from run `{run.run_id}`: {count} cell{'s' * (count != 1)}.{python}"


def _parameters(cells: ExportedCells) -> list[str]:
    if not cells.parameters:
        return []
    rows = [f"| `{each.name}` | {_code(default_text(each))} |" for each in cells.parameters.values()]
    return ["| parameter | default |", "| --- | --- |", *rows, ""]


def _code(value: object) -> str:
    text = printable(str(value)).replace("|", "\\|").replace("`", "'")
    return f"`{text[:200]}`" if text.strip() else "(empty)"


def _secrets(cells: ExportedCells) -> list[str]:
    if not cells.secrets:
        return []
    numbers = {step.seq: number for number, step in enumerate(cells.found.steps, 1)}
    lines = ["## Secrets", "", "They were masked when the run was tracked. Put them back before you run this:", ""]
    for each in cells.secrets:
        where = f"cell {numbers[each.step]}, line {each.line}"
        told = f"set the environment variable `{each.variable}`" if each.variable else "write it there again"
        lines.append(f"- {where}: {told}")
    return [*lines, ""]


def _files(inputs: Inputs) -> list[str]:
    if not inputs.files:
        return []
    lines = ["## Data", ""]
    for each in inputs.files:
        there = "it is here" if each.copied else "put it here"
        size = "" if each.use.size is None else f", {each.use.size} bytes"
        lines.append(f"- {_code(each.path)}{size}: {there}")
    return [*lines, ""]
