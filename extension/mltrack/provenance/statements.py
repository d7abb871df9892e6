"""What statements bind, change and delete, in the order in which they run, with the ways that a cell may take."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from mltrack.provenance import kinds
from mltrack.provenance.bindings import Bindings, is_object
from mltrack.provenance.things import SCALAR, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST_ROUNDS = 6
"""How often a loop is gone through until nothing new comes of it."""


class Statements(Bindings):
    """Goes through statements."""

    def suite(self, nodes: Iterable[ast.stmt]) -> None:
        """Go through statements, as far as they may be reached."""
        for node in nodes:
            if self.dead:
                return
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """Go through a statement."""
        self.memory.spend(5)
        method = _METHODS.get(type(node))
        if method is not None:
            method(self, node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)

    def _stop(self) -> None:
        """Note that nothing gets past here; where everything may happen or not, something may."""
        self.dead = not self.memory.weak
        self.memory.left = self.memory.left or self.memory.branches > 0

    def _on_nothing(self, node: ast.stmt) -> None:
        pass

    def _on_expression(self, node: ast.Expr) -> None:
        self.only_shown = not self.stack and _shows_sample(node.value)
        self.last_value = self.evaluate(node.value)
        self.only_shown = False
        self.operate(self.last_value, node)

    # Ways

    def _branches(self, ways: Sequence[Callable[[], None]]) -> None:
        """Go several ways from the same start; after them the names are as any of them may have left them."""
        start, ends = self.memory.state(), []
        self.memory.branches += 1
        for way in ways:
            self.memory.go_back(start)
            self.dead = False
            way()
            if not self.dead:
                ends.append(self.memory.state())
        self.memory.branches -= 1
        self.dead = not ends
        if ends:
            self.memory.join(ends)

    def _on_if(self, node: ast.If) -> None:
        self.operate(self.evaluate(node.test), node)
        self._branches([lambda: self.suite(node.body), lambda: self.suite(node.orelse)])

    def _on_for(self, node: ast.For | ast.AsyncFor) -> None:
        source = self.evaluate(node.iter)

        def turn() -> None:
            self.store(node.target, self.use_up(source, node))
            self.suite(node.body)

        self._loop(turn, node.orelse)

    def _on_while(self, node: ast.While) -> None:
        def turn() -> None:
            self.operate(self.evaluate(node.test), node)
            self.suite(node.body)

        self.evaluate(node.test)
        self._loop(turn, node.orelse)

    def _loop(self, turn: Callable[[], None], otherwise: Sequence[ast.stmt]) -> None:
        """Go through a loop until another turn brings nothing new."""
        breaks: list[Any] = []
        self.memory.branches += 1
        for _ in range(MOST_ROUNDS):
            before, edits = self.memory.state(), self.memory.edits
            continues: list[Any] = []
            self.loops.append((breaks, continues))
            turn()
            self.loops.pop()
            ends = continues if self.dead else [*continues, self.memory.state()]
            self.dead = False
            if self.memory.join([before, *ends]) and edits == self.memory.edits:
                break
        self.memory.branches -= 1
        if otherwise:
            self._branches([lambda: self.suite(otherwise), lambda: None])
        if breaks:
            self.memory.join([self.memory.state(), *breaks])

    def _on_break(self, node: ast.stmt) -> None:
        if self.loops:
            self.loops[-1][0 if isinstance(node, ast.Break) else 1].append(self.memory.state())
        self._stop()

    def _on_return(self, node: ast.Return) -> None:
        value = SCALAR if node.value is None else self.evaluate(node.value)
        if self.returned:
            self.returned[-1][0].append(value)
            self.returned[-1][1].append(self.memory.state())
        self._stop()

    def _on_raise(self, node: ast.Raise) -> None:
        for part in (node.exc, node.cause):
            if part is not None:
                self.evaluate(part)
        self._stop()

    def _on_try(self, node: ast.Try) -> None:
        start = self.memory.state()
        self.memory.weak += 1
        self.suite(node.body)
        self.memory.weak -= 1
        torn = self.memory.state()
        self.memory.go_back(start)

        def plain() -> None:
            self.suite(node.body)
            self.suite(node.orelse)

        def handled(handler: ast.ExceptHandler) -> Callable[[], None]:
            def way() -> None:
                self.memory.go_back(torn)
                if handler.type is not None:
                    self.evaluate(handler.type)
                if handler.name is not None:
                    self.memory.bind(handler.name, self.fresh(handler))
                self.suite(handler.body)

            return way

        self._branches([plain, *(handled(each) for each in node.handlers)])
        was_dead, self.dead = self.dead, False
        self.suite(node.finalbody)
        self.dead = self.dead or was_dead

    def _on_with(self, node: ast.With | ast.AsyncWith) -> None:
        swallows = False
        for item in node.items:
            value = self.evaluate(item.context_expr)
            for thing in value.things:
                if thing.kind == kinds.INSTANCE:
                    entered = self.special(thing, ("__enter__", "__aenter__"), (), item)
                    value = value if entered is None else entered | value
                    swallows = True
            swallows = swallows or "suppress" in ast.dump(item.context_expr)
            if any(thing.kind == kinds.ITERATOR for thing in value.things):
                value = self.use_up(value, item) | value
            if item.optional_vars is not None:
                self.store(item.optional_vars, value)
            self._exits(value, item)
        if not swallows:
            self.suite(node.body)
            return
        self.memory.weak += 1
        self.suite(node.body)
        self.memory.weak -= 1

    def _exits(self, value: Value, item: ast.withitem) -> None:
        for thing in value.things:
            if thing.kind == kinds.INSTANCE:
                self.special(thing, ("__exit__", "__aexit__"), (SCALAR, SCALAR, SCALAR), (item, "exit"))

    def _on_match(self, node: ast.Match) -> None:
        subject = self.evaluate(node.subject)
        parts = Value(subject.things | {part for thing in subject.things for part in thing.parts if is_object(part)})

        def matched(case: ast.match_case) -> Callable[[], None]:
            def way() -> None:
                for part in ast.walk(case.pattern):
                    name = getattr(part, "name", None) or getattr(part, "rest", None)
                    if isinstance(name, str):
                        self.memory.bind(name, parts)
                if case.guard is not None:
                    self.evaluate(case.guard)
                self.suite(case.body)

            return way

        self._branches([*(matched(case) for case in node.cases), lambda: None])


def _shows_sample(node: ast.expr) -> bool:
    """Tell whether an expression shows some rows of a table, as ``df.sample(5)`` does."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("display", "print"):
        return len(node.args) == 1 and _shows_sample(node.args[0])
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            if node.attr == "sample":
                return True
            if node.attr not in _SHOWS:
                return False
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


_SHOWS = frozenset({"head", "tail", "style", "T", "transpose", "reset_index", "sort_values", "sort_index", "describe"})
_METHODS: dict[type[ast.AST], Callable[[Any, Any], None]] = {
    ast.Expr: Statements._on_expression,
    ast.Assign: Statements.on_assign,
    ast.AnnAssign: Statements.on_ann_assign,
    ast.AugAssign: Statements.on_aug_assign,
    ast.Delete: Statements.on_delete,
    ast.Import: Statements.on_import,
    ast.ImportFrom: Statements.on_import_from,
    ast.FunctionDef: Statements.on_function,
    ast.AsyncFunctionDef: Statements.on_function,
    ast.ClassDef: Statements.on_class,
    ast.If: Statements._on_if,
    ast.For: Statements._on_for,
    ast.AsyncFor: Statements._on_for,
    ast.While: Statements._on_while,
    ast.Break: Statements._on_break,
    ast.Continue: Statements._on_break,
    ast.Return: Statements._on_return,
    ast.Raise: Statements._on_raise,
    ast.Try: Statements._on_try,
    ast.TryStar: Statements._on_try,
    ast.With: Statements._on_with,
    ast.AsyncWith: Statements._on_with,
    ast.Match: Statements._on_match,
    **dict.fromkeys((ast.Global, ast.Nonlocal, ast.Pass), Statements._on_nothing),
}
