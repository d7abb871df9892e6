"""``main.ipynb``: a run's cells in the order they ran, below a cell of parameters that papermill fills in.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exporting.plain_python import without_tracking
from mltrack.exporting.readme import plain_markdown
from mltrack.exporting.script import kind_of
from mltrack.exporting.wrapping import going_on
from mltrack.provenance.parameter_cells import free_name
from mltrack.provenance.transforms import parse_cell

if TYPE_CHECKING:
    from mltrack.exporting.exported_cells import ExportedCells

_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_READ = '''\
def {read}(value):
    """Give what a text stands for as a Python literal; the text itself if it is none."""
    import ast

    words = {{"true": "True", "false": "False"}}
    try:
        return ast.literal_eval(words.get(value.strip().lower(), value.strip())) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value


'''


def notebook_of(cells: ExportedCells, title: str) -> dict[str, Any]:
    """Give the notebook document."""
    parameters, keep, sources, holder = cells.for_notebook()
    tracking = cells.tracking(holder)
    made = [_markdown(f"# {plain_markdown(title)}"), _code(parameters, "parameters")]
    made.append(_code(f"{_reading(cells)}{keep}\n\n\n{tracking.find}", "mltrack"))
    for number, (step, source) in enumerate(zip(cells.found.steps, sources, strict=True), 1):
        is_last = number == len(sources)
        made += [_markdown(text) for text in cells.facts.markdown.get(step.seq, ())]
        made += [_code(tracking.begin, "mltrack")] if is_last and tracking.begin else []
        text = without_tracking(source).strip("\r\n")
        if step.status != "ok" and not is_last:
            text = going_on(parse_cell(text).python.strip("\n"))
        made += [_code(text)] if text.strip() and step.python.strip() else []
    made.append(_code(tracking.log, "mltrack"))
    for number, cell in enumerate(made, 1):
        cell["id"] = f"cell-{number}"
    metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


def _reading(cells: ExportedCells) -> str:
    """Give the lines that make values of texts, for parameters that are neither numbers nor texts."""
    names = [name for name, each in cells.parameters.items() if kind_of(each.value) == "literal"]
    if not names:
        return ""
    read = free_name("read_literal", [*names])
    lines = "".join(f"{name} = {read}({name})\n" for name in names)
    return _READ.format(read=read) + lines


def _code(source: str, *tags: str) -> dict[str, Any]:
    metadata = {"tags": [*tags]} if tags else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}
