"""What a function's definition says without its running: its parameters, its own names, and those from outside."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Shape:
    """A function: ``free`` are the names it takes from outside, ``declared`` those it says are global or nonlocal."""

    parameters: tuple[str, ...]
    free: tuple[str, ...]
    declared: Mapping[str, str]
    generates: bool


@lru_cache(4096)
def shape_of(node: Function) -> Shape:
    """Find what a function's definition says; kept by node, as cells are parsed once."""
    found = _Names()
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    parameters = tuple(each.arg for each in named if each is not None)
    found.stores.update(parameters)
    for part in [node.body] if isinstance(node, ast.Lambda) else node.body:
        found.visit(part)
    return Shape(parameters, tuple(sorted(found.free())), found.declared, found.generates)


class _Names:
    """The names of one scope."""

    def __init__(self) -> None:
        self.loads: set[str] = set()
        self.stores: set[str] = set()
        self.declared: dict[str, str] = {}
        self.generates = False

    def free(self) -> set[str]:
        return (self.loads | self.declared.keys()) - (self.stores - self.declared.keys())

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            (self.loads if isinstance(node.ctx, ast.Load) else self.stores).add(node.id)
        elif isinstance(node, FUNCTIONS):
            self._visit_function(node)
        elif isinstance(node, COMPREHENSIONS):
            self._visit_comprehension(node)
        elif isinstance(node, ast.ClassDef):
            self._visit_class(node)
        else:
            self._note(node)
            for child in ast.iter_child_nodes(node):
                self.visit(child)

    def _note(self, node: Any) -> None:
        if isinstance(node, ast.Global | ast.Nonlocal):
            self.declared.update(dict.fromkeys(node.names, "global" if isinstance(node, ast.Global) else "nonlocal"))
        elif isinstance(node, ast.alias):
            self.stores.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self.stores.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self.stores.add(node.rest)
        elif isinstance(node, ast.Yield | ast.YieldFrom):
            self.generates = True
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self.loads.add(node.target.id)

    def _visit_function(self, node: Function) -> None:
        for part in outer_parts(node):
            self.visit(part)
        self.loads.update(shape_of(node).free)
        if not isinstance(node, ast.Lambda):
            self.stores.add(node.name)

    def _visit_comprehension(self, node: Any) -> None:
        inner = _Names()
        for child in ast.iter_child_nodes(node):
            inner.visit(child)
        targets = {part.id for each in node.generators for part in ast.walk(each.target) if isinstance(part, ast.Name)}
        self.stores |= inner.stores - targets  # of a walrus
        self.loads |= inner.loads - (targets - inner.declared.keys())
        self.loads |= {part.id for part in ast.walk(node.generators[0].iter) if isinstance(part, ast.Name)}
        self.generates |= inner.generates

    def _visit_class(self, node: ast.ClassDef) -> None:
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(part)
        inner = _Names()
        for statement in node.body:
            inner.visit(statement)
        self.loads |= inner.loads | inner.free()
        self.stores.add(node.name)


def outer_parts(node: Function) -> Iterator[ast.expr]:
    """Give what of a function is evaluated where it is defined: decorators and defaults."""
    yield from getattr(node, "decorator_list", ())
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)
