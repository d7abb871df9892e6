"""Calls of functions and classes of modules, by what is known of their dotted names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.file_uses import note_files, opened, text_of
from mltrack.provenance.known_functions import DEEP, ITEM, ITERATOR, MAKES, MODULE, NESTED, Function, function_of
from mltrack.provenance.known_methods import ALIAS, COPY, FRESH, NUMBER, SELF
from mltrack.provenance.model_draws import CROSS_VALIDATION, IDLY, drawn_by
from mltrack.provenance.model_draws import NOTHING as DRAWS_NOTHING
from mltrack.provenance.model_draws import named as model_name
from mltrack.provenance.resources import DRAWS, MAY_DRAW, SEEDS, TELLS
from mltrack.provenance.things import NOTHING, SCALAR, Thing, Things, Value, joined
from mltrack.provenance.unknown_calls import GENERATOR_KEYWORDS, UnknownCalls
from mltrack.provenance.word_lists import words

if TYPE_CHECKING:
    from mltrack.provenance.evaluation import Arguments

HIGHER = frozenset(
    words(
        "builtins.map builtins.filter functools.reduce itertools.starmap itertools.takewhile itertools.dropwhile "
        "itertools.accumulate itertools.groupby numpy.vectorize numpy.apply_along_axis numpy.fromfunction "
        "scipy.optimize.minimize scipy.optimize.minimize_scalar scipy.optimize.curve_fit"
    )
)
"""Functions that call what they are given first."""
IDENTITY = frozenset(
    words(
        "functools.wraps functools.lru_cache functools.cache functools.total_ordering dataclasses.dataclass numba.jit "
        "numba.njit contextlib.contextmanager contextlib.asynccontextmanager torch.no_grad torch.inference_mode "
        "abc.abstractmethod builtins.staticmethod builtins.classmethod builtins.property functools.cached_property"
    )
)
"""Decorators that give what they decorate, or what behaves as it does."""
HOOKING = (
    *("signal.signal", "gc.callbacks", "weakref.", "sys.set", "sys.addaudithook", "threading.set"),
    *("IPython.get_ipython().events.register", "IPython.get_ipython().input_trans", "atexit.", "faulthandler."),
)
"""Functions of which those they are given are called by something else than a cell's code."""


class NamedCalls(UnknownCalls):
    """Calls of functions and classes of modules."""

    def call_named(self, callee: Value, given: Arguments, node: object) -> Value:
        """Call a function or class of a module, by its dotted name."""
        path = str(callee.detail)
        if path in IDENTITY:
            first = given.get(0)
            is_direct = first is not None and any(t.kind in (kinds.FUNCTION, kinds.CLASS) for t in first.things)
            if first is None or not is_direct or path == "functools.wraps":
                return Value(NOTHING, kinds.REF, "identity")
            if "cache" in path and first is not None:
                for thing in first.things:
                    thing.name = "cached"
            return first
        if path == "identity":
            return given.get(0) or SCALAR
        if path.startswith(HOOKING):
            self.hook(given.things())
        if path.startswith("IPython.core.magic.register"):
            shell = self.memory.module("%magics")
            self.memory.change((shell,))
            self.memory.put_in((shell,), given.things())
        rule = function_of(path)
        files = note_files(self, path, given)
        if files is not None:
            return files
        if rule is None:
            return opened(path, given, self.call_unknown(callee.things, given, node, name=path))
        self._apply(path, rule, callee, given)
        if path in HIGHER:
            self.call_back(given.get(0, "function"), given, node)
        self.call_back(given.named.get("key"), given, node)
        return opened(path, given, self._result_of(path, rule, callee, given, node))

    def _apply(self, path: str, rule: Function, callee: Value, given: Arguments) -> None:
        resources = self.memory.resources
        if rule.state:
            self.memory.change(callee.things)
            if path.startswith("seaborn."):
                self.memory.change((self.memory.module("matplotlib"),))
        if rule.ambient and path in ("os.chdir", "os.fchdir"):
            resources.read(text_of(given.get(0)), says=False)
            resources.move()
        elif rule.ambient:
            resources.change_surroundings(f"sets {path}")
        if rule.changes == "all" or _overwrites(given):
            self.memory.change_deeply(given.things())
        elif rule.changes != "none" and given.placed:
            self.memory.change(given.placed[0 if rule.changes == "first" else -1].things)
        self._note_random(path, rule, given)
        if path.startswith(("seaborn.", "pandas.plotting.")) and "ax" not in given.named:
            resources.draw_figure()
            self.memory.change(resources.figures)
        if path.startswith("matplotlib.pyplot."):
            self._note_figure(path, given)

    def _note_random(self, path: str, rule: Function, given: Arguments) -> None:
        resources = self.memory.resources
        if rule.seeds is not None:
            resources.random(rule.seeds, SEEDS)
        if path in CROSS_VALIDATION:
            drawn = drawn_by(given.things())
            if drawn != DRAWS_NOTHING:
                resources.random("numpy", MAY_DRAW, idly=drawn == IDLY)
        elif rule.draws is not None and not (_has_state(given) or path.startswith("sklearn.datasets.load_")):
            sure = path.startswith(("numpy.random.", "random.", "torch.rand"))
            resources.random(rule.draws, DRAWS if sure else MAY_DRAW)
        if rule.tells is not None:
            resources.random(rule.tells, TELLS)

    def _note_figure(self, path: str, given: Arguments) -> None:
        name = path.rpartition(".")[2]
        if name in ("gcf", "gca", "savefig", "get_fignums"):
            self.memory.resources.use_figure()
        elif not name.startswith(("show", "rc", "style")):
            is_plain = not given.placed or name != "figure"  # else it may be the number of one that is there
            anew = name in ("figure", "subplots", "subplot_mosaic") and is_plain and "num" not in given.named
            self.memory.resources.draw_figure(anew=anew)
            if not anew and name != "close":
                self.memory.change(self.memory.resources.figures)

    def _result_of(self, path: str, rule: Function, callee: Value, given: Arguments, node: object) -> Value:
        self._go_over(rule, given, node)
        for value in given.values():
            self.operate(value, node)
        back = self.note_keywords(given, node)
        modules = {thing for thing in callee.things if thing.kind == kinds.MODULE}
        if rule.gives == MAKES:
            return self._model_of(path, given, modules, node)
        maker = _RESULTS.get(rule.gives)
        if maker is not None:
            return maker(self, rule, given, back.things, node)
        things = given.things()
        if rule.gives == FRESH:
            opaque = {
                each for each in self.memory.reach(things, through_modules=False) if each.kind in (None, kinds.INSTANCE)
            }
            return self.fresh(node, rule.kind, modules | opaque)
        made = self.fresh(node, rule.kind, modules | things)
        if path.startswith("matplotlib.pyplot."):
            self.memory.resources.figures |= made.things
        return made | Value(frozenset(things | back.things), rule.kind)

    def _go_over(self, rule: Function, given: Arguments, node: object) -> None:
        """Use up what is given, all of it or what can be gone over once only."""
        for value in given.values():
            if rule.uses_up or rule.gives == COPY:
                self.use_up(value, node)
            elif rule.gives in (FRESH, ALIAS, MAKES):
                once = frozenset(thing for thing in value.things if thing.kind in (kinds.ITERATOR, kinds.FILE, None))
                self.use_up(Value(once, value.kind), node)

    def _number(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        del rule, given, back, node
        return SCALAR

    def _same(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        del rule, back, node
        return given.get(0) or SCALAR

    def _item(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        """Give an item, as ``max`` does; of what has none, a number or a row of data."""
        del rule
        parts = frozenset(thing for value in given.values() for thing in self.elements(value).things)
        if parts or back:
            return Value(parts | back)
        return SCALAR if not given.things() else self.fresh(node, kinds.DATA)

    def _copy(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        parts = {thing for value in given.values() for thing in self.elements(value).things}
        return self.fresh(node, rule.kind, parts | back)

    def _iterator(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        parts = {thing for value in given.values() for thing in self.elements(value).things}
        return self.fresh(node, rule.kind, parts | given.things() | back)

    def _nested(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        """Give containers in containers: what is in it stands for itself."""
        del given, back
        made = self.fresh(node, rule.kind)
        self.memory.put_in(made.things, made.things)
        return made

    def _imported(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        del rule, back
        name = given.get(0)
        if name is None or not isinstance(name.detail, str):
            return self.call_unknown(NOTHING, given, node)
        self.memory.imports.setdefault(self.memory.seq, set()).add(name.detail.partition(".")[0])
        return Value(frozenset((self.memory.module(name.detail),)), kinds.MODULE, name.detail)

    def _deep_copy(self, rule: Function, given: Arguments, back: Things, node: object) -> Value:
        del rule, back
        copies = []
        for thing in given.things():
            copy = self.fresh((node, thing), thing.kind)
            (made,) = copy.things
            made.owner, made.code, made.name = thing.owner, thing.code, thing.name
            inside = [each for each in self.memory.reach((thing,)) if each is not thing]
            if any(each.kind != kinds.MODULE for each in inside):
                made.kind = None  # what is in the copy is known as the copy itself
                copy = Value(copy.things)
            self.memory.put_in((made,), (each for each in inside if each.kind in (kinds.MODULE, kinds.FUNCTION)))
            copies.append(copy)
        return joined(copies)

    def _model_of(self, path: str, given: Arguments, modules: set[Thing], node: object) -> Value:
        if any(name.startswith(("copy", "overwrite")) for name in given.named):
            return self.fresh(node, None, modules | given.things())
        made = self.fresh(node, kinds.ESTIMATOR, modules | given.things())
        for thing in made.things:
            thing.name = model_name(path, given)
        return made


def _overwrites(given: Arguments) -> bool:
    flags = [value for name, value in given.named.items() if name.startswith("overwrite") or name == "inplace"]
    copies = [value for name, value in given.named.items() if name == "copy"]
    return any(value.detail is not False for value in flags) or any(value.detail is not True for value in copies)


def _has_state(given: Arguments) -> bool:
    """Tell whether a call is given its own random numbers: a number, or a generator."""
    states = [given.named[name] for name in GENERATOR_KEYWORDS if name in given.named]
    return any(isinstance(value.detail, int) or value.things for value in states)


_RESULTS = {
    NUMBER: NamedCalls._number,
    SELF: NamedCalls._same,
    ITEM: NamedCalls._item,
    COPY: NamedCalls._copy,
    ITERATOR: NamedCalls._iterator,
    NESTED: NamedCalls._nested,
    MODULE: NamedCalls._imported,
    DEEP: NamedCalls._deep_copy,
}
