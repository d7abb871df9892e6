"""Calls of which nothing is known, and what arguments do that mean the same to any function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.evaluation import Arguments, Evaluation
from mltrack.provenance.resources import GENERATORS, MAY_DRAW, UNKNOWN
from mltrack.provenance.things import SCALAR, Thing, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHANGED_KEYWORDS = ("out", "ax", "axes", "fig", "cax", "axs", "ax1", "buf", "file", "stream")
GENERATOR_KEYWORDS = ("random_state", "rng", "generator", "seed")


class UnknownCalls(Evaluation):
    """Calls of what is not known, and callbacks."""

    def call_unknown(self, callee: Iterable[Thing], given: Arguments, node: object, *, name: str = "") -> Value:
        """Call something of which nothing is known: it may change what it is called on and what it is given."""
        callees = set(callee)
        self.does_unseen = True
        self.memory.change(thing for thing in callees if thing.kind == kinds.MODULE)
        things = {thing for thing in callees if thing.kind != kinds.MODULE} | given.things()
        self.memory.change_deeply(things)
        held = self.memory.reach(things, through_modules=False)
        seeding = "seed" in name.rpartition(".")[2] or "determin" in name
        for generator in GENERATORS:
            self.memory.resources.random(generator, UNKNOWN if seeding else MAY_DRAW)
        data = Value(frozenset(each for each in held if each.kind not in (kinds.FUNCTION, "scope")))
        back = self.run_callbacks([each for each in held if each.kind in (kinds.FUNCTION, kinds.METHOD)], data, node)
        for value in given.values():
            self.use_up(value, node)
        code = (kinds.FUNCTION, kinds.CLASS, kinds.METHOD, "scope")  # given back when it was given
        found = frozenset(each for each in held if each.kind not in code or each in things) | back.things
        return self.fresh((node, "unknown"), None, found | callees) | Value(found)

    def note_keywords(self, given: Arguments, node: object, *, extra: Iterable[Thing] = ()) -> Value:
        """Change what ``out=``, ``ax=`` and ``random_state=`` name, and run functions that are handed over."""
        for name in _CHANGED_KEYWORDS:
            if name in given.named:
                self.memory.change(given.named[name].things)
        for name in GENERATOR_KEYWORDS:
            if name in given.named:
                self.memory.change(t for t in given.named[name].things if t.kind in (kinds.GENERATOR, None))
        functions = {
            each
            for value in given.named.values()
            for thing in value.things
            if thing.kind == kinds.CLASS
            for member in (thing.members or {}).values()
            for each in member.things
            if each.kind == kinds.FUNCTION
        } | {
            each
            for thing in given.things()
            for each in (thing, *(thing.parts if thing.kind == kinds.CONTAINER else ()))
            if each.kind in (kinds.FUNCTION, kinds.METHOD)
        }
        if not functions:
            return Value()
        others = {
            thing
            for thing in self.memory.reach({*given.things(), *extra})
            if thing.kind not in ("function", "module", "scope")
        }
        return self.run_callbacks(functions, Value(frozenset(others)) if others else SCALAR, node)

    def call_back(self, callee: Value | None, given: Arguments, node: object) -> None:
        """Call what a function was given to call, where nothing is known of it."""
        if callee is None:
            return
        for thing in callee.things:
            inner = {part for value in given.values() for part in self.elements(value).things if value is not callee}
            if thing.kind == kinds.INSTANCE:
                self.special(thing, ("__call__",), [Value(frozenset(inner))], node)
            elif thing.kind not in (kinds.FUNCTION, kinds.MODULE, kinds.CLASS, kinds.CONTAINER, kinds.DATA):
                self.memory.change_deeply({thing} | inner)
