"""A cell as typed, made Python as IPython makes it, and parsed; kept by source, as cells are run again and again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from mltrack.provenance.cell_names import UNPARSABLE, parse
from mltrack.provenance.track_line import find_line, lines_without

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

KEPT_CELLS = 4096
_INDENTED = re.compile(r"\s*(^|[\r\n])[ \t\f]+\S")  # IPython takes an indentation that all lines have off


@dataclass(frozen=True, slots=True)
class ParsedCell:
    """A cell as Python, empty when it is none, and its statements."""

    python: str
    statements: Sequence[ast.stmt]


@lru_cache(KEPT_CELLS)
def parse_cell(source: str) -> ParsedCell:
    """Make a cell Python and parse it: without its ``%%track_run`` line, its magics and shell lines as calls.

    What is Python as it stands is left so: IPython's transforms change nothing of it, and cost more than parsing.
    """
    found = find_line(source) if source.lstrip().startswith("%%") else None
    if found is not None:
        source = "".join(lines_without(source.splitlines(keepends=True), found[0]))
    try:
        if _INDENTED.match(source) is None:
            return ParsedCell(source, parse(source).body)
    except UNPARSABLE:
        pass
    try:
        python = _manager().transform_cell(source)
        return ParsedCell(python, parse(python).body)
    except UNPARSABLE:
        return ParsedCell("", ())


@cache
def _manager() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager  # only for cells with magics; loaded in a kernel

    return TransformerManager()
