"""Which texts of an exported program are harmless, although PyTorch evaluates them or makes Python of them."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_WORD = re.compile(r"[\w.:+ -]{0,300}")
_ARGUMENT = re.compile(r"[\w.:+ ,>-]{0,300}")  # as the equation of einsum
_NAME = re.compile(r"[A-Za-z_]\w*")
_SYMBOL = re.compile(r"[a-z]{1,3}\d+")
_ATEN = re.compile(r"torch\.ops\.aten\.(?P<name>[a-z]\w*|_[a-z]\w*)\.\w+")
_FILES = frozenset({"save", "from_file"})  # operators that read or write files
_OTHER_TARGETS = re.compile(
    r"torch\.ops\.higher_order\.(cond|wrap_with_set_grad_enabled|wrap_with_autocast|while_loop|scan|map_impl)"
    r"|torch\.sym_(float|int|ite|max|min|not|sqrt|sum|fresh_size)"
    r"|_operator\.(add|and_|eq|floordiv|ge|getitem|gt|le|lt|mod|mul|ne|neg|not_|or_|pos|sub|truediv)"
    r"|math\.(ceil|floor|trunc|sqrt)"
)
_FUNCTIONS = frozenset({
    *("Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Max", "Min", "Mod", "PythonMod", "FloorDiv", "CleanDiv"),
    *("CeilDiv", "IntTrueDiv", "ModularIndexing", "Where", "ToFloat", "TruncToInt", "Eq", "Ne", "Lt", "Le", "Gt", "Ge"),
    *("Equality", "Unequality", "StrictLessThan", "LessThan", "GreaterThan", "StrictGreaterThan", "And", "Or", "Not"),
})  # fmt: skip
_METHODS = frozenset({"size", "stride", "storage_offset", "dim"})
_CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict")
_PLAIN_NODES = (
    *(ast.Expression, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Load, ast.cmpop, ast.boolop, ast.unaryop),
    *(ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.keyword),
)
_LONGEST = 2000


def why_unsafe_program(document: Any) -> str | None:
    """Say which text of a program could run code; None when none could.

    The program is made Python and executed: names, operators, sizes that are formulas, conditions on inputs.
    """
    return _why_unsafe_value("program", document)


def _why_unsafe_value(key: str, value: Any) -> str | None:
    if key == "metadata":
        return None  # where in the source each operator was: shown, never executed
    if isinstance(value, str):
        return None if _CHECKS.get(key, _is_word)(value) else f"the {key[:40]} {value[:80]!r}"
    if isinstance(value, list):
        return next((found for each in value if (found := _why_unsafe_value(key, each)) is not None), None)
    if isinstance(value, dict):
        for name, each in value.items():
            if not _is_word(name):
                return f"the name {name[:80]!r}"
            found = _why_unsafe_value(name, each)
            if found is not None:
                return found
    return None


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def _is_argument(text: str) -> bool:
    return _ARGUMENT.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    return not text or _NAME.fullmatch(text) is not None


def is_target(text: str) -> bool:
    """Say whether what a node calls is an operator of PyTorch's that computes."""
    found = _ATEN.fullmatch(text)
    return found["name"] not in _FILES if found else _OTHER_TARGETS.fullmatch(text) is not None


def is_formula(text: str) -> bool:
    """Say whether a size that sympy evaluates is made of symbols, numbers and sympy's functions."""
    return _is_made_of(text, _is_formula_node)


def is_guard(text: str) -> bool:
    """Say whether a condition on the inputs is made of their sizes and comparisons."""
    return _is_made_of(text, _is_guard_node)


def _is_made_of(text: str, is_allowed: Callable[[ast.AST], bool]) -> bool:
    if len(text) > _LONGEST or "\n" in text:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(node, _PLAIN_NODES) or is_allowed(node) for node in ast.walk(tree))


def _is_formula_node(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
    if isinstance(node, ast.Name):
        return node.id in _FUNCTIONS or _SYMBOL.fullmatch(node.id) is not None or node.id in ("true", "false")
    if isinstance(node, ast.Constant):
        return _is_number(node.value) or (isinstance(node.value, str) and _SYMBOL.fullmatch(node.value) is not None)
    return False


def _is_guard_node(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) or (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS)
    if isinstance(node, ast.Attribute):
        return node.attr in _METHODS and isinstance(node.value, ast.Subscript)
    if isinstance(node, ast.Name):
        return node.id in _FUNCTIONS or node.id == "L"
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant)
    if isinstance(node, ast.Constant):
        return _is_number(node.value) or (isinstance(node.value, str) and _NAME.fullmatch(node.value) is not None)
    return False


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, (int, float))


def is_treespec(text: str) -> bool:
    """Say whether the shape of the arguments is made of tuples, lists, and dicts with plain names."""
    try:
        version, tree = json.loads(text)
        return version == 1 and _is_tree(tree)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _is_tree(node: Any) -> bool:
    context = json.loads(node["context"]) if node["context"] is not None else None
    names = context if context is not None else []
    plain = isinstance(names, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)
    return plain and node["type"] in _CONTAINERS and all(_is_tree(child) for child in node["children_spec"])


_CHECKS: dict[str, Callable[[str], bool]] = {
    "target": is_target,
    "as_operator": is_target,
    "expr_str": is_formula,
    "guards_code": is_guard,
    "in_spec": is_treespec,
    "out_spec": is_treespec,
    "as_string": _is_argument,
    "as_strings": _is_argument,
    "name": _is_name,
    "forward_arg_names": _is_name,
}
