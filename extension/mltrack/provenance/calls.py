"""What calls do: to what they are called on, to what they are given, and what they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.evaluation import Arguments
from mltrack.provenance.file_uses import note_method_files
from mltrack.provenance.known_methods import ALIAS, COPY, NUMBER, PARTS, SELF, Method, method_of
from mltrack.provenance.model_draws import IDLY, drawn_by
from mltrack.provenance.model_draws import NOTHING as DRAWS_NOTHING
from mltrack.provenance.named_calls import NamedCalls
from mltrack.provenance.resources import DRAWS, MAY_DRAW
from mltrack.provenance.things import NOTHING, SCALAR, Thing, Value, joined, reach
from mltrack.provenance.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIGHER_METHODS = frozenset(words("apply map agg aggregate transform pipe applymap filter assign combine"))


class Calls(NamedCalls):
    """Calls of functions, methods and classes."""

    def call_value(self, callee: Value, given: Arguments, node: object) -> Value:
        """Call what an expression gave."""
        if callee.kind in (kinds.REF, kinds.MODULE):
            return self.call_named(callee, given, node)
        if callee.kind == "bound":
            return self._call_bound(callee, given, node)
        things = [thing for thing in callee.things if thing.kind != kinds.MODULE]
        if len(things) == 1 and things[0].kind == kinds.FUNCTION:
            return self.run_function(things[0], given, node)
        if len(things) == 1 and things[0].kind == kinds.CLASS:
            return self.instantiate(things[0], given, node)
        if things and all(thing.kind == kinds.INSTANCE for thing in things):
            results = [self.special(thing, ("__call__",), given.values(), node) for thing in things]
            if None not in results:
                return joined(each for each in results if each is not None)
        if things and all(thing.kind == kinds.FUNCTION for thing in things):
            return self._call_one_of(things, given, node)
        return self.call_unknown(callee.things, given, node)

    def _call_one_of(self, functions: Iterable[Thing], given: Arguments, node: object) -> Value:
        self.memory.weak += 1
        results = [self.run_function(each, given, (node, each)) for each in functions]
        self.memory.weak -= 1
        return joined(results)

    def _call_bound(self, callee: Value, given: Arguments, node: object) -> Value:
        function, owner = callee.detail
        arguments = Arguments([owner, *given.placed], given.named, given.anywhere)
        return self.call_value(function, arguments, node)

    def instantiate(self, made_class: Thing, given: Arguments, node: object) -> Value:
        """Make an object of a class of the notebook."""
        made = self.fresh((node, made_class), kinds.INSTANCE)
        (thing,) = made.things
        thing.owner = made_class
        maker = self.member(made_class, "__init__")
        if maker is not None:
            self.call_value(maker, Arguments([made, *given.placed], given.named, given.anywhere), node)
        else:
            self.memory.put_in((thing,), given.things())
            if made_class.name == "foreign":
                self.call_unknown(made.things, given, node)
        finisher = self.member(made_class, "__del__")
        self.hook(NOTHING if finisher is None else finisher.things)
        for name in ("__post_init__", "__new__"):
            self.special(thing, (name,), given.values(), node)
        return made

    # Methods

    def call_method(self, owner: Value, name: str, given: Arguments, node: object) -> Value:
        """Call a method of what an expression gave."""
        if name == "__subclasses__":
            return self.subclasses()
        if owner.kind in kinds.IMMUTABLE or not owner.things:
            return self._call_of_scalar(owner, name, given, node)
        results = []
        unknown: set[Thing] = set()
        for thing in owner.things:
            kind = owner.kind or thing.kind
            if thing.kind in (kinds.INSTANCE, kinds.CLASS) and owner.kind in (None, thing.kind):
                found = self._call_member(thing, name, given, node)
                if found is None:
                    unknown.add(thing)
                else:
                    results.append(found)
                continue
            self._call_in_array(owner, thing, name, given, node)
            method = method_of(kind, name)
            if method is None:
                unknown.add(thing)
            else:
                results.append(self._call_known(thing, method, name, given, node))
        if unknown:
            results.append(self.call_unknown(unknown, given, node))
        note_method_files(self, owner, name, given)
        return joined(results)

    def _call_of_scalar(self, owner: Value, name: str, given: Arguments, node: object) -> Value:
        """Call a method of a text, a number or a path: it changes nothing, but goes over what it is given."""
        if owner.kind is None:
            return self.call_unknown(NOTHING, given, node)
        for value in given.values():
            self.use_up(value, node)
        found = note_method_files(self, owner, name, given)
        if found is not None:
            return found
        if owner.kind == kinds.PATH:
            return Value(NOTHING, kinds.PATH)
        if name in ("split", "rsplit", "splitlines", "partition", "rpartition"):
            return self.fresh(node, kinds.CONTAINER)
        return SCALAR

    def _call_member(self, thing: Thing, name: str, given: Arguments, node: object) -> Value | None:
        found = self.member(thing, name)
        if found is None:
            return None
        if found.kind == "static" or (thing.kind == kinds.CLASS and found.kind != "classmethod"):
            return self.call_value(Value(found.things, None), given, node)
        is_method = all(each.kind == kinds.FUNCTION and each.owner is not None for each in found.things)
        if not is_method or not found.things:
            return self.call_value(found, given, node)
        owner = thing.owner if found.kind == "classmethod" and thing.owner is not None else thing
        arguments = Arguments([Value(frozenset((owner,))), *given.placed], given.named, given.anywhere)
        return self.call_value(Value(found.things), arguments, node)

    def _call_in_array(self, owner: Value, thing: Thing, name: str, given: Arguments, node: object) -> None:
        """Call a method of what an array or a table may hold."""
        if owner.kind != kinds.DATA:
            return
        if thing.kind == kinds.INSTANCE:
            self._call_member(thing, name, given, node)
        elif thing.kind in (kinds.PLOT, kinds.CONTAINER, kinds.COUNTING):
            method = method_of(thing.kind, name)
            if method is not None and method.changes:
                self.memory.change((thing,))
                self.memory.put_in((thing,), given.things())

    def _call_known(self, thing: Thing, method: Method, name: str, given: Arguments, node: object) -> Value:
        things = given.things()
        if method.uses_up:
            for value in given.values():
                self.use_up(value, node)
        if thing.kind == kinds.ITERATOR:
            self.use_up(Value(frozenset((thing,)), kinds.ITERATOR), node)
        inplace = given.named.get("inplace")
        if method.changes or (inplace is not None and inplace.detail is not False):
            self._change_of_kind(thing)
        if method.changes_arguments:
            self.memory.change(things)
        if method.stores:
            inner = {part for each in things for part in each.parts if part.kind != kinds.MODULE}
            self.memory.put_in((thing,), things | inner)
        if thing.kind == kinds.ESTIMATOR and method.changes and keeps(thing):
            self.memory.put_in((thing,), things)
        if thing.kind == kinds.DATA and method.kind == kinds.PLOT and "ax" not in given.named:
            self.memory.resources.draw_figure()  # the present one, where there is one
            self.memory.change(self.memory.resources.figures)
        if method.draws:
            self._draw_for(thing, given)
        if thing.kind == kinds.DATA and name in _HIGHER_METHODS:
            self.call_back(given.get(0, "func"), given, node)
        self.call_back(given.named.get("key"), given, node)
        back = self.note_keywords(given, node, extra=(thing,))
        return (
            self._given_by(thing, method, given, node) | back
            if back.things
            else self._given_by(thing, method, given, node)
        )

    def _change_of_kind(self, thing: Thing) -> None:
        """Change a thing; a pipeline changes the models in it, a figure the axes in it."""
        inner = set()
        if thing.kind in (kinds.ESTIMATOR, kinds.PLOT):
            inner = {
                each for each in self.memory.reach((thing,), through_modules=False) if each.kind in (thing.kind, None)
            }
        self.memory.change({thing} | inner)

    def _draw_for(self, thing: Thing, given: Arguments) -> None:
        state = given.named.get("random_state")
        if state is not None and (state.detail is not None or state.things):
            return
        if thing.kind != kinds.ESTIMATOR:
            self.memory.resources.random("numpy", DRAWS, idly=self.only_shown)
            return
        drawn = drawn_by((thing,))
        if drawn != DRAWS_NOTHING:
            self.memory.resources.random("numpy", MAY_DRAW, idly=drawn == IDLY)

    def _given_by(self, thing: Thing, method: Method, given: Arguments, node: object) -> Value:
        if method.gives == NUMBER:
            return SCALAR
        if method.gives == SELF:
            return Value(frozenset((thing,)), method.kind)
        if method.gives == PARTS:
            return self.elements(Value(frozenset((thing,))))
        if method.gives == COPY:
            return self.fresh((node, thing), method.kind, self.elements(Value(frozenset((thing,)))).things)
        if method.gives == ALIAS:
            if thing.kind in (kinds.CONTAINER, kinds.COUNTING):  # get, with what is given when there is none
                return Value(frozenset(self.elements(Value(frozenset((thing,)))).things | given.things()))
            owner = {thing} if method.kind == kinds.ESTIMATOR else set()
            return self.fresh((node, thing), method.kind, modules_of(thing)) | Value(
                frozenset(given.things() | owner), method.kind
            )
        return self.fresh((node, thing), method.kind, modules_of(thing))


def keeps(thing: Thing) -> bool:
    """Tell whether a model, or one in it, may hold on to the arrays it was fitted with."""
    return any(
        kinds.keeps_data(each.name)
        for each in reach((thing,), through_modules=False)
        if each.kind in (kinds.ESTIMATOR, None)
    )


def modules_of(thing: Thing) -> set[Thing]:
    """Give the modules that a thing was made by."""
    return {part for part in thing.parts if part.kind == kinds.MODULE}
