"""What containers and comprehensions hold."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.calls import Calls
from mltrack.provenance.shapes import shape_of
from mltrack.provenance.things import Binding, Scope, Thing, Value

if TYPE_CHECKING:
    from collections.abc import Sequence


class Containers(Calls):
    """Goes through lists, dicts and the like, written out or made by comprehensions."""

    def store(self, target: ast.expr, value: Value) -> None:
        """Bind or change a target."""
        raise NotImplementedError

    def on_container(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        """``[a, *b]``."""
        parts: set[Thing] = set()
        for item in node.elts:
            parts |= self._part(item)
        found = self.fresh(node, kinds.CONTAINER, parts)
        if isinstance(node, ast.Set):
            self.operate(found, node)
        return found

    def _part(self, item: ast.expr) -> frozenset[Thing]:
        if isinstance(item, ast.Starred):
            return self.use_up(self.evaluate(item.value), item).things
        value = self.evaluate(item)
        if value.kind in (kinds.REF, "globals") and not value.things:
            return self.fresh((item, "ref"), None).things
        return value.things

    def on_dict(self, node: ast.Dict) -> Value:
        """``{a: b, **c}``."""
        parts: set[Thing] = set()
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                parts |= self.elements(self.evaluate(item)).things
                continue
            keys = self._part(key)
            self.operate(Value(keys), key)
            parts |= keys
            parts |= self._part(item)
        return self.fresh(node, kinds.CONTAINER, parts)

    def on_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> Value:
        """``[a for a in b]``."""
        parts: list[ast.expr] = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        found = self.comprehend(node, node.generators, parts)
        return self.fresh(node, kinds.CONTAINER, found)

    def on_generator(self, node: ast.GeneratorExp) -> Value:
        """A generator expression runs when it is gone over, and reads its names then."""
        found = self.comprehend(node, node.generators, [node.elt])
        later = _as_function(node)
        made = self.define(later, {})
        things = {thing for binding in self._locals().values() for thing in binding.value.things}
        for thing in made.things:
            thing.kind = kinds.ITERATOR
        self.memory.put_in(made.things, found | things | self.evaluate(node.generators[0].iter).things)
        return Value(made.things, kinds.ITERATOR)

    def _locals(self) -> dict[str, Binding]:
        return {} if self.memory.scope is self.memory.notebook else self.memory.scope.names

    def comprehend(self, node: ast.expr, loops: Sequence[ast.comprehension], parts: Sequence[ast.expr]) -> set[Thing]:
        """Go through a comprehension, twice, as what it does once may matter when it does it again."""
        found: set[Thing] = set()
        first = self.use_up(self.evaluate(loops[0].iter), node)
        outer = self.memory.scope
        self.memory.scope = Scope("comprehension", outer)
        self.memory.weak += 1
        try:
            for _ in range(2):
                edits = self.memory.edits
                for number, loop in enumerate(loops):
                    items = first if number == 0 else self.use_up(self.evaluate(loop.iter), loop)
                    self.store(loop.target, items)
                    for test in loop.ifs:
                        self.evaluate(test)
                for part in parts:
                    found |= self._part(part)
                if edits == self.memory.edits:
                    break
        finally:
            self.memory.weak -= 1
            self.memory.scope = outer
        return found


_LATER: dict[ast.GeneratorExp, ast.Lambda] = {}


def _as_function(node: ast.GeneratorExp) -> ast.Lambda:
    found = _LATER.get(node)
    if found is None:
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        body = ast.ListComp(elt=node.elt, generators=node.generators)
        found = _LATER[node] = ast.Lambda(args=nothing, body=body)
        shape_of(found)
    return found
