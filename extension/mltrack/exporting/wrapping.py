"""Cells that a script cannot hold as they are: those that await at their top, and those that had failed."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from typing import TYPE_CHECKING

from mltrack.provenance.cell_names import plan_cell
from mltrack.provenance.cell_plan import How, Span
from mltrack.provenance.rewriting import substitute
from mltrack.provenance.slice import Step
from mltrack.provenance.typed_cells import TypedCell

if TYPE_CHECKING:
    from collections.abc import Iterable

_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def compiles(python: str, *, awaits: bool = False) -> bool:
    """Tell whether Python takes a text as a module, or as one that may await at its top."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if awaits else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(python, "cell", "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True


def awaiting(python: str, number: int, runner: str) -> str:
    """Put a cell that awaits at its top into a function, whose names are the module's; ``runner`` runs a coroutine.

    A cell that no function can hold (``from x import *``) is compiled as IPython does it.
    """
    names = sorted(
        name
        for name, bindings in plan_cell(python).bindings.items()
        if any(binding.how is not How.LOOP for binding in bindings) or _is_bound_by_for(python, name)
    )
    declared = f"    global {', '.join(names)}\n" if names else ""
    wrapped = f"async def cell_{number}():\n{declared}{indented(python)}\n\n\n{runner}(cell_{number}())"
    if compiles(wrapped):
        return wrapped
    compiled = f'compile({python!r}, "cell {number}", "exec", {ast.PyCF_ALLOW_TOP_LEVEL_AWAIT})'
    return f"{runner}(eval({compiled}, globals()))"


def _is_bound_by_for(python: str, name: str) -> bool:
    """Tell a variable of a ``for`` statement, which is the module's, from one of a comprehension."""
    loops = [node for node in ast.walk(ast.parse(python)) if isinstance(node, (ast.For, ast.AsyncFor))]
    return any(isinstance(part, ast.Name) and part.id == name for loop in loops for part in ast.walk(loop.target))


def going_on(python: str) -> str:
    """Let a cell fail and go on, as a notebook does."""
    wrapped = f"try:\n{indented(python)}\nexcept Exception as failure:\n    print(repr(failure))"
    if compiles(wrapped):
        return wrapped
    return f"try:\n    exec({python!r}, globals())\nexcept Exception as failure:\n    print(repr(failure))"


def reads_last_value(pythons: Iterable[str]) -> bool:
    """Tell whether a cell reads ``_``, which a notebook binds to the last value that it showed."""
    return any("_" in plan_cell(python).reads for python in pythons)


def keeping_value(python: str) -> str:
    """Bind the value that a cell would show to ``_``, as a notebook does."""
    last = ast.parse(python).body[-1:]
    if not last or not isinstance(last[0], ast.Expr) or python.rstrip().endswith(";"):
        return python
    span = TypedCell(Step(0, None, python, python)).span_of(last[0])
    return (
        python if span is None else substitute(python, {Span(span.line, span.column, span.line, span.column): "_ = "})
    )


def indented(python: str) -> str:
    """Indent a text of Python by four spaces, but not the lines of its texts that run over several."""
    inside: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(python + "\n").readline):
            if token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):
        return "    pass"
    lines = [line if number in inside else line.lstrip("\f") for number, line in enumerate(python.split("\n"), 1)]
    shown = [f"    {line}" if line.strip() and number not in inside else line for number, line in enumerate(lines, 1)]
    return "\n".join(shown)
