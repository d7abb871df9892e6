"""What the slice knows of the objects of a notebook: things, the values that may be one of several, bindings, scopes.

A thing stands for one object or more that one place of the code makes. Numbers, texts and the like, which nothing can
change, are no things. What is a view of an object (``a[:2]`` of an array) is the same thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

Things = frozenset["Thing"]
NOTHING: Things = frozenset()
OPENED = "opened:"
"""Before the path in the name of a thing that has a file open and is no file itself, as a database's connection."""


class Thing:
    """One object of the notebook, or those that one place makes.

    Attributes
    ----------
    kind
        What it is, one of ``kinds``; None when that is not known.
    changed
        The numbers of the executions that changed it.
    parts
        What is in it: items, attributes, what it was made from.
    members
        Attributes of classes and of their instances, by name.
    code
        The function, where it is one; ``name`` is a module's, or where a file is.
    """

    __slots__ = ("changed", "code", "kind", "members", "name", "owner", "parts")

    def __init__(self, kind: str | None = None, parts: Iterable[Thing] = (), name: str | None = None) -> None:
        self.kind = kind
        self.changed: set[int] = set()
        self.parts: set[Thing] = set(parts)
        self.members: dict[str, Value] | None = None
        self.code: Code | None = None
        self.owner: Thing | None = None  # an instance's class
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.kind or 'thing'} {self.name or ''}{sorted(self.changed) or ''}>"


class Code:
    """A function: its definition, and the scope it was made in."""

    __slots__ = ("globals", "node", "scope", "shape", "values")

    def __init__(self, node: Any, shape: Any, scope: Scope, values: dict[str, Value]) -> None:
        self.node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda = node
        self.shape = shape
        self.scope = scope
        self.values = values  # of the parameters, by default
        self.globals: tuple[str, ...] = shape.free


class Value:
    """What an expression may give: things, what kind they are where that is sure, and a name or a constant.

    ``detail`` is the dotted name of a module or of what is in it, the value of a constant text, or the kernel's name
    of the type.
    """

    __slots__ = ("detail", "kind", "things")

    def __init__(self, things: Things = NOTHING, kind: str | None = None, detail: Any = None) -> None:
        self.things = things
        self.kind = kind
        self.detail = detail

    def __or__(self, other: Value) -> Value:
        if other is self or (other.things <= self.things and other.kind == self.kind and other.detail == self.detail):
            return self
        return Value(
            self.things | other.things,
            self.kind if self.kind == other.kind else None,
            self.detail if self.detail == other.detail and self.kind == other.kind else None,
        )

    def __repr__(self) -> str:
        return f"Value({self.kind}, {self.detail!r}, {set(self.things)})"


class Binding:
    """What a name holds, and the executions that may have bound it to that."""

    __slots__ = ("deleted", "imported", "makers", "value")

    def __init__(self, makers: frozenset[int], value: Value, *, deleted: bool = False, imported: bool = False) -> None:
        self.makers = makers
        self.value = value
        self.deleted = deleted
        self.imported = imported

    def __or__(self, other: Binding) -> Binding:
        value = self.value | other.value
        if value is self.value and other.makers <= self.makers:
            return self
        deleted = self.deleted and other.deleted
        return Binding(self.makers | other.makers, value, deleted=deleted, imported=self.imported and other.imported)


class Scope:
    """The names of the notebook, of a running function, of a class body or of a comprehension."""

    __slots__ = ("declared", "kind", "names", "parent", "thing")

    def __init__(self, kind: str, parent: Scope | None = None, declared: Any = None) -> None:
        self.kind = kind  # notebook, function, class, comprehension
        self.parent = parent
        self.names: dict[str, Binding] = {}
        self.declared: dict[str, str] = declared or {}  # name: global or nonlocal
        self.thing: Thing | None = Thing("scope") if kind == "function" else None


SCALAR = Value(NOTHING, "scalar")
EMPTY = Value()


def reach(things: Iterable[Thing], *, through_modules: bool = True) -> set[Thing]:
    """Give things and all that is in them; modules only when they are asked for."""
    seen: set[Thing] = set()
    waiting = list(things)
    while waiting:
        thing = waiting.pop()
        if thing in seen or (thing.kind == "module" and not through_modules):
            continue
        seen.add(thing)
        waiting += thing.parts
        if thing.members:
            for value in thing.members.values():
                waiting += value.things
        if thing.owner is not None:
            waiting.append(thing.owner)
    return seen


def joined(values: Iterable[Value]) -> Value:
    """Give the value that may be any of these; nothing at all is a scalar."""
    found: Value | None = None
    for value in values:
        found = value if found is None else found | value
    return SCALAR if found is None else found
