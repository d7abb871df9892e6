"""The notebook as the executions so far have left it: names, things, and which executions each is due to."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from mltrack.provenance.resources import Resources
from mltrack.provenance.things import EMPTY, OPENED, Binding, Scope, Thing, Things, Value, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUILTINS = frozenset(dir(builtins))
Names = dict[str, Binding]
State = tuple[Names, Names]

FREE = 10**12
MOST_WORK = 300_000
"""How many things an execution may come by, each as often as it does; a large cell comes by some thousands."""


class EndlessError(Exception):
    """Going through a cell takes too long: what it does is then taken to be anything."""


class Memory:
    """What is known after the executions so far; one of them is under way.

    ``needs`` says for each execution which others it depends on, and why: ``("defines", "df")``.
    """

    def __init__(self) -> None:
        self.notebook = Scope("notebook")
        self.scope = self.notebook
        self.modules: dict[str, Thing] = {}
        self.submodules: dict[str, list[int]] = {}
        self.classes: dict[Thing, int] = {}  # those of the notebook, and which execution made each
        self.metaclasses: set[Thing] = set()
        self.hooks: set[Thing] = set()  # functions that are called by what no cell says: a signal, the end of a cell
        self.needs: dict[int, dict[int, dict[tuple[str, str], None]]] = {}
        self.imports: dict[int, set[str]] = {}
        self.bound_first: dict[str, int] = {}
        self.wild: list[int] = []  # executions that may have bound any name
        self.wild_things: set[Thing] = set()  # what such a name may hold
        self.work = 0  # how many things the execution under way has come by
        self.weak = 0  # when not 0, a binding may or may not happen
        self.branches = 0  # how many branches and loops the present place is in
        self.left = False  # whether a branch may have left the cell, the function or the loop before this place
        self.seq = 0
        self.here: frozenset[int] = frozenset()
        self.edits = 0
        self.resources = Resources(self.need, self.is_sure)
        self._used: set[Binding] = set()

    def begin(self, seq: int) -> None:
        """Turn to the next execution."""
        self.seq, self.here = seq, frozenset((seq,))
        self.needs[seq] = {}
        self._used = set()
        self.weak, self.branches, self.left = 0, 0, False
        self.work = 0
        self.resources.begin(seq)

    def is_sure(self) -> bool:
        """Tell whether the present place is surely reached."""
        return not (self.weak or self.branches or self.left)

    # What the execution under way takes

    def need(self, makers: Iterable[int], verb: str, name: str) -> None:
        """Note that the execution under way depends on others."""
        found = self.needs[self.seq]
        for maker in makers:
            if maker != self.seq:
                found.setdefault(maker, {})[verb, name] = None

    def use(self, binding: Binding, name: str) -> None:
        """Note that a name of the notebook is used, with all that is in what it holds, and all that its code reads."""
        if binding in self._used:
            return
        self._used.add(binding)
        self.need(binding.makers, "deletes" if binding.deleted else "imports" if binding.imported else "defines", name)
        self.use_things(binding.value.things, name)

    def use_things(self, things: Iterable[Thing], name: str) -> None:
        """Note that things are used, under the name they were reached by."""
        later: dict[str, None] = {}
        for thing in self.reach(things):
            if thing.changed:
                is_module = thing.kind == "module"
                self.need(thing.changed, *(("sets up", thing.name or name) if is_module else ("changes", name)))
            if thing.code is not None:
                later.update(dict.fromkeys(thing.code.globals))
        for free in later:
            binding = self.notebook.names.get(free)
            if binding is not None:
                self.use(binding, free)
            elif free not in BUILTINS:
                self.need(self.wild, "may define", free)

    def holder(self, name: str) -> Binding | None:
        """Find what a name is bound to, from the present scope outwards; None when nothing here binds it."""
        scope: Scope | None = self.scope
        while scope is not None and scope is not self.notebook:
            if scope.declared.get(name) == "global":
                break
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        binding = self.notebook.names.get(name)
        if binding is not None:
            self.use(binding, name)
        return binding

    def read(self, name: str) -> Value | None:
        """Give what a name holds; None when no execution is known to bind it."""
        binding = self.holder(name)
        if binding is not None and not binding.deleted:
            return binding.value
        if binding is None and self.wild:
            self.need(self.wild, "may define", name)
        return None

    # What the execution under way does

    def bind(self, name: str, value: Value, *, imported: bool = False) -> None:
        """Bind a name where Python would."""
        scope = self.target(name)
        binding = Binding(self.here, value, imported=imported)
        if scope is self.notebook:
            self.bound_first.setdefault(name, self.seq)
        old = scope.names.get(name)
        nonlocal_one = scope is not self.scope and scope is not self.notebook
        if old is not None and (self.weak or nonlocal_one):
            binding = old | binding
        scope.names[name] = binding
        if scope.thing is not None:
            scope.thing.parts |= value.things
            if nonlocal_one:
                scope.thing.changed.add(self.seq)

    def target(self, name: str) -> Scope:
        """Find the scope in which a name is bound."""
        scope = self.scope
        how = scope.declared.get(name)
        if how == "global":
            return self.notebook
        if how == "nonlocal":
            outer = scope.parent
            while outer is not None and outer is not self.notebook:
                if outer.kind == "function" and name in outer.names:
                    return outer
                outer = outer.parent
        return scope

    def bind_anywhere(self, things: Things) -> None:
        """Note that the execution under way may bind any name of the notebook, to one of these things or a new one."""
        if self.seq not in self.wild:
            self.wild.append(self.seq)
        self.wild_things |= things
        here = Binding(self.here, Value(things))
        for name, binding in self.notebook.names.items():
            self.notebook.names[name] = binding | here

    def delete(self, name: str) -> None:
        """Take a name away; that it is gone is due to this execution."""
        scope = self.target(name)
        old = scope.names.get(name)
        if old is not None and scope is self.notebook:
            self.need(old.makers, "defines", name)
        gone = Binding(self.here, EMPTY, deleted=True)
        scope.names[name] = old | gone if old is not None and self.weak else gone

    def change(self, things: Iterable[Thing]) -> None:
        """Note that things are changed themselves, not what is in them."""
        for thing in list(things):
            if self.seq not in thing.changed:
                thing.changed.add(self.seq)
                self.edits += 1
            if thing.name is None:
                continue
            if thing.kind == "file":
                self.resources.write(thing.name, sure=False)
            elif thing.name.startswith(OPENED):
                self.resources.read(thing.name.removeprefix(OPENED), says=False)
                self.resources.write(thing.name.removeprefix(OPENED), sure=False)

    def change_deeply(self, things: Iterable[Thing]) -> None:
        """Note that things and all in them may be changed; modules, classes and functions stay what they are."""
        named = set(things)
        found = self.reach(named, through_modules=False)
        self.change(each for each in found if each in named or each.kind not in ("function", "class"))

    def put_in(self, things: Iterable[Thing], parts: Iterable[Thing]) -> None:
        """Note that things now hold others."""
        added = frozenset(parts)
        if not added:
            return
        for thing in list(things):
            if not added <= thing.parts:
                thing.parts |= added
                self.edits += 1

    def module(self, name: str) -> Thing:
        """Give the thing that stands for a module and all that is in its package."""
        root = name.partition(".")[0]
        if root not in self.modules:
            self.modules[root] = Thing("module", name=root)
        return self.modules[root]

    def reach(self, things: Iterable[Thing], *, through_modules: bool = True) -> set[Thing]:
        """Give things and all that is in them; EndlessError when an execution has come by too many."""
        found = reach(things, through_modules=through_modules)
        self.spend(len(found))
        return found

    def spend(self, work: int) -> None:
        """Note that work was done for the execution under way; EndlessError when that is too much."""
        self.work += work
        if self.work > MOST_WORK:
            raise EndlessError

    def collapse(self) -> None:
        """Take all things of the notebook for one, so that what follows is quick; its functions stay what they are."""
        self.work = -FREE  # what is still to be done for this execution is done
        found = self.things_of_all()
        one = Thing(None)
        for thing in found:
            one.changed |= thing.changed
        code = {thing for thing in found if thing.code is not None or thing.kind in ("module", "class")}
        one.parts = set(code)
        for thing in code:
            if thing.kind != "module":
                thing.parts.add(one)
        for name, binding in self.notebook.names.items():
            held = binding.value.things
            if held and not held <= code:
                value = Value(frozenset({one} | (held & code)))
                self.notebook.names[name] = Binding(binding.makers, value, deleted=binding.deleted)

    # Branches

    def state(self) -> State:
        """Keep the names as they are: those of the notebook, and those of the present scope."""
        notebook = dict(self.notebook.names)
        return notebook, notebook if self.scope is self.notebook else dict(self.scope.names)

    def go_back(self, state: State) -> None:
        """Take the names as they were; the state may be gone back to again."""
        self.notebook.names = dict(state[0])
        if self.scope is not self.notebook:
            self.scope.names = dict(state[1])

    def join(self, states: Sequence[State]) -> bool:
        """Take the names as one of several ways has left them; tell whether the first of them is still the whole."""
        first, *others = states
        notebook, same = _merged(first[0], [other[0] for other in others])
        self.notebook.names = notebook
        if self.scope is not self.notebook:
            self.scope.names, unchanged = _merged(first[1], [other[1] for other in others])
            same = same and unchanged
        return same

    def things_of_all(self) -> set[Thing]:
        """Give every thing that a name of the notebook reaches."""
        return self.reach({thing for binding in self.notebook.names.values() for thing in binding.value.things})


def _merged(first: Names, others: Sequence[Names]) -> tuple[Names, bool]:
    merged, same = dict(first), True
    for other in others:
        for name, binding in other.items():
            mine = merged.get(name)
            if mine is binding:
                continue
            merged[name] = both = binding if mine is None else mine | binding
            same = same and both is mine
    return merged, same
