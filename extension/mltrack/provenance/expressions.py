"""What expressions read, and what they may give."""

from __future__ import annotations

import ast
import posixpath
from typing import TYPE_CHECKING, Any

from mltrack.provenance import kinds
from mltrack.provenance.containers import Containers
from mltrack.provenance.evaluation import Arguments
from mltrack.provenance.known_methods import method_of
from mltrack.provenance.memory import BUILTINS
from mltrack.provenance.things import NOTHING, SCALAR, Binding, Thing, Value, joined

if TYPE_CHECKING:
    from collections.abc import Callable

_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitOr: "or",
    ast.BitAnd: "and",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}
_COMPARING = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__hash__")
_MODEL_PARTS = (
    "best_estimator_",
    "named_steps",
    "steps",
    "estimators_",
    "estimator_",
    "base_estimator",
    "transformers_",
)
_SHELL = "IPython.get_ipython"
_ALL_NAMES = frozenset({"__globals__", "f_globals", "f_locals", "user_ns", "user_global_ns"})


class Expressions(Containers):
    """Goes through expressions in the order in which Python evaluates them."""

    def evaluate(self, node: ast.AST) -> Value:
        """Go through an expression; give what it may be."""
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        results = [self.evaluate(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return joined(results)

    def _on_constant(self, node: ast.Constant) -> Value:
        return Value(NOTHING, kinds.SCALAR, node.value) if isinstance(node.value, str | int) else SCALAR

    def _on_name(self, node: ast.Name) -> Value:
        return self.read_name(node.id)

    def read_name(self, name: str) -> Value:
        """Give what a name holds: what a cell bound, a builtin, or something from outside the notebook."""
        found = self.memory.read(name)
        if found is not None:
            return found
        if name in ("get_ipython", "display"):
            return Value(NOTHING, kinds.REF, _SHELL if name == "get_ipython" else "IPython.display.display")
        if name in BUILTINS and not self.memory.wild:
            return Value(NOTHING, kinds.REF, f"builtins.{name}")
        if name == "__builtins__":
            return Value(frozenset((self.memory.module("builtins"),)), kinds.MODULE, "builtins")
        if name.startswith("_") or name in ("In", "Out"):
            return self._of_shell(name)
        held = Value(frozenset((Thing(None, self.memory.wild_things), *self.memory.wild_things)))
        self.memory.notebook.names.setdefault(name, Binding(frozenset(self.memory.wild), held))
        return held

    def _of_shell(self, name: str) -> Value:
        resources = self.memory.resources
        if name in ("_", "__", "___"):
            resources.use_output()
            return Value(frozenset(resources.output_things))
        if name.strip("_i").isdigit() or name in ("In", "Out", "_ih", "_oh", "_i", "_ii", "_iii"):
            resources.numbered.add(self.memory.seq)
            self.asks_all = True
            found = self.all_things()
            return found | Value(self.fresh(name, None, found.things).things)
        return SCALAR

    # Attributes and items

    def _on_attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.evaluate(node.value), node.attr, node)

    def attribute(self, base: Value, name: str, node: object) -> Value:
        """Give an attribute of what an expression gave."""
        if name in _ALL_NAMES:
            return Value(NOTHING, "globals")
        if name == "__subclasses__":
            return self.subclasses()
        if base.kind in (kinds.MODULE, kinds.REF):
            return self._of_module(base, name)
        if base.kind == kinds.PATH:
            return Value(NOTHING, kinds.PATH)
        if not base.things:
            return SCALAR if base.kind is not None else base
        return joined(self._attribute_of(base, thing, name, node) for thing in base.things)

    def _of_module(self, base: Value, name: str) -> Value:
        path = f"{base.detail}.{name}"
        if name == "__dict__" and base.detail in ("__main__", "builtins"):
            return Value(NOTHING, "globals")
        if base.detail == "__main__":
            return self.read_name(name)
        makers = self.memory.submodules.get(path)
        if makers and not set(makers) & {*self.memory.needs[self.memory.seq], self.memory.seq}:
            self.memory.need(makers[:1], "imports", path)
        return Value(base.things, kinds.REF, path)

    def _attribute_of(self, base: Value, thing: Thing, name: str, node: object) -> Value:
        if thing.kind in (kinds.INSTANCE, kinds.CLASS):
            return self._member_of(thing, name, node)
        kind = base.kind or thing.kind
        if kind in (kinds.DATA, kinds.CONTAINER, kinds.COUNTING, kinds.FILE):
            method = method_of(kind, name)
            if method is not None and method.changes:
                return self.fresh((node, thing), kinds.METHOD, (thing,))
        if kind == kinds.DATA:
            return Value(frozenset((thing,)), kinds.DATA)
        parts = {part for part in thing.parts if part.kind not in (kinds.MODULE, "scope")}
        if kind == kinds.ESTIMATOR:
            if name in _MODEL_PARTS:
                return Value(frozenset({thing} | {part for part in parts if part.kind in (kind, None)}), kind)
            return Value(frozenset((thing,)), kinds.DATA)
        return Value(frozenset({thing} | parts), kinds.PLOT if kind == kinds.PLOT and not parts else None)

    def _member_of(self, thing: Thing, name: str, node: object) -> Value:
        found = self.member(thing, name)
        owner = Value(frozenset((thing,)))
        if name == "__class__" and thing.owner is not None:
            return Value(frozenset((thing.owner,)), kinds.CLASS)
        if found is None:
            special = self.special(thing, ("__getattr__", "__getattribute__"), (), node)
            parts = {part for part in thing.parts if part.kind not in (kinds.MODULE, kinds.CLASS, "scope")}
            return Value(frozenset({thing} | parts)) | (special or Value())
        if found.kind == "property":
            return joined(self.run_function(each, Arguments([owner]), (node, each)) for each in found.things)
        if found.kind == "static":
            return Value(found.things)
        for each in found.things:
            if each.kind == kinds.INSTANCE and thing.kind == kinds.INSTANCE:
                got = self.special(each, ("__get__",), (owner, SCALAR), (node, each))
                found = found if got is None else found | got
        is_method = bool(found.things) and all(each.owner is not None and each.code for each in found.things)
        if not is_method or (thing.kind == kinds.CLASS and found.kind != "classmethod"):
            return found
        if found.kind == "classmethod" and thing.owner is not None:
            owner = Value(frozenset((thing.owner,)))
        return Value(found.things | owner.things, "bound", (Value(found.things), owner))

    def _on_subscript(self, node: ast.Subscript) -> Value:
        base = self.evaluate(node.value)
        self.operate(self.evaluate(node.slice), node)
        if base.kind == "globals":
            return self._global_item(node.slice)
        if base.kind == kinds.REF:
            is_text = str(base.detail).startswith("os.environ")
            return SCALAR if is_text else Value(base.things, kinds.REF, f"{base.detail}[]")
        if not base.things:
            return SCALAR
        return joined(self._item_of(base, thing, node) for thing in base.things)

    def _global_item(self, index: ast.expr) -> Value:
        name = index.value if isinstance(index, ast.Constant) else None
        return self.read_name(name) if isinstance(name, str) else self.all_things()

    def _item_of(self, base: Value, thing: Thing, node: ast.Subscript) -> Value:
        kind = base.kind or thing.kind
        if kind == kinds.DATA:
            if _copies(node.slice):
                opaque = {part for part in thing.parts if part.kind in (kinds.MODULE, None)}
                return self.fresh((node, thing), kinds.DATA, opaque)
            inner = self.memory.reach(thing.parts, through_modules=False) if thing.parts else ()
            return Value(frozenset({thing} | {each for each in inner if each.kind == kinds.INSTANCE}), kinds.DATA)
        if kind in (kinds.CONTAINER, kinds.COUNTING):
            if kind == kinds.COUNTING:
                self.memory.change((thing,))
            parts = self.elements(Value(frozenset((thing,))))
            if isinstance(node.slice, ast.Slice):
                return self.fresh((node, thing), kinds.CONTAINER, parts.things)
            return parts
        if kind == kinds.INSTANCE:
            found = self.special(thing, ("__getitem__", "__missing__"), (), node)
            if found is not None:
                return found
        if kind == kinds.CLASS:
            getter = self.member(thing, "__class_getitem__")
            given = Arguments([Value(frozenset((thing,)))])
            results = [self.run_function(each, given, (node, each)) for each in (getter.things if getter else ())]
            return joined([Value(frozenset((thing,)), kind), *results])
        return Value(frozenset({thing} | {part for part in thing.parts if part.kind not in ("module", "scope")}))

    # Operators

    def _on_binary(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        return self.combine(node.op, left, right, node)

    def combine(self, operator: ast.operator, left: Value, right: Value, node: object) -> Value:
        """Give what an operator makes of two values."""
        if not left.things and not right.things:
            return _combined_scalars(operator, left, right)
        things = left.things | right.things
        for one, other, prefix in ((left, right, ""), (right, left, "r")):
            for thing in one.things:
                if thing.kind == kinds.INSTANCE:
                    found = self.special(thing, (f"__{prefix}{_BINARY[type(operator)]}__",), (other,), node)
                    if found is not None:
                        return found | self.fresh(node, None, things)
        if isinstance(operator, ast.Mod) and left.kind == kinds.SCALAR and isinstance(left.detail, str):
            return SCALAR
        found_kinds = {left.kind if left.kind else each.kind for each in left.things} | {
            right.kind if right.kind else each.kind for each in right.things
        }
        modules = {part for thing in things for part in thing.parts if part.kind == kinds.MODULE}
        if kinds.DATA in found_kinds:
            opaque = {thing for thing in things if thing.kind in (None, kinds.INSTANCE)}
            return self.fresh(node, kinds.DATA, modules | opaque)
        if found_kinds <= {kinds.CONTAINER, kinds.COUNTING}:
            parts = self.elements(left).things | self.elements(right).things
            return self.fresh(node, kinds.CONTAINER, parts)
        return self.fresh(node, None, things)

    def _on_compare(self, node: ast.Compare) -> Value:
        values = [self.evaluate(node.left), *(self.evaluate(each) for each in node.comparators)]
        if values[-1].kind == "globals":
            self._global_item(node.left)
            return SCALAR
        for value, operator in zip(values[1:], node.ops, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                self.use_up(value, (node, "in"))
        for value in values:
            for thing in value.things:
                if thing.kind == kinds.INSTANCE:
                    self.special(thing, _COMPARING, [each for each in values if each is not value], node)
        made_of = {thing.kind for value in values for thing in value.things}
        if made_of <= {kinds.CONTAINER, kinds.INSTANCE, kinds.COUNTING}:
            return SCALAR
        return self.fresh(node, kinds.DATA)

    def _on_bool(self, node: ast.BoolOp) -> Value:
        results = [self.evaluate(node.values[0])]
        for part in node.values[1:]:
            self.operate(results[-1], node)
            self.memory.weak += 1
            results.append(self.evaluate(part))
            self.memory.weak -= 1
        return joined(results)

    def _on_conditional(self, node: ast.IfExp) -> Value:
        self.operate(self.evaluate(node.test), node)
        self.memory.weak += 1
        found = self.evaluate(node.body) | self.evaluate(node.orelse)
        self.memory.weak -= 1
        return found

    def _on_unary(self, node: ast.UnaryOp) -> Value:
        found = self.evaluate(node.operand)
        self.operate(found, node)
        if not found.things:
            return SCALAR
        return SCALAR if isinstance(node.op, ast.Not) else self.fresh(node, found.kind, found.things)

    # Texts and containers

    def _on_fstring(self, node: ast.JoinedStr) -> Value:
        texts = []
        for part in node.values:
            value = self.evaluate(part.value if isinstance(part, ast.FormattedValue) else part)
            if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                self.evaluate(part.format_spec)
            for thing in value.things:
                if thing.kind == kinds.INSTANCE:
                    self.special(thing, ("__format__", "__str__", "__repr__"), (), node)
            texts.append(str(value.detail) if value.detail is not None and not value.things else None)
        known = [text for text in texts if text is not None]
        return Value(NOTHING, kinds.SCALAR, "".join(known)) if len(known) == len(texts) else SCALAR

    def _on_lambda(self, node: ast.Lambda) -> Value:
        return self.define(node, self.defaults(node))

    def _on_walrus(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        scope = self.memory.scope
        while self.memory.scope.kind == "comprehension" and self.memory.scope.parent is not None:
            self.memory.scope = self.memory.scope.parent
        self.memory.bind(node.target.id, value)
        self.memory.scope = scope
        return value

    def _on_yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        if node.value is None:
            return SCALAR
        value = self.evaluate(node.value)
        if isinstance(node, ast.YieldFrom):
            value = self.use_up(value, node)
        if self.yielded:
            self.yielded[-1].append(value)
        return Value(value.things)

    def _on_await(self, node: ast.Await) -> Value:
        """What an ``async def`` does, it does when it is awaited."""
        value = self.evaluate(node.value)
        return self.use_up(value, node) if any(each.kind == kinds.ITERATOR for each in value.things) else value

    def _on_call(self, node: ast.Call) -> Value:
        raise NotImplementedError


def _copies(index: ast.expr) -> bool:
    """Tell whether an index makes a copy of data: a condition, or a list of places or names."""
    if isinstance(index, ast.Compare | ast.List | ast.ListComp):
        return True
    if isinstance(index, ast.UnaryOp):
        return isinstance(index.op, ast.Invert)
    if isinstance(index, ast.BinOp):
        return isinstance(index.op, ast.BitAnd | ast.BitOr) and _copies(index.left) and _copies(index.right)
    return False


def _combined_scalars(operator: ast.operator, left: Value, right: Value) -> Value:
    if isinstance(operator, ast.Div) and kinds.PATH in (left.kind, right.kind):
        known = isinstance(left.detail, str) and isinstance(right.detail, str)
        return Value(NOTHING, kinds.PATH, posixpath.join(left.detail, right.detail) if known else None)
    texts = isinstance(left.detail, str) and isinstance(right.detail, str)
    if isinstance(operator, ast.Add) and texts and len(left.detail) + len(right.detail) < 1000:
        return Value(NOTHING, kinds.SCALAR, left.detail + right.detail)
    if left.kind is None or right.kind is None:
        return Value()
    return SCALAR


_METHODS: dict[type[ast.AST], Callable[[Any, Any], Value]] = {
    ast.Constant: Expressions._on_constant,
    ast.Name: Expressions._on_name,
    ast.Attribute: Expressions._on_attribute,
    ast.Subscript: Expressions._on_subscript,
    ast.BinOp: Expressions._on_binary,
    ast.Compare: Expressions._on_compare,
    ast.BoolOp: Expressions._on_bool,
    ast.IfExp: Expressions._on_conditional,
    ast.UnaryOp: Expressions._on_unary,
    ast.JoinedStr: Expressions._on_fstring,
    ast.List: Expressions.on_container,
    ast.Tuple: Expressions.on_container,
    ast.Set: Expressions.on_container,
    ast.Dict: Expressions.on_dict,
    ast.Lambda: Expressions._on_lambda,
    ast.ListComp: Expressions.on_comprehension,
    ast.SetComp: Expressions.on_comprehension,
    ast.DictComp: Expressions.on_comprehension,
    ast.GeneratorExp: Expressions.on_generator,
    ast.NamedExpr: Expressions._on_walrus,
    ast.Yield: Expressions._on_yield,
    ast.YieldFrom: Expressions._on_yield,
    ast.Await: Expressions._on_await,
    ast.Call: lambda walk, node: walk._on_call(node),
}
