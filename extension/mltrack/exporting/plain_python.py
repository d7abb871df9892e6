"""A cell's source as plain Python: without IPython where it only shows things, through ``get_ipython()`` elsewhere."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from mltrack.provenance.cell_names import inner_source
from mltrack.provenance.rewriting import substitute
from mltrack.provenance.slice import Step
from mltrack.provenance.track_line import find_line
from mltrack.provenance.transforms import parse_cell
from mltrack.provenance.typed_cells import TypedCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.provenance.cell_plan import Span

# What changes nothing but what is shown, or what the environment's files say already.
_SHOWING = frozenset(
    [
        *("matplotlib", "load_ext", "reload_ext", "unload_ext", "autoreload", "config", "pdb", "precision", "xmode"),
        *("colors", "mltrack", "pylab", "page", "psource", "pinfo", "pinfo2", "pdoc", "pdef", "pfile", "who", "whos"),
        *("who_ls", "history", "logstart", "doctest_mode", "automagic", "lsmagic", "quickref"),
    ]
)
_INSTALLING = frozenset({"pip", "conda", "mamba", "micromamba", "uv"})
_SHOWING_CELLS = frozenset({"html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG"})
_RUNNING = frozenset({"time", "timeit", "prun", "memit", "mprun", "lprun"})
_INSTALLS = re.compile(r"\s*(?:python3? -m )?(?:pip3?|uv pip|conda|mamba|micromamba)\s+install\b")
_OURS = re.compile(r"^[ \t]*%(?:(?:load_ext|reload_ext|unload_ext)[ \t]+mltrack\b|mltrack\b)", re.MULTILINE)


def without_tracking(source: str) -> str:
    """Take mltrack's own lines off a cell as typed: ``%%track_run``, ``%load_ext mltrack`` and ``%mltrack VERB``."""
    found = find_line(source) if source.lstrip().startswith("%%") else None
    if found is not None:
        lines = source.splitlines(keepends=True)
        source = "".join(lines[: found[0]] + lines[found[0] + 1 :])
    if "%" not in source or not _OURS.search(source):
        return source
    cell = TypedCell(Step(0, None, source, parse_cell(source).python))
    lines_of_magics = {cell.line_of(node) for node, method, _ in _magics(cell.tree) if method == "run_line_magic"}
    gone = {number for number in lines_of_magics if _OURS.match(cell.lines[number - 1])}
    kept = [line if number not in gone else _emptied(line) for number, line in enumerate(cell.lines, 1)]
    return "\n".join(line for line in kept if line is not None)


def _emptied(line: str) -> str | None:
    """Give what stands for a line that goes: nothing, but in a block."""
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass" if indent else None


def plain_python(source: str) -> str:
    """Give a cell as Python, with plain line ends; an empty text when it is none.

    Magics that only show something or install packages become comments, ``%time f()`` becomes ``f()``; others, and
    shell lines, stay as calls of ``get_ipython()``.
    """
    python = parse_cell(source.replace("\r\n", "\n").replace("\r", "\n")).python
    while (inner := inner_source(python)) is not None and not _captures_to_a_name(python):
        python = parse_cell(inner[0]).python
    cell = TypedCell(Step(0, None, python, python))
    edits: dict[Span, str] = {}
    for node, method, arguments in _magics(cell.tree):
        span, text = cell.span_of(node), _instead(method, arguments)
        if span is not None and text is not None:
            edits[span] = text if span.column else text.removeprefix("pass  ")
    return substitute(python, edits).strip("\n")


def _captures_to_a_name(python: str) -> bool:
    """Tell whether a cell is ``%%capture NAME``, which binds what the cell shows."""
    found = _magics(ast.parse(python))
    return any(arguments[:1] == ["capture"] and arguments[1:2] != [""] for _, _, arguments in found)


def _magics(tree: ast.Module) -> Iterator[tuple[ast.Expr, str, list[str]]]:
    """Give the statements that call a method of ``get_ipython()`` with texts alone: the method and the texts."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"), args=[]), attr=method),
                    args=given,
                )
            ) if all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in given):
                yield node, method, [str(each.value) for each in given if isinstance(each, ast.Constant)]


def _instead(method: str, arguments: list[str]) -> str | None:
    """Give what a script says instead of a magic or a shell line; None when it must stay."""
    if method in ("system", "getoutput"):
        return _comment("!", arguments[0]) if arguments and _INSTALLS.match(arguments[0]) else None
    name, rest = [*arguments, "", ""][:2]
    if method == "run_line_magic" and (name in _SHOWING or name in _INSTALLING):
        return _comment(f"%{name} ", rest)
    if method == "run_line_magic" and name in _RUNNING:
        return _statement(rest)
    if method == "run_cell_magic" and name in _SHOWING_CELLS:
        return _comment(f"%%{name}", "")
    return None


def _comment(mark: str, text: str) -> str:
    return "pass  # " + (mark + " ".join(text.split())).strip()


def _statement(text: str) -> str | None:
    """Give what ``%time`` runs, if it is Python on one line without options."""
    text = text.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return text if parsed.body and not text.startswith("-") and "\n" not in text else None
