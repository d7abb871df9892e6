"""The passage over executed cells, from the first on: what each left, and which earlier ones it depends on."""

from __future__ import annotations

import ast
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.known_functions import registers_itself
from mltrack.provenance.memory import EndlessError, Memory
from mltrack.provenance.notebook_calls import NotebookCalls
from mltrack.provenance.things import EMPTY, NOTHING, Binding, Thing, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.provenance.observed import Observed

_WHOLE = (kinds.DATA, kinds.ESTIMATOR, kinds.PLOT, kinds.GENERATOR, kinds.FILE)
_NAMED_OBJECTS = ("class:", "function:")


class Passage:
    """Goes over executions one by one; ``memory`` is what is known after the last."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.asks_all: set[int] = set()

    def add(self, seq: int, statements: Sequence[ast.stmt], *, ok: bool, observed: Observed | None) -> None:
        """Go over one more; one that failed may have got to any of its statements."""
        memory = self.memory
        memory.begin(seq)
        walk = NotebookCalls(memory)
        memory.weak = 0 if ok else 1
        try:
            walk.suite(statements)
            walk.run_callbacks(memory.hooks, EMPTY, self)
        except (RecursionError, EndlessError):  # it may do anything
            memory.scope = memory.notebook
            memory.collapse()
            walk.all_changed()
        memory.weak = 0
        self._settle(walk, observed)
        if statements and isinstance(statements[-1], ast.Expr) and not _loads(statements[-1].value):
            memory.resources.outputs.append(seq)
            memory.resources.output_things |= walk.last_value.things
        if walk.asks_all:
            self.asks_all.add(seq)

    def needed_by(self, last: int) -> set[int]:
        """Give an execution and all that it depends on, with what any cell depends on."""
        needed: set[int] = set()
        waiting = [last, *self.memory.resources.ambient]
        while waiting:
            seq = waiting.pop()
            if seq in needed:
                continue
            needed.add(seq)
            waiting += self.memory.needs.get(seq, ())
            if seq in self.asks_all:  # the numbers of cells are the same only when all of them run
                waiting += [each for each in self.memory.needs if each < seq]
        return needed

    def reasons(self, needed: set[int]) -> dict[int, list[str]]:
        """Say of each needed execution what the others take from it."""
        found: dict[int, dict[str, None]] = {}
        for seq in sorted(needed):
            if seq in self.memory.resources.ambient:
                found.setdefault(seq, {})[self.memory.resources.ambient[seq]] = None
            for maker, whys in self.memory.needs.get(seq, {}).items():
                found.setdefault(maker, {}).update(dict.fromkeys(f"{verb} {name}" for verb, name in whys))
        return {seq: self._told(seq, list(whys)) for seq, whys in found.items()}

    def _told(self, seq: int, whys: list[str]) -> list[str]:
        """Leave out what says nothing new: changes of what was made here or has its name from later, files twice."""
        later = {f"changes {name}" for name, first in self.memory.bound_first.items() if first >= seq}
        files = [why.removeprefix("writes ") for why in whys if why.startswith("writes ")]
        twice = {f"writes {whole}" for whole in files for path in files if whole.endswith(f"/{path}")}
        return [why for why in whys if why not in later | twice] or whys

    def _settle(self, walk: NotebookCalls, observed: Observed | None) -> None:
        memory = self.memory
        if walk.does_unseen and observed is None:
            memory.resources.read(None)
            memory.resources.write(None, sure=False)
        memory.resources.end(observed, unseen=walk.does_unseen)
        if observed is not None:
            self._take_seen(walk, observed)
        elif walk.binds_any and not self._bind_star(walk.star_from):
            memory.bind_anywhere(walk.any_things)

    def _bind_star(self, module: str | None) -> bool:
        """Bind what ``from module import *`` binds, where that can be seen without importing anything."""
        if module is None or registers_itself(module):
            return False
        found = sys.modules.get(module)
        if type(found) is not ModuleType:
            return False
        names = getattr(found, "__all__", None) or [name for name in vars(found) if not name.startswith("_")]
        things = frozenset((self.memory.module(module),))
        for name in names:
            self.memory.bind(name, Value(things, kinds.REF, f"{module}.{name}"), imported=True)
        return True

    # What the kernel saw

    def _take_seen(self, walk: NotebookCalls, observed: Observed) -> None:
        names = self.memory.notebook.names
        for name, qualified in observed.types.items():
            binding = names.get(name)
            self.memory.bound_first.setdefault(name, self.memory.seq)
            if binding is None or binding.deleted or self.memory.seq not in binding.makers:
                names[name] = self._unsaid(walk, name, qualified)
            else:
                names[name] = Binding(
                    self.memory.here, self._seen_as(binding.value, qualified), imported=binding.imported
                )
        for name in observed.deleted:
            if name in names and not names[name].deleted:
                names[name] = Binding(self.memory.here, EMPTY, deleted=True)
        for group in observed.same:
            held = [names[name] for name in group if name in names and not names[name].deleted]
            things = frozenset(thing for binding in held for thing in binding.value.things)
            for name in group:
                binding = names.get(name)
                if binding is not None and not binding.deleted and binding.value.things != things:
                    value = Value(things, binding.value.kind, binding.value.detail)
                    names[name] = Binding(binding.makers, value, imported=binding.imported)

    def _unsaid(self, walk: NotebookCalls, name: str, qualified: str) -> Binding:
        """Bind a name that the kernel saw bound, and the code does not say so."""
        kind = kinds.kind_of_type(qualified)
        if kind in kinds.IMMUTABLE:
            return Binding(self.memory.here, Value(NOTHING, kind))
        if qualified.startswith("module:"):
            module = qualified.removeprefix("module:")
            return Binding(
                self.memory.here, Value(frozenset((self.memory.module(module),)), kinds.MODULE, module), imported=True
            )
        if walk.star_from is not None or qualified.startswith(_NAMED_OBJECTS):
            path = f"{walk.star_from}.{name}" if walk.star_from else qualified.partition(":")[2]
            if not path.startswith("__main__"):
                return Binding(
                    self.memory.here, Value(frozenset((self.memory.module(path),)), kinds.REF, path), imported=True
                )
        thing = Thing(kind, walk.any_things)
        return Binding(self.memory.here, Value(frozenset((thing,)) | walk.any_things))

    def _seen_as(self, value: Value, qualified: str) -> Value:
        """Give a value as the type that the kernel saw tells it."""
        if value.kind in (kinds.MODULE, kinds.REF, "bound", "globals") or ":" in qualified:
            return value
        kind = kinds.kind_of_type(qualified)
        if kind in kinds.IMMUTABLE:
            return value if value.kind == kind and not value.things else Value(NOTHING, kind)
        if kind is None:
            return self._seen_as_unknown(value, qualified)
        if not value.things:
            return Value(frozenset((Thing(kind),)), kind)
        root = qualified.partition(".")[0]
        if kind != kinds.CONTAINER and root in self.memory.modules:
            self.memory.put_in((t for t in value.things if t.kind is None), (self.memory.modules[root],))
        for thing in value.things:
            # A thing that is not known stands for what is in it, too: as a container it would not.
            if thing.kind is None and len(value.things) == 1 and kind in _WHOLE:
                thing.kind = kind
                thing.name = thing.name or (qualified if kind == kinds.ESTIMATOR else None)
        return Value(value.things, kind)

    def _seen_as_unknown(self, value: Value, qualified: str) -> Value:
        if qualified.startswith("__main__."):
            return value
        if not value.things:
            return Value(frozenset((Thing(None),)))
        for thing in value.things:
            if thing.kind in (kinds.CONTAINER, kinds.DATA, kinds.ESTIMATOR, kinds.PLOT):
                thing.kind = None
        return Value(value.things)


def _loads(node: ast.expr) -> bool:
    """Tell whether an expression is ``%load_ext``, which gives no output."""
    given = node.args if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("get_ipython()") else []
    return bool(given) and isinstance(given[0], ast.Constant) and given[0].value in ("load_ext", "reload_ext")
