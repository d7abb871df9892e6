"""What statements bind, store and delete: names, attributes, items, imports, functions and classes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.evaluation import Arguments
from mltrack.provenance.expressions import Expressions
from mltrack.provenance.known_functions import registers_itself
from mltrack.provenance.things import EMPTY, SCALAR, Scope, Thing, Value, reach

if TYPE_CHECKING:
    from collections.abc import Iterable

_METACLASSES = ("builtins.type", "abc.ABCMeta", "enum.EnumMeta", "enum.EnumType")
_AMBIENT = ("os.environ", "sys.path", "sys.modules", "sys.stdout", "sys.stderr", "warnings.")


class Bindings(Expressions):
    """Goes through the statements that bind and delete."""

    def on_assign(self, node: ast.Assign) -> None:
        """``a = value``; parts of a tuple that is written out are bound one by one."""
        if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Tuple | ast.List):
            value = self.evaluate(node.value)
            for target in node.targets:
                self.store(target, value)
            return
        for part, value in self._parted(node.targets[0], node.value):
            self.store(part, value)

    def _parted(self, target: ast.expr, node: ast.expr) -> list[tuple[ast.expr, Value]]:
        """Give the value of each part of a target, where a tuple is written out."""
        if (
            isinstance(target, ast.Tuple | ast.List)
            and isinstance(node, ast.Tuple | ast.List)
            and len(target.elts) == len(node.elts)
            and not any(isinstance(each, ast.Starred) for each in (*target.elts, *node.elts))
        ):
            parts = [self._parted(part, value) for part, value in zip(target.elts, node.elts, strict=True)]
            return [pair for part in parts for pair in part]
        return [(target, self.evaluate(node))]

    def store(self, target: ast.expr, value: Value) -> None:
        """Bind a name, or change what an attribute or item is of."""
        if isinstance(target, ast.Name):
            self.memory.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            items = self.use_up(value, target).things | value.things  # pairs are not told from what is in them
            inner = Value(items | {part for thing in items for part in thing.parts if is_object(part)})
            for part in target.elts:
                self.store(part, inner if inner.things else SCALAR)
        elif isinstance(target, ast.Starred):
            self.store(target.value, self.fresh(target, kinds.CONTAINER, value.things))
        elif isinstance(target, ast.Attribute):
            self._store_attribute(target, value)
        elif isinstance(target, ast.Subscript):
            self._store_item(target, value)

    def _store_attribute(self, target: ast.Attribute, value: Value) -> None:
        self.set_attribute(self.evaluate(target.value), target.attr, value, target)

    def set_attribute(self, base: Value, name: str, value: Value, node: object) -> None:
        """Set an attribute of what an expression gave."""
        if self._changed_module(base, name, value):
            return
        for thing in base.things:
            setter = self.member(thing, name) if thing.kind == kinds.INSTANCE else None
            if setter is not None and setter.kind == "property":
                for each in setter.things:
                    self.run_function(each, Arguments([Value(frozenset((thing,))), value]), node)
            for each in () if setter is None else setter.things:
                if each.kind == kinds.INSTANCE:
                    self.special(each, ("__set__",), (Value(frozenset((thing,))), value), node)
            if thing.kind == kinds.INSTANCE:
                self.special(thing, ("__setattr__",), (SCALAR, value), node)
            if thing.kind in (kinds.INSTANCE, kinds.CLASS):
                self._set_member(thing, name, value)
        self.memory.change(base.things)
        self.memory.put_in(base.things, value.things if not _all_members(base) else ())

    def _set_member(self, thing: Thing, name: str, value: Value) -> None:
        if thing.members is None:
            thing.members = {}
        old = thing.members.get(name)
        thing.members[name] = new = value if old is None else old | value
        if new is not old:
            self.memory.edits += 1

    def _changed_module(self, base: Value, name: str, value: Value = EMPTY) -> bool:
        """Change a module, where that is what is stored into; some changes are to the whole process."""
        if base.kind not in (kinds.MODULE, kinds.REF):
            return False
        path = f"{base.detail}.{name}"
        if base.detail in ("__main__", "builtins"):
            self.bind_global(name, value)
        if path.startswith(_AMBIENT):
            self.hook(value.things)
            self.memory.resources.change_surroundings(f"sets {base.detail}")
        self.memory.change(base.things)
        return True

    def _store_item(self, target: ast.Subscript, value: Value) -> None:
        base = self.evaluate(target.value)
        self.evaluate(target.slice)
        if base.kind == "globals":
            name = target.slice.value if isinstance(target.slice, ast.Constant) else None
            if isinstance(name, str):
                self.bind_global(name, value)
            else:
                self.bind_any(value)
            return
        if base.detail == "sys.modules" and isinstance(target.slice, ast.Constant):  # the same one under another name
            self.memory.put_in((self.memory.module(str(target.slice.value)),), value.things)
        if self._changed_module(base, "[]", value):
            return
        for thing in base.things:
            if thing.kind == kinds.INSTANCE:
                self.special(thing, ("__setitem__",), (SCALAR, value), target)
        self.memory.change(base.things)
        self.memory.put_in(base.things, value.things)

    def bind_global(self, name: str, value: Value) -> None:
        """Bind a name of the notebook, from wherever this is."""
        scope, self.memory.scope = self.memory.scope, self.memory.notebook
        self.memory.bind(name, value)
        self.memory.scope = scope

    def bind_any(self, value: Value) -> None:
        """Bind names that the code does not say; the kernel may have seen which."""
        self.binds_any = True
        self.any_things |= value.things

    def on_ann_assign(self, node: ast.AnnAssign) -> None:
        """``a: int = value``."""
        if node.value is not None:
            self.store(node.target, self.evaluate(node.value))

    def on_aug_assign(self, node: ast.AugAssign) -> None:
        """``a += value``: it may change the object, or bind another."""
        old = self.evaluate(node.target)
        value = self.evaluate(node.value)
        new = self.combine(node.op, old, value, node)
        for thing in old.things:
            if thing.kind == kinds.INSTANCE:
                self.special(thing, ("__iadd__", "__isub__", "__imul__", "__ior__", "__iand__"), (value,), node)
        self.memory.change(old.things)
        self.memory.put_in((t for t in old.things if t.kind != kinds.DATA), self.elements(value).things)
        self.store(node.target, old | new if old.things else new)

    def on_delete(self, node: ast.Delete) -> None:
        """``del a, b[0]``."""
        for target in node.targets:
            self._delete(target)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            gone = self.memory.notebook.names.get(target.id)
            held = reach(() if gone is None else gone.value.things, through_modules=False)
            self.memory.change(thing for thing in held if thing.kind == kinds.FILE)  # which closes it
            self.memory.delete(target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._delete(part)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            base = self.evaluate(target.value)
            if isinstance(target, ast.Subscript):
                self.evaluate(target.slice)
                if base.kind == "globals":
                    self._delete_global(target.slice)
                    return
            self.operate(base, target, ("__delitem__", "__delattr__"))
            if not self._changed_module(base, ""):
                self.memory.change(base.things)

    def _delete_global(self, index: ast.expr) -> None:
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            self.memory.delete(index.value)
        else:
            self.bind_any(EMPTY)

    # Imports

    def on_import(self, node: ast.Import) -> None:
        """``import a.b``."""
        for alias in node.names:
            self._note_import(alias.name)
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            module = Value(frozenset((self.memory.module(name),)), kinds.MODULE, name)
            self.memory.bind(alias.asname or name, module, imported=True)

    def on_import_from(self, node: ast.ImportFrom) -> None:
        """``from a import b``."""
        module = "." * node.level + (node.module or "")
        self._note_import(module)
        things = frozenset((self.memory.module(module),))
        for alias in node.names:
            path = f"{module}.{alias.name}"
            if alias.name == "*":
                self.star_from = module
                self.bind_any(Value(things, kinds.REF, module))
            elif module != "__future__":
                self._note_submodule(path)
                self.memory.bind(alias.asname or alias.name, Value(things, kinds.REF, path), imported=True)

    def _note_import(self, name: str) -> None:
        self.memory.imports.setdefault(self.memory.seq, set()).add(name.partition(".")[0])
        if registers_itself(name):
            root = name.partition(".")[0]
            self.memory.resources.read(f"{root}.py", says=False)  # it may be a file that a cell wrote
            self.memory.resources.read(root, says=False)
            self.memory.resources.change_surroundings(f"imports {name}")
        parts = name.split(".")
        for count in range(2, len(parts) + 1):
            self._note_submodule(".".join(parts[:count]))

    def _note_submodule(self, path: str) -> None:
        makers = self.memory.submodules.setdefault(path, [])
        if self.memory.seq not in makers:
            makers.append(self.memory.seq)

    # Definitions

    def on_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """``def``: decorators and defaults now, the body when it is called."""
        decorators = [self.evaluate(each) for each in node.decorator_list]
        value = self.define(node, self.defaults(node))
        self._annotations(node)
        for decorator in reversed(decorators):
            value = self._decorated(decorator, value, node)
        self.memory.bind(node.name, value)

    def _annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for each in (*(each.annotation for each in named if each is not None), node.returns):
            if each is not None:
                self.evaluate(each)

    def _decorated(self, decorator: Value, value: Value, node: ast.stmt) -> Value:
        path = str(decorator.detail) if decorator.kind == kinds.REF else ""
        if path in ("builtins.property", "functools.cached_property"):
            return Value(value.things, "property")
        if path in ("builtins.staticmethod", "builtins.classmethod"):
            return Value(value.things, "static" if path.endswith("staticmethod") else "classmethod")
        if decorator.kind == "property":  # @x.setter
            return Value(value.things | decorator.things, "property")
        return self.call_value(decorator, Arguments([value]), (node, "decorated"))

    def on_class(self, node: ast.ClassDef) -> None:
        """``class``: the body now, its methods when they are called."""
        decorators = [self.evaluate(each) for each in node.decorator_list]
        bases = [self.evaluate(each) for each in node.bases]
        bases += [self.evaluate(keyword.value) for keyword in node.keywords]
        value = self.fresh(node, kinds.CLASS, {thing for base in bases for thing in base.things})
        (thing,) = value.things
        plain = all(
            each.detail == "builtins.object" or any(t.kind == kinds.CLASS for t in each.things) for each in bases
        )
        inherited = any(t.name == "foreign" for base in bases for t in base.things if t.kind == kinds.CLASS)
        thing.name = None if plain and not inherited else "foreign"
        outer = self.memory.scope
        declared = {name: "global" for each in node.body if isinstance(each, ast.Global) for name in each.names}
        self.memory.scope = Scope("class", outer, declared)
        self.suite(node.body)
        names, self.memory.scope = self.memory.scope.names, outer
        for name, binding in names.items():
            self._set_member(thing, name, binding.value)
            for each in binding.value.things:
                if each.code is not None and each.owner is None:
                    each.owner = thing
                if each.kind == kinds.INSTANCE:
                    self.special(each, ("__set_name__",), (value, SCALAR), node)
        self.memory.classes[thing] = self.memory.seq
        written = bases[: len(node.bases)]
        if any(b.detail in _METACLASSES or b.things & self.memory.metaclasses for b in written):
            self.memory.metaclasses.add(thing)
        self._made_by(value, bases, node)
        for decorator in reversed(decorators):
            value = self._decorated(decorator, value, node)
        self.memory.bind(node.name, value)

    def _made_by(self, made: Value, bases: Iterable[Value], node: ast.ClassDef) -> None:
        """Run what the classes above a new class, or its metaclass, do when it is made."""
        above = {thing for base in bases for thing in base.things if thing.kind == kinds.CLASS}
        for thing in above:
            hook = self.member(thing, "__init_subclass__")
            for each in () if hook is None else hook.things:
                self.run_function(each, Arguments([made]), (node, "subclass"))
        metaclasses = reach(above, through_modules=False) & self.memory.metaclasses
        for each, name in ((each, name) for each in metaclasses for name in ("__new__", "__init__")):
            maker = self.member(each, name)
            for function in () if maker is None else maker.things:
                self.run_function(function, Arguments([made], anywhere=made), (node, each, name))


def is_object(thing: Thing) -> bool:
    """Tell whether a thing is an object that a name may hold a part of, and no module."""
    return thing.kind not in (kinds.MODULE, "scope")


def _all_members(base: Value) -> bool:
    return all(thing.kind in (kinds.INSTANCE, kinds.CLASS) for thing in base.things)
