"""What a cell binds and reads, from its syntax tree alone: nothing of the cell is run here.

A name that the cell reads before it binds it comes from outside. What a function of the cell reads counts where the
function is next mentioned, and at the end of the cell when it is not: its body reads only when it is called.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from typing import TYPE_CHECKING, Any

from mltrack.provenance.cell_literals import NotLiteralError, is_constant, literal_text, literal_value
from mltrack.provenance.cell_plan import Binding, CellPlan, How, Place, Span
from mltrack.provenance.cell_scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence


UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_SAME_NAMESPACE = ("time", "capture", "prun")


def plan_cell(source: str) -> CellPlan:
    """Find what a cell binds and reads; a cell that does not parse, or is nested too deeply, binds nothing.

    ``source`` is the cell after IPython's own transforms, so that it is Python; ``await`` may stand at the top.
    """
    try:
        tree = parse(source)
        scope = _Cell(source)
        scope.suite(tree.body)
        scope.finish()
    except UNPARSABLE:
        return CellPlan()
    return CellPlan({name: tuple(found) for name, found in scope.bindings.items()}, scope.reads)


def inner_source(source: str) -> tuple[str, int] | None:
    """Return the body of a cell that is one ``%%time``, ``%%capture`` or ``%%prun``, and the line it follows.

    The body is as it was typed: IPython transforms it when the magic runs it. Other cell magics, ``%%timeit`` among
    them, do not bind their names in the notebook's namespace.
    """
    if "run_cell_magic" not in source:
        return None
    try:
        statements = parse(source).body
    except UNPARSABLE:
        return None
    match statements:
        case [
            ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"), args=[]), attr="run_cell_magic"),
                    args=[ast.Constant(value=magic), ast.Constant(value=str()), ast.Constant(value=str(body))],
                )
            )
        ] if magic in _SAME_NAMESPACE:
            return body, statements[0].lineno
    return None


def structure_digest(source: str) -> str:
    """Return 16 hex digits that stay the same when only literal values, comments or white space change.

    A literal is blanked as a whole: ``-0.1`` and ``0.1``, and ``(64,)`` and ``(64, 32)``, are the same to it. A cell
    that does not parse is known by its text.
    """
    try:
        text = _structure(parse(source))
    except UNPARSABLE:
        text = source
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


_LITERAL = "?"
_LITERALS = re.compile(r"\?|\[\?(,\?)*\]")


def _structure(node: object) -> str:
    """Write a syntax tree with its literals blanked; empty fields are left out, as they differ between Pythons."""
    if isinstance(node, ast.Constant):
        return _LITERAL
    if isinstance(node, ast.Name):
        return f"({node.id})"
    if isinstance(node, list):
        return "[" + ",".join([_structure(item) for item in node]) + "]"
    if not isinstance(node, ast.AST):
        return str(node)
    if isinstance(node, ast.JoinedStr):
        parts: list[ast.expr] = [part for part in node.values if not isinstance(part, ast.Constant)]
        return f"JoinedStr{_structure(parts)}" if parts else _LITERAL
    return _structure_of_parts(node)


def _structure_of_parts(node: ast.AST) -> str:
    fields = [(name, getattr(node, name, None)) for name in node._fields if name != "ctx"]
    written = [(name, _structure(value)) for name, value in fields if value is not None and value != []]
    if is_constant(node) and all(name == "op" or _LITERALS.fullmatch(text) for name, text in written):
        return _LITERAL
    return type(node).__name__ + "(" + ",".join([f"{name}={text}" for name, text in written]) + ")"


# What Python may warn of while parsing: "\d" in a plain string, and a number run into a keyword (1if x else y).
_WARNS = re.compile(r"\\|\d\.?[A-Za-z]")


def parse(source: str) -> ast.Module:
    """Parse Python without the warnings that IPython shows when it compiles the cell."""
    if _WARNS.search(source) is None:
        return ast.parse(source)
    # IPython shows these warnings when it compiles the cell. Only when there may be one: leaving the block makes
    # Python forget which warnings it has shown once.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


class _Cell(Scope):
    """The cell itself: where and how each name is bound, and whether it is read before that."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.lines = re.split(r"\r\n|\r|\n", source)
        self.bindings: dict[str, list[Binding]] = {}
        self.reads: dict[str, bool] = {}
        self.bound: set[str] = set()  # surely, by the statement being walked; self.stores has the others too
        self.waiting: dict[str, set[str]] = {}  # what functions of the cell read when they are called
        self.place = Place.TOP
        self.end_line = 0
        self.in_fstring = False

    def load(self, name: str) -> None:
        """Note a read; that of a function's name counts as its call."""
        if name not in self.hidden:
            self._read(name)

    def _read(self, name: str) -> None:
        for inner in sorted(self.waiting.pop(name, ())):
            self._read(inner)
        if name not in self.bound:
            self.reads[name] = self.reads.get(name, False) or name not in self.stores

    def finish(self) -> None:
        """Count what the functions read that the cell defines and does not mention."""
        for name in list(self.waiting):
            for inner in sorted(self.waiting.pop(name, ())):
                self._read(inner)

    def bind(self, name: str, how: How, value: ast.expr | None = None) -> None:
        """Note where a name is bound, and how."""
        self._record(name, Binding(how, self.place, self.end_line, self._span(value)))

    def _record(self, name: str, binding: Binding) -> None:
        self.bindings.setdefault(name, []).append(binding)
        self.stores.add(name)
        if binding.how is not How.INNER:
            self.bound.add(name)

    def bind_value(self, name: str, value: ast.expr) -> None:
        """Tell literals and aliases from computed values; ``1 if quick else 10`` is two literals."""
        choices = _choices(value)
        literals = [_literal(choice) for choice in choices]
        if None not in literals:
            place = self.place if len(choices) == 1 else max(self.place, Place.BRANCH)
            for choice, literal in zip(choices, literals, strict=True):
                text = literal or None
                self._record(name, Binding(How.LITERAL, place, self.end_line, self._span(choice), text))
        else:
            self.bind(
                name, How.ALIAS if isinstance(choices[0], ast.Name) and len(choices) == 1 else How.COMPUTED, value
            )

    def hide(self, names: set[str]) -> None:
        """Keep the variables of comprehensions from being captured, as those of loops."""
        for name in sorted(names):
            self.bindings.setdefault(name, []).append(Binding(How.LOOP, Place.LOOP, self.end_line))

    def declare(self, name: str) -> None:
        """``a: int`` binds nothing in a cell."""

    def defer(self, name: str, reads: set[str], global_reads: set[str]) -> None:
        """Put off what a function reads until its name is next mentioned."""
        self.waiting.setdefault(name, set()).update(reads | global_reads)

    def rebind(self, names: set[str]) -> None:
        """Note that a function of the cell binds names of the cell."""
        for name in sorted(names):
            self._record(name, Binding(How.INNER, Place.BRANCH, self.end_line))

    def suite(self, nodes: Sequence[Any]) -> None:
        """Go over statements or expressions, keeping in mind where the statement ends."""
        for node in nodes:
            if isinstance(node, ast.stmt):
                self.end_line = node.end_lineno or node.lineno
            if isinstance(node, ast.AST):
                self.walk(node)

    def alternatives(self, suites: Sequence[Sequence[ast.AST]], place: Place) -> None:
        """Go over suites of which one runs: what all of them bind is bound after them."""
        before, outer = self.bound, self.place
        self.place = max(outer, place)
        ends = []
        for suite in suites:
            self.bound = set(before)
            self.suite(suite)
            ends.append(self.bound)
        self.bound, self.place = set.intersection(*ends), outer

    def _on_assign(self, node: ast.Assign) -> None:
        if not isinstance(node.value, ast.Lambda) or not all(isinstance(target, ast.Name) for target in node.targets):
            super()._on_assign(node)
            return
        inner = self.inner_function(node.value.args, [node.value.body])
        for target in node.targets:
            self.assign(target, node.value)
            self.defer(target.id, inner.free(), inner.global_loads())  # type: ignore[attr-defined]

    def _on_fstring(self, node: ast.JoinedStr) -> None:
        outer, self.in_fstring = self.in_fstring, True
        self.suite(node.values)
        self.in_fstring = outer

    def _span(self, node: ast.expr | None) -> Span | None:
        # Python 3.11 places what stands in an f-string wrongly; the rest of a, *rest = 1, 2, 3 has no place at all.
        if node is None or self.in_fstring or not hasattr(node, "lineno"):
            return None
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return Span(
            node.lineno, self._column(node.lineno, node.col_offset), end_line, self._column(end_line, end_column)
        )

    def _column(self, line: int, offset: int) -> int:
        """Turn the syntax tree's offset, in bytes of UTF-8, into one in characters."""
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode())


def _choices(value: ast.expr) -> list[ast.expr]:
    """Return the expressions of which one is the value: more than one when it is conditional."""
    while isinstance(value, ast.NamedExpr):
        value = value.value
    if isinstance(value, ast.IfExp):
        return _choices(value.body) + _choices(value.orelse)
    return [value]


def _literal(node: ast.expr) -> str | None:
    """Return a literal as text, empty when it is too large to be captured, or None when it is none."""
    try:
        return literal_text(literal_value(node)) or ""
    except ArithmeticError:
        return ""
    except NotLiteralError:
        return None
