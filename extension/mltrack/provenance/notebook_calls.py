"""Calls that reach the notebook's own names, and those that IPython makes of magics and shell lines."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.cell_names import UNPARSABLE, parse
from mltrack.provenance.evaluation import Arguments
from mltrack.provenance.magic_lines import Magics
from mltrack.provenance.things import NOTHING, SCALAR, Thing, Value, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_READ_BY_NAME = ("pandas.eval", "statsmodels.formula", "patsy.", "duckdb.", "numexpr.", "formulaic.")
"""Functions that take the notebook's names out of texts."""

_WORD = re.compile(r"[A-Za-z_]\w*")
_SHELL = "IPython.get_ipython()"


class NotebookCalls(Magics):
    """Goes through calls."""

    def _on_call(self, node: ast.Call) -> Value:
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = self.evaluate(function.value)
            if owner.kind == "super":
                return self._call_super(owner, function.attr, self.arguments(node), node)
            if owner.kind == "globals":
                return self._call_globals(function.attr, node)
            if function.attr in ("query", "eval") and owner.things:
                self._read_named(node)
            if owner.kind not in (kinds.MODULE, kinds.REF):
                return self.call_method(owner, function.attr, self.arguments(node), node)
            callee = self._of_module(owner, function.attr)
        else:
            callee = self.evaluate(function)
        if callee.kind == kinds.REF:
            special = _SPECIAL.get(str(callee.detail))
            if special is not None:
                return special(self, node)
            if str(callee.detail).startswith(_READ_BY_NAME):
                self._read_named(node)
            if str(callee.detail).startswith(_SHELL):
                return self._call_shell(str(callee.detail).removeprefix(_SHELL + "."), node)
        return self.call_value(callee, self.arguments(node), node)

    def arguments(self, node: ast.Call) -> Arguments:
        """Evaluate what a call is given."""
        found = Arguments()
        spread: list[Value] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                spread.append(self.use_up(self.evaluate(each.value), each))
            elif spread:  # its place depends on how many came before
                spread.append(self.evaluate(each))
            else:
                found.placed.append(self.evaluate(each))
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is None:
                spread.append(self.all_things() if value.kind == "globals" else self.elements(value))
            else:
                found.named[keyword.arg] = value
        found.placed = [self.all_things() if each.kind == "globals" else each for each in found.placed]
        found.named = {
            name: self.all_things() if value.kind == "globals" else value for name, value in found.named.items()
        }
        if spread:
            found.anywhere = joined(spread)
        return found

    # The notebook's names

    def all_changed(self) -> Value:
        """Take it that everything is read and changed, and that any name is bound."""
        found = self.all_things()
        self.memory.change_deeply(found.things)
        self.does_unseen = True
        self.memory.resources.may_draw()
        self.bind_any(found)
        return found

    def _on_exec(self, node: ast.Call) -> Value:
        given = self.arguments(node)
        code = given.get(0)
        text = code.detail if code is not None and isinstance(code.detail, str) else None
        if text is None or len(node.args) > 1 or node.keywords:
            self.memory.change_deeply(given.things())
            return self.all_changed()
        try:
            statements = parse(text).body
        except UNPARSABLE:
            return SCALAR
        self.at_notebook(statements)
        last = statements[-1] if statements else None
        return self.evaluate(last.value) if isinstance(last, ast.Expr) else SCALAR

    def at_notebook(self, statements: Iterable[ast.stmt]) -> None:
        """Go through statements as those of a cell, from wherever this is."""
        scope, self.memory.scope = self.memory.scope, self.memory.notebook
        self.suite(statements)
        self.memory.scope = scope

    def _read_named(self, node: ast.Call) -> None:
        """Read the names that a query or formula mentions; all of them where its text is not to be seen."""
        for given in (*node.args, *(each.value for each in node.keywords)):
            value = self.evaluate(given)
            texts = [each.value for each in ast.walk(given) if isinstance(each, ast.Constant)]
            if isinstance(value.detail, str):
                texts.append(value.detail)
            elif value.kind == kinds.SCALAR and not isinstance(given, ast.JoinedStr | ast.Constant):
                self.all_things()
            for word in {word for text in texts if isinstance(text, str) for word in _WORD.findall(text)}:
                if word in self.memory.notebook.names:
                    self.read_name(word)

    def _on_globals(self, node: ast.Call) -> Value:
        if node.args:
            return self.attribute(self.evaluate(node.args[0]), "__dict__", node)
        return Value(NOTHING, "globals")

    def _on_locals(self, node: ast.Call) -> Value:
        if node.args or self.memory.scope is self.memory.notebook:
            return self._on_globals(node)
        things = {thing for binding in self.memory.scope.names.values() for thing in binding.value.things}
        return self.fresh(node, kinds.CONTAINER, things)

    def _call_globals(self, name: str, node: ast.Call) -> Value:
        """Call a method of ``globals()``."""
        first = node.args[0] if node.args else None
        if name == "get" and first is not None:
            given = self.arguments(node)
            held = (
                self.memory.holder(first.value)
                if isinstance(first, ast.Constant) and isinstance(first.value, str)
                else None
            )
            found = self._global_item(first) if held is not None or not _is_text(first) else SCALAR
            return found | joined(given.values())
        if name == "pop" and _is_text(first):
            found = self._global_item(first)  # type: ignore[arg-type]
            self.memory.delete(first.value)  # type: ignore[union-attr]
            return found
        if name == "update" and isinstance(first, ast.Dict) and all(_is_text(key) for key in first.keys):
            for key, item in zip(first.keys, first.values, strict=True):
                self.bind_global(key.value, self.evaluate(item))  # type: ignore[union-attr]
            return SCALAR
        if name in ("keys", "items", "values", "copy"):
            return self.fresh(node, kinds.CONTAINER, self.all_things().things)
        self.arguments(node)
        return self.all_changed()

    # Attributes by name, and what classes inherit

    def _on_getattr(self, node: ast.Call) -> Value:
        given = self.arguments(node)
        base, name = given.get(0), given.get(1)
        if base is None or name is None or not isinstance(name.detail, str):
            inside = Value() if base is None else self.elements(base)
            return joined([*given.values(), inside]) if given.things() else Value()
        found = self.attribute(base, name.detail, node)
        default = given.get(2)
        return found if default is None else found | default

    def _on_setattr(self, node: ast.Call) -> Value:
        given = self.arguments(node)
        base, name, value = given.get(0), given.get(1), given.get(2) or SCALAR
        if base is None:
            return SCALAR
        if name is not None and isinstance(name.detail, str):
            self.set_attribute(base, name.detail, value, node)
        elif not self._changed_module(base, "?"):
            self.memory.change(base.things)
            self.memory.put_in(base.things, value.things)
        return SCALAR

    def _on_dir(self, node: ast.Call) -> Value:
        given = self.arguments(node)
        if not node.args and self.memory.scope is self.memory.notebook:
            self.all_things()
        return self.fresh(node, kinds.CONTAINER) | Value(frozenset(given.things()))

    def _on_type(self, node: ast.Call) -> Value:
        """``type(x)``, and ``type("Name", bases, members)``."""
        given = self.arguments(node)
        if len(given.placed) != 1:
            return self.fresh(node, None, given.things())
        owners = {thing.owner for thing in given.placed[0].things if thing.owner is not None}
        if all(thing.kind == kinds.INSTANCE for thing in given.things()):
            return Value(frozenset(owners), kinds.CLASS) if owners else SCALAR
        return Value(frozenset(owners) | self.fresh(node, None, given.things()).things)

    def _on_super(self, node: ast.Call) -> Value:
        binding = self.memory.holder("__class__")
        function = self.stack[-1] if self.stack else None
        if binding is None or function is None or not function.args.args:
            return self.call_value(Value(), self.arguments(node), node)
        owner = self.read_name(function.args.args[0].arg)
        return Value(owner.things, "super", tuple(binding.value.things))

    def _call_super(self, owner: Value, name: str, given: Arguments, node: ast.Call) -> Value:
        results = []
        for made_class in owner.detail:
            bases: list[Thing] = [each for each in made_class.parts if each.kind == kinds.CLASS]
            found = [each for each in (self.member(base, name) for base in bases) if each is not None]
            arguments = Arguments([Value(owner.things), *given.placed], given.named, given.anywhere)
            results += [self.call_value(Value(each.things), arguments, node) for each in found]
            if not found and made_class.name == "foreign":
                results.append(self.call_unknown(owner.things, given, node))
        return joined(results)

    # IPython

    def _call_shell(self, name: str, node: ast.Call) -> Value:
        given = self.arguments(node)
        texts = [each.detail if isinstance(each.detail, str) else None for each in given.placed]
        known = [text for text in texts if text is not None]
        if name in ("system", "getoutput", "system_raw", "system_piped") and len(known) == 1:
            return self.shell_line(known[0], node)
        if name in ("run_line_magic", "magic") and known:
            first, _, rest = known[0].partition(" ")
            return self.line_magic(first, known[1] if len(known) > 1 else rest, node)
        if name == "run_cell_magic" and len(known) == 3:
            return self.cell_magic(known[0], known[1], known[2], node)
        if name in ("run_cell", "ex") and known:
            self.at_notebook(self.parsed(known[0]))
            return SCALAR
        if name == "set_next_input":
            return SCALAR
        if name.startswith(("events.", "input_trans", "set_custom", "set_hook", "ast_trans")):
            self.hook(given.things())
        self.memory.resources.change_surroundings("changes the shell")
        if name in ("push", "ev", "reset", "run_code", "run_cell", "safe_execfile", "run_ast_nodes"):
            return self.all_changed()
        return self.call_unknown(NOTHING, given, node)

    def _on_shell(self, node: ast.Call) -> Value:
        del node
        return Value(NOTHING, kinds.REF, _SHELL)


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


_SPECIAL: dict[str, Callable[[NotebookCalls, ast.Call], Value]] = {
    "builtins.exec": NotebookCalls._on_exec,
    "builtins.eval": NotebookCalls._on_exec,
    "builtins.globals": NotebookCalls._on_globals,
    "builtins.locals": NotebookCalls._on_locals,
    "builtins.vars": NotebookCalls._on_locals,
    "builtins.getattr": NotebookCalls._on_getattr,
    "builtins.setattr": NotebookCalls._on_setattr,
    "builtins.delattr": NotebookCalls._on_setattr,
    "builtins.super": NotebookCalls._on_super,
    "builtins.dir": NotebookCalls._on_dir,
    "builtins.type": NotebookCalls._on_type,
    "IPython.get_ipython": NotebookCalls._on_shell,
}
