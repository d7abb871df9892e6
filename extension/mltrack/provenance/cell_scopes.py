"""The walk over a scope's syntax tree, in the order in which Python evaluates it: what is read, what is bound.

What a nested scope takes from outside counts where it is used: a class body and a lambda at once, a function (and the
methods of a class) when it is called, which a subclass may put off until its name is next mentioned.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from mltrack.provenance.cell_plan import How, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Function = ast.FunctionDef | ast.AsyncFunctionDef
    Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Scope:
    """The scope of a function or lambda; subclasses say what else there is to the cell's and to a class body's."""

    def __init__(self, parameters: Iterable[str] = ()) -> None:
        self.loads: set[str] = set()
        self.stores: set[str] = set(parameters)
        self.hidden: set[str] = set()  # the variables of the comprehensions around the node being walked
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        # what nested functions declare global, past the names of this scope
        self.inner_loads: set[str] = set()
        self.inner_stores: set[str] = set()

    def load(self, name: str) -> None:
        """Note that a name is read."""
        if name not in self.hidden:
            self.loads.add(name)

    def bind(self, name: str, how: How, value: ast.expr | None = None) -> None:
        """Note that a name is bound; ``value`` is the expression its value comes from, where there is one."""
        del how, value
        self.stores.add(name)

    def bind_value(self, name: str, value: ast.expr) -> None:
        """Note that a name is bound to the very value of an expression."""
        self.bind(name, How.COMPUTED, value)

    def hide(self, names: set[str]) -> None:
        """Note the variables of a comprehension, which live in it alone."""

    def defer(self, name: str, reads: set[str], global_reads: set[str]) -> None:
        """Note what is read when ``name`` is called; in a function that may be at any time."""
        del name
        self.inner_loads |= global_reads
        for read in sorted(reads):
            self.load(read)

    def rebind(self, names: set[str]) -> None:
        """Note the names that a nested function binds as globals."""
        self.inner_stores |= names

    def free(self) -> set[str]:
        """Return the names this scope takes from the scopes around it."""
        return (self.loads | self.nonlocal_names) - (self.stores - self.nonlocal_names) - self.global_names

    def global_loads(self) -> set[str]:
        """Return the names that this scope and those in it declare global and read."""
        return self.inner_loads | (self.loads & self.global_names)

    def global_stores(self) -> set[str]:
        """Return the names that this scope and those in it declare global and bind."""
        return self.inner_stores | (self.stores & self.global_names)

    def walk(self, node: ast.AST) -> None:
        """Go over a node: by the method for its kind, or over its parts in order."""
        kind = type(node)
        method = _METHODS.get(kind)
        if method is not None:
            getattr(self, method)(node)
            return
        for name in _PARTS.get(kind) or _parts_of(kind):
            part = getattr(node, name, None)
            if type(part) is list:
                self.suite(part)
            elif isinstance(part, ast.AST):
                self.walk(part)

    def suite(self, nodes: Sequence[Any]) -> None:
        """Go over nodes one after the other."""
        for node in nodes:
            if isinstance(node, ast.AST):
                self.walk(node)

    def alternatives(self, suites: Sequence[Sequence[ast.AST]], place: Place) -> None:
        """Go over suites of which one runs."""
        del place
        for suite in suites:
            self.suite(suite)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Bind a target to a value, each part of a tuple to its own part where both are written out."""
        if isinstance(target, ast.Name):
            self.bind_value(target.id, value)
            return
        pairs = _pairs(target, value)
        if pairs is None:
            self.bind_target(target, How.COMPUTED, value)
            return
        for part, part_value in pairs:
            self.assign(part, part_value)

    def bind_target(self, target: ast.expr, how: How, value: ast.expr | None = None) -> None:
        """Bind every name of a target in the same way; what is no name (``a.b``, ``a[i]``) is read."""
        if isinstance(target, ast.Name):
            self.bind(target.id, how, value)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.bind_target(part, how, value)
        elif isinstance(target, ast.Starred):
            self.bind_target(target.value, how, value)
        else:
            self.walk(target)

    def _on_nothing(self, node: ast.AST) -> None:
        pass

    def _on_name(self, node: ast.Name) -> None:
        """Read a name, or delete it: names that are bound are seen by the statement that binds them."""
        if isinstance(node.ctx, ast.Del):
            self.bind(node.id, How.DELETED)
        else:
            self.load(node.id)

    def _on_assign(self, node: ast.Assign) -> None:
        self.walk(node.value)
        for target in node.targets:
            self.assign(target, node.value)

    def _on_ann_assign(self, node: ast.AnnAssign) -> None:
        """``a: int = value``; without a value nothing is bound."""
        if node.value is not None:
            self.walk(node.value)
            self.assign(node.target, node.value)
        elif isinstance(node.target, ast.Name):
            self.declare(node.target.id)

    def declare(self, name: str) -> None:
        """``a: int`` makes the name a function's own."""
        self.stores.add(name)

    def _on_aug_assign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.load(node.target.id)
        self.walk(node.value)
        self.bind_target(node.target, How.COMPUTED, node.value)

    def _on_named_expr(self, node: ast.NamedExpr) -> None:
        self.walk(node.value)
        self.bind_value(node.target.id, node.value)

    def _on_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """``import a.b`` binds ``a``; what ``from a import *`` binds is not to be seen."""
        for alias in node.names:
            if alias.name != "*":
                self.bind(alias.asname or alias.name.partition(".")[0], How.IMPORT)

    def _on_function(self, node: Function) -> None:
        """``def``: decorators and defaults are evaluated now, the body later."""
        self.suite(node.decorator_list)
        inner = self.inner_function(node.args, node.body, _type_parameters(node))
        self.bind(node.name, How.DEFINITION)
        self.defer(node.name, inner.free(), inner.global_loads())

    def _on_lambda(self, node: ast.Lambda) -> None:
        """``lambda``: taken to be called where it stands, as the key of a sort is."""
        inner = self.inner_function(node.args, [node.body])
        self.inner_loads |= inner.global_loads()
        for name in sorted(inner.free()):
            self.load(name)

    def inner_function(
        self, arguments: ast.arguments, body: Sequence[ast.AST], type_parameters: Iterable[str] = ()
    ) -> Scope:
        """Walk a function's defaults in this scope and its body in one of its own."""
        self.suite(arguments.defaults)
        self.suite(arguments.kw_defaults)
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        inner = Scope([argument.arg for argument in named if argument is not None] + list(type_parameters))
        inner.suite(body)
        self.rebind(inner.global_stores())
        return inner

    def _on_class(self, node: ast.ClassDef) -> None:
        """``class``: the body runs now, its methods later."""
        self.suite(node.decorator_list)
        self.suite(node.bases)
        self.suite(node.keywords)
        inner = ClassScope()
        inner.suite(node.body)
        self.rebind(inner.global_stores())
        own = set(_type_parameters(node))
        for name in sorted(inner.free() - own):
            self.load(name)
        self.bind(node.name, How.DEFINITION)
        self.defer(node.name, inner.deferred - own, inner.global_loads())

    def _on_type_alias(self, node: Any) -> None:
        """``type A = …``: its value is evaluated when it is asked for."""
        self.bind(node.name.id, How.DEFINITION)

    def _on_comprehension(self, node: Comprehension) -> None:
        """A comprehension: its variables are its own, a walrus in it binds in the scope around it."""
        first, *others = node.generators
        self.walk(first.iter)
        names = {
            part.id
            for generator in node.generators
            for part in ast.walk(generator.target)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        self.hide(names)
        added = names - self.hidden
        self.hidden |= added
        inside: list[ast.AST] = [*first.ifs]
        for generator in others:
            inside += [generator.iter, *generator.ifs]
        inside += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.alternatives([inside, []], Place.LOOP)
        self.hidden -= added

    def _on_if(self, node: ast.If) -> None:
        self.walk(node.test)
        self.alternatives([node.body, node.orelse], Place.BRANCH)

    def _on_conditional(self, node: ast.IfExp) -> None:
        self.walk(node.test)
        self.alternatives([[node.body], [node.orelse]], Place.BRANCH)

    def _on_bool(self, node: ast.BoolOp) -> None:
        """``a and b``: only the first is sure to be evaluated."""
        self.walk(node.values[0])
        self.alternatives([node.values[1:], []], Place.BRANCH)

    def _on_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.walk(node.iter)
        self.bind_target(node.target, How.LOOP)
        self.alternatives([node.body, []], Place.LOOP)
        self.alternatives([node.orelse, []], Place.BRANCH)

    def _on_while(self, node: ast.While) -> None:
        """``while``: the test runs once at least."""
        self.alternatives([[node.test]], Place.LOOP)
        self.alternatives([node.body, []], Place.LOOP)
        self.alternatives([node.orelse, []], Place.BRANCH)

    def _on_with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.walk(item.context_expr)
            if item.optional_vars is not None:
                self.bind_target(item.optional_vars, How.WITH)
        self.suite(node.body)

    def _on_try(self, node: ast.Try | ast.TryStar) -> None:
        """``try``: the handlers and what follows the body may or may not run."""
        self.alternatives([[*node.body, *node.orelse], *([handler] for handler in node.handlers)], Place.TRY)
        self.suite(node.finalbody)

    def _on_handler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.walk(node.type)
        if node.name is not None:
            self.bind(node.name, How.EXCEPT)
        self.alternatives([node.body], Place.BRANCH)

    def _on_match(self, node: ast.Match) -> None:
        self.walk(node.subject)
        last = node.cases[-1]
        irrefutable = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
        cases: list[list[ast.AST]] = [
            [case.pattern, *([case.guard] if case.guard else []), *case.body] for case in node.cases
        ]
        self.alternatives(cases if irrefutable else [*cases, []], Place.BRANCH)

    def _on_pattern(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        """A name in a pattern takes a part of what is matched."""
        if isinstance(node, ast.MatchAs) and node.pattern is not None:
            self.walk(node.pattern)
        if isinstance(node, ast.MatchMapping):
            self.suite([*node.keys, *node.patterns])
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name is not None:
            self.bind(name, How.ALIAS)

    def _on_fstring(self, node: ast.JoinedStr) -> None:
        self.suite(node.values)

    def _on_global(self, node: ast.Global) -> None:
        self.global_names.update(node.names)

    def _on_nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocal_names.update(node.names)


class ClassScope(Scope):
    """A class body: it reads a name from outside until it has bound it, and its methods do not see its names."""

    def __init__(self) -> None:
        super().__init__()
        self.deferred: set[str] = set()

    def load(self, name: str) -> None:
        """Note a name that the body has not bound by now."""
        if name not in self.stores:
            super().load(name)

    def free(self) -> set[str]:
        """Return the names the body itself takes from outside."""
        return (self.loads | self.nonlocal_names) - self.global_names

    def defer(self, name: str, reads: set[str], global_reads: set[str]) -> None:
        """Keep what methods read apart from what the body reads."""
        del name
        self.deferred |= reads
        self.inner_loads |= global_reads


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]] | None:
    """Pair the parts of ``a, b = 1, 2``; None when they are not both written out, one for one."""
    if not isinstance(target, ast.Tuple | ast.List) or not isinstance(value, ast.Tuple | ast.List):
        return None
    if any(isinstance(part, ast.Starred) for part in value.elts):
        return None
    targets, values = target.elts, value.elts
    rest = next((index for index, part in enumerate(targets) if isinstance(part, ast.Starred)), None)
    if rest is not None and len(values) >= len(targets) - 1:  # a, *rest = 1, 2, 3
        after = len(values) - (len(targets) - rest - 1)
        values = [*values[:rest], ast.List(elts=values[rest:after], ctx=ast.Load()), *values[after:]]
    if len(targets) != len(values):
        return None
    names = [part.value if isinstance(part, ast.Starred) else part for part in targets]
    return list(zip(names, values, strict=True))


def _type_parameters(node: ast.AST) -> list[str]:
    """Return the names in ``def f[T]``, which Python has from 3.12 on."""
    return [parameter.name for parameter in getattr(node, "type_params", [])]


_KINDS: dict[str, tuple[type[ast.AST], ...]] = {
    "_on_nothing": (ast.Constant,),
    "_on_name": (ast.Name,),
    "_on_assign": (ast.Assign,),
    "_on_ann_assign": (ast.AnnAssign,),
    "_on_aug_assign": (ast.AugAssign,),
    "_on_named_expr": (ast.NamedExpr,),
    "_on_import": (ast.Import, ast.ImportFrom),
    "_on_function": (ast.FunctionDef, ast.AsyncFunctionDef),
    "_on_lambda": (ast.Lambda,),
    "_on_class": (ast.ClassDef,),
    "_on_comprehension": (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    "_on_if": (ast.If,),
    "_on_conditional": (ast.IfExp,),
    "_on_bool": (ast.BoolOp,),
    "_on_for": (ast.For, ast.AsyncFor),
    "_on_while": (ast.While,),
    "_on_with": (ast.With, ast.AsyncWith),
    "_on_try": (ast.Try, ast.TryStar),
    "_on_handler": (ast.ExceptHandler,),
    "_on_match": (ast.Match,),
    "_on_pattern": (ast.MatchAs, ast.MatchStar, ast.MatchMapping),
    "_on_global": (ast.Global,),
    "_on_nonlocal": (ast.Nonlocal,),
    "_on_fstring": (ast.JoinedStr,),
}
_METHODS = {kind: method for method, kinds in _KINDS.items() for kind in kinds}
if hasattr(ast, "TypeAlias"):
    _METHODS[ast.TypeAlias] = "_on_type_alias"

# What the walk need not look at: contexts, operators, annotations (no place for a run's values), what is no node.
_NOT_WALKED = {"ctx", "op", "ops", "kind", "id", "attr", "arg", "annotation", "type_comment", "lineno"}
_PARTS: dict[type[ast.AST], tuple[str, ...]] = {}


def _parts_of(kind: type[ast.AST]) -> tuple[str, ...]:
    _PARTS[kind] = tuple(name for name in kind._fields if name not in _NOT_WALKED)
    return _PARTS[kind]
