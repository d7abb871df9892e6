"""What evaluating means here: things made by places of the code, and functions of the notebook run on what is known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from mltrack.provenance import kinds
from mltrack.provenance.shapes import shape_of
from mltrack.provenance.things import EMPTY, NOTHING, SCALAR, Binding, Code, Scope, Thing, Value, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack.provenance.memory import Memory, State

IMPLICIT = (
    *("__repr__", "__str__", "__format__", "_repr_html_", "__len__", "__bool__", "__hash__", "__int__", "__float__"),
    *("__index__", "__neg__", "__pos__", "__abs__", "__invert__", "__round__", "__eq__", "__ne__", "__lt__", "__le__"),
    *("__gt__", "__ge__"),
)
"""Methods that operators, conditions, builtins and containers may call."""

DEEPEST_CALL = 8
MOST_CALLS = 400
"""How many functions of the notebook are looked into for one execution, in all; past that, calls may do anything."""


class Arguments:
    """What a call is given: by place, by name, and what may be anywhere (``*args``)."""

    __slots__ = ("anywhere", "named", "placed")

    def __init__(
        self, placed: Sequence[Value] = (), named: dict[str, Value] | None = None, anywhere: Value | None = None
    ) -> None:
        self.placed = list(placed)
        self.named = named or {}
        self.anywhere = anywhere

    def values(self) -> list[Value]:
        """Give all of them."""
        more = [] if self.anywhere is None else [self.anywhere]
        return [*self.placed, *self.named.values(), *more]

    def things(self) -> set[Thing]:
        """Give the things that are given, without what is in them."""
        return {thing for value in self.values() for thing in value.things}

    def get(self, place: int, *names: str) -> Value | None:
        """Give an argument by its place or one of its names."""
        if place < len(self.placed):
            return self.placed[place]
        return next((self.named[name] for name in names if name in self.named), None)


class Evaluation:
    """One execution of a cell being gone through; subclasses know expressions, calls and statements."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.made: dict[Any, Thing] = {}
        self.context: tuple[Any, ...] = ()
        self.stack: list[Any] = []
        self.calls_left = MOST_CALLS
        self.dead = False  # nothing gets past a return, a break or a raise
        self.returned: list[tuple[list[Value], list[State]]] = []
        self.yielded: list[list[Value]] = []
        self.loops: list[tuple[list[State], list[State]]] = []  # the states at each break, at each continue
        self.only_shown = False  # the statement under way shows some rows, and keeps none
        self.does_unseen = False  # something was called of which nothing is known
        self.asks_all = False  # it uses the numbers of cells: In[3], _3
        self.binds_any = False  # it binds names that the code does not say
        self.any_things: frozenset[Thing] = NOTHING  # what these may hold
        self.star_from: str | None = None
        self.last_value = EMPTY  # of the last statement that is an expression

    def evaluate(self, node: ast.AST) -> Value:
        """Go through an expression; give what it may be."""
        raise NotImplementedError

    def suite(self, nodes: Iterable[ast.stmt]) -> None:
        """Go through statements."""
        raise NotImplementedError

    def fresh(self, node: object, kind: str | None = None, parts: Iterable[Thing] = ()) -> Value:
        """Give a thing made at this place; a loop that comes here again gets the same."""
        key = (node, kind, self.context)
        thing = self.made.get(key)
        if thing is None:
            thing = self.made[key] = Thing(kind, parts)
            self.memory.edits += 1
        else:
            self.memory.put_in((thing,), parts)
        return Value(frozenset((thing,)), kind)

    # Functions of the notebook

    def define(self, node: Any, values: dict[str, Value]) -> Value:
        """Make the thing that stands for a function; ``values`` are its parameters' defaults."""
        shape = shape_of(node)
        found = self.fresh(node, kinds.FUNCTION, {thing for value in values.values() for thing in value.things})
        (thing,) = found.things
        scope = self.memory.scope
        while scope.kind == "class" and scope.parent is not None:  # methods do not see the names of their class
            scope = scope.parent
        thing.code = Code(node, shape, scope, values)
        outer: Scope | None = scope
        while outer is not None:  # what it takes from the functions around it
            if outer.thing is not None:
                thing.parts.add(outer.thing)
            outer = outer.parent
        return found

    def defaults(self, node: Any) -> dict[str, Value]:
        """Evaluate the defaults of a function's parameters."""
        arguments = node.args
        placed = [*arguments.posonlyargs, *arguments.args]
        found = {
            each.arg: self.evaluate(default)
            for each, default in zip(placed[len(placed) - len(arguments.defaults) :], arguments.defaults, strict=True)
        }
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default is not None:
                found[each.arg] = self.evaluate(default)
        return found

    def run_function(self, function: Thing, given: Arguments, node: object) -> Value:
        """Go through a function's body with what it is given; what is too deep may do anything."""
        code = function.code
        if code is None:
            return EMPTY
        if function.name == "cached":
            self.memory.change((function,))
        self.calls_left -= 1
        if code.node in self.stack or len(self.stack) >= DEEPEST_CALL or self.calls_left < 0:
            return self._run_blindly(function, given, node)
        scope = Scope("function", code.scope, code.shape.declared)
        outer = self.memory.scope, self.context, self.dead, self.loops
        self.memory.scope, self.context, self.dead, self.loops = scope, (*self.context, node), False, []
        self.stack.append(code.node)
        try:
            self._take_arguments(code, given, function)
            return self._run_body(code, node)
        finally:
            self.stack.pop()
            self.memory.scope, self.context, self.dead, self.loops = outer

    def _take_arguments(self, code: Code, given: Arguments, function: Thing) -> None:
        arguments = code.node.args
        placed = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        found = dict(code.values)
        found.update(zip(placed, given.placed, strict=False))
        rest = given.placed[len(placed) :]
        known = {*placed, *(each.arg for each in arguments.kwonlyargs)}
        found.update((name, value) for name, value in given.named.items() if name in known)
        others = [value for name, value in given.named.items() if name not in known]
        if given.anywhere is not None:
            for name in known:
                found[name] = found[name] | given.anywhere if name in found else given.anywhere
            rest, others = [*rest, given.anywhere], [*others, given.anywhere]
        for each, values in ((arguments.vararg, rest), (arguments.kwarg, others)):
            if each is not None:
                parts = {thing for value in values for thing in value.things}
                found[each.arg] = self.fresh((code.node, each.arg), kinds.CONTAINER, parts)
        for name in code.shape.parameters:
            self.memory.bind(name, found.get(name, SCALAR))
        if function.owner is not None:
            self.memory.scope.names["__class__"] = Binding(frozenset(), Value(frozenset((function.owner,))))

    def _run_body(self, code: Code, node: object) -> Value:
        del node
        if isinstance(code.node, ast.Lambda):
            return self.evaluate(code.node.body)
        self.returned.append(([], []))
        self.yielded.append([])
        self.suite(code.node.body)
        values, states = self.returned.pop()
        given = self.yielded.pop()
        if states:
            self.memory.join([*([] if self.dead else [self.memory.state()]), *states])
        if not code.shape.generates and not isinstance(code.node, ast.AsyncFunctionDef):
            return joined(values)
        parts = {thing for value in (*given, *values) for thing in value.things}
        made = self.fresh((code.node, "generator"), kinds.ITERATOR, parts | self._local_things())
        for thing in made.things:
            thing.code = code  # going over it runs the body again, with whatever it holds
        return made

    def _local_things(self) -> set[Thing]:
        return {thing for binding in self.memory.scope.names.values() for thing in binding.value.things}

    def _run_blindly(self, function: Thing, given: Arguments, node: object) -> Value:
        """Take it that a function changes all it is given and all it reads, and binds what it says it binds."""
        things = given.things() | {function}
        names = self.memory.notebook.names
        for thing in self.memory.reach(things):
            for name in thing.code.globals if thing.code is not None else ():
                binding = names.get(name)
                if binding is not None:
                    things |= binding.value.things
                if thing.code is not None and thing.code.shape.declared.get(name) == "global":
                    names[name] = Binding(self.memory.here, Value(frozenset(given.things()))) | (
                        binding or Binding(self.memory.here, EMPTY)
                    )
        self.memory.change_deeply(things)
        self.does_unseen = True
        held = frozenset(
            each for each in self.memory.reach(things, through_modules=False) if each.kind != kinds.FUNCTION
        )
        return self.fresh((node, "blind"), None, held) | Value(held)

    def run_callbacks(self, things: Iterable[Thing], given: Value, node: object) -> Value:
        """Run functions that are handed over, of which some may be called, with anything that is at hand."""
        results = []
        self.memory.weak += 1
        for thing in things:
            if thing.kind == kinds.METHOD:
                self.memory.change_deeply(thing.parts)
                self.memory.put_in(thing.parts, given.things)
                results.append(Value(frozenset(thing.parts)))
            if thing.code is not None and thing.kind == kinds.FUNCTION:
                results.append(self.run_function(thing, Arguments(anywhere=given), (node, thing)))
        self.memory.weak -= 1
        return joined(results) if results else EMPTY

    # Going over things

    def all_things(self) -> Value:
        """Use every name of the notebook; give all that they hold."""
        for name, binding in list(self.memory.notebook.names.items()):
            self.memory.use(binding, name)
        self.memory.resources.use_output()
        found = self.memory.things_of_all() | self.memory.resources.output_things
        return Value(frozenset(each for each in found if each.kind != kinds.MODULE))

    def elements(self, value: Value) -> Value:
        """Give what going over a value gives: its parts, or views of it."""
        if not value.things:
            return SCALAR
        found: set[Thing] = set()
        for thing in value.things:
            if thing.kind not in (kinds.CONTAINER, kinds.COUNTING, kinds.ITERATOR):
                found.add(thing)
            if thing.kind != kinds.MODULE:
                found |= thing.parts
        found = {thing for thing in found if thing.kind not in (kinds.MODULE, "scope")}
        kind = kinds.DATA if found and value.kind == kinds.DATA else None
        return Value(frozenset(found), kind) if found else SCALAR

    def use_up(self, value: Value, node: object) -> Value:
        """Go over a value; that changes iterators, files and what is not known."""
        if value.kind == "globals":
            return self.all_things()
        gone = [thing for thing in value.things if thing.kind in (kinds.ITERATOR, kinds.FILE, None)]
        if gone and value.kind not in (kinds.DATA, kinds.CONTAINER):
            inner = [each for thing in gone for each in thing.parts if each.kind in (kinds.ITERATOR, kinds.FILE, None)]
            self.memory.change([*gone, *inner])
            self.memory.resources.may_draw()
            for thing in [*gone, *inner]:
                if thing.code is not None and thing.kind == kinds.ITERATOR:
                    made = self.run_function(thing, Arguments(anywhere=Value(frozenset(thing.parts))), (node, thing))
                    self.memory.put_in((thing,), {part for each in made.things for part in each.parts} - {thing})
        found: frozenset[Thing] = NOTHING
        for thing in value.things:
            if thing.kind == kinds.INSTANCE:
                given = self.special(thing, ("__iter__", "__next__", "__len__", "__getitem__"), (), node)
                found |= NOTHING if given is None else self.elements(given).things
        return Value(self.elements(value).things | found) if found else self.elements(value)

    # Classes of the notebook

    def member(self, thing: Thing, name: str) -> Value | None:
        """Find an attribute of an instance or class, in the classes it has it from."""
        found = thing.members.get(name) if thing.members else None
        if thing.kind == kinds.INSTANCE:
            inherited = None if thing.owner is None else self.member(thing.owner, name)
            return inherited if found is None else found if inherited is None else found | inherited
        if found is not None:
            return found
        results = [self.member(base, name) for base in thing.parts if base.kind == kinds.CLASS and base is not thing]
        known = [each for each in results if each is not None]
        return joined(known) if known else None

    def operate(self, value: Value, node: object, names: Iterable[str] = IMPLICIT) -> None:
        """Run what an operation may call of instances of the notebook's classes, those in containers too."""
        things = set(value.things)
        things |= {part for thing in value.things if thing.kind == kinds.CONTAINER for part in thing.parts}
        self.memory.weak += 1
        for thing in things:
            if thing.kind == kinds.INSTANCE:
                self.special(thing, names, (), (node, "operates"))
        self.memory.weak -= 1

    def hook(self, things: Iterable[Thing]) -> None:
        """Note that functions may be called by something else than a cell's code, and that files may be written so."""
        for thing in self.memory.reach(things, through_modules=False):
            if thing.kind in (kinds.FUNCTION, kinds.METHOD):
                self.memory.hooks.add(thing)
            elif thing.kind == kinds.FILE:
                self.memory.hooks |= self.fresh((thing, "hook"), kinds.METHOD, (thing,)).things

    def subclasses(self) -> Value:
        """Give the classes of the notebook to one that asks for those below another."""
        self.memory.need(self.memory.classes.values(), "defines", "a class")
        self.memory.use_things(self.memory.classes, "a class")
        return Value(frozenset(self.memory.classes))

    def special(self, thing: Thing, names: Iterable[str], given: Sequence[Value], node: object) -> Value | None:
        """Run the methods of an instance that an operator or a builtin calls; None when its class has none."""
        results = []
        for name in names:
            found = None if thing.owner is None else self.member(thing.owner, name)
            for function in () if found is None else found.things:
                arguments = Arguments([Value(frozenset((thing,))), *given])
                results.append(self.run_function(function, arguments, (node, name)))
        return joined(results) if results else None
