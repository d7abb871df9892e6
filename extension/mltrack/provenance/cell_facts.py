"""What the findings ask of a cell's Python: the names it reads, binds and changes, and the functions it calls."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mltrack.provenance.cell_names import plan_cell
from mltrack.provenance.cell_plan import How
from mltrack.provenance.transforms import ParsedCell, parse_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_IN_PLACE = frozenset(
    {
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "add"),
        *("discard", "popitem", "shuffle", "partial_fit", "step", "backward", "load_state_dict", "load_weights"),
    }
)
_FITS = frozenset({"fit", "fit_transform", "fit_predict"})
_ACTS = (ast.Call, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.Await, ast.comprehension)


@dataclass(frozen=True, slots=True)
class Call:
    """A call: the function's dotted name as written, and the call's syntax."""

    name: str
    node: ast.Call

    @property
    def last(self) -> str:
        """The last part of the function's name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What a cell does to names: those it surely reads from outside, binds, imports, and whose objects it changes.

    ``reads_now`` leaves out what is read by functions alone, which read when they are called, maybe much later;
    ``fits`` are models whose ``fit`` is called, which starts anew in some libraries and goes on in others; ``body``
    is the syntax of each statement.
    """

    reads: frozenset[str]
    reads_now: frozenset[str]
    binds: frozenset[str]
    imports: frozenset[str]
    changes: frozenset[str]
    fits: frozenset[str]
    has_star: bool
    has_imports: bool
    only_defines: bool
    calls: tuple[Call, ...]
    functions: tuple[ast.FunctionDef, ...]
    body: tuple[str, ...]


@lru_cache(4096)
def facts_of(source: str) -> CellFacts:
    """Find them in a cell as typed; one that is no Python, or is nested too deeply, does nothing."""
    try:
        return _facts_of(parse_cell(source))
    except RecursionError:
        return _facts_of(ParsedCell("", ()))


def _facts_of(cell: ParsedCell) -> CellFacts:
    plan = plan_cell(cell.python)
    ways = {name: {each.how for each in bindings} for name, bindings in plan.bindings.items()}
    reads = frozenset(name for name, surely in plan.reads.items() if surely)
    nodes = [node for statement in cell.statements for node in ast.walk(statement)]
    return CellFacts(
        reads=reads,
        reads_now=reads & {name for statement in cell.statements for name in _loads(statement)},
        binds=frozenset(name for name, hows in ways.items() if hows - {How.DELETED}),
        imports=frozenset(name for name, hows in ways.items() if hows == {How.IMPORT}),
        changes=frozenset(_changes(nodes)),
        fits=frozenset(_called_on(nodes, _FITS)),
        has_star=any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes),
        has_imports=any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes),
        only_defines=all(_only_defines(each) for each in cell.statements),
        calls=tuple(_calls(nodes)),
        functions=tuple(node for node in nodes if isinstance(node, ast.FunctionDef)),
        body=tuple(ast.dump(each) for each in cell.statements),
    )


def dotted(node: ast.expr) -> str:
    """Write ``a.b.c`` as it stands; what is no such chain of names is a question mark in it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def is_import(dumped: str) -> bool:
    """Tell whether a statement of a cell's ``body`` is an import."""
    return dumped.startswith(("Import(", "ImportFrom("))


def _calls(nodes: Sequence[ast.AST]) -> Iterator[Call]:
    for node in nodes:
        if isinstance(node, ast.Call):
            yield Call(dotted(node.func), node)


def _loads(node: ast.AST) -> Iterator[str]:
    """Give the names that a statement reads itself, not in the bodies of functions."""
    for field, value in ast.iter_fields(node):
        if field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _loads(each)
    if isinstance(node, ast.Name):
        yield node.id


def _only_defines(statement: ast.stmt) -> bool:
    """Tell whether a statement draws no random number: an import, a definition, or what calls and goes over nothing."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    inside: list[ast.AST] = [*ast.walk(statement)]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        parts = [*statement.decorator_list, *statement.args.defaults, *filter(None, statement.args.kw_defaults)]
        inside = [node for part in parts for node in ast.walk(part)]
    return not any(isinstance(node, _ACTS) for node in inside)


def _changes(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Give the names of the objects that are changed in place, as far as their syntax says so."""
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from _root(node)
        elif isinstance(node, ast.AugAssign):
            yield from _root(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_in_place(node):
            yield from _root(node.func.value)
    yield from _called_on(nodes, _IN_PLACE)


def _is_in_place(call: ast.Call) -> bool:
    return any(each.arg == "inplace" for each in call.keywords)


def _called_on(nodes: Sequence[ast.AST], methods: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            yield from _root(node.func.value)


def _root(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
