"""Literals in a cell: which expressions are made of constants alone, and the text a value is compared and kept by."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT_LIMIT = 500
"""The most characters a captured text, or the text of a captured container, may have."""

LEAF_LIMIT = 20
"""The most items, counted through all levels, that a captured container may hold."""

DEPTH_LIMIT = 3
"""How deep captured containers may be nested: ``[[[1]]]`` is the deepest."""

# Past these, arithmetic made of constants is not worked out: 10 ** 10 ** 10 would take the memory of the machine.
_BITS_LIMIT = 2048
_RESULT_BITS_LIMIT = 1 << 16
_ARITHMETIC_DEPTH = 50

_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
_BUILDERS: dict[type[ast.expr], type] = {ast.List: list, ast.Tuple: tuple, ast.Set: set}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}


class NotLiteralError(Exception):
    """An expression holds something else than constants."""


def literal_text(value: object) -> str | None:
    """Return how a value is written as a literal, or None when it is no literal or a large one.

    Only values whose exact type is a builtin one are looked at, item by item, so that no code of the user's runs; a
    container that holds itself is too deep. Sets are written in sorted order: theirs differs from kernel to kernel.
    """
    try:
        text = _write(value, 0, [LEAF_LIMIT])
    except (NotLiteralError, RuntimeError, ValueError):  # RuntimeError: another thread changes the container
        return None
    return text if len(text) <= TEXT_LIMIT or type(value) is str else None


def _write(value: object, depth: int, room: list[int]) -> str:
    kind = type(value)  # compared by identity: to compare or hash a type may run its metaclass
    if any(kind is container for container in _CONTAINERS):
        return _write_container(value, depth + 1, room)
    room[0] -= 1
    if depth and room[0] < 0:
        raise NotLiteralError
    if value is None or kind is bool or kind is float:
        return repr(value)
    if kind is int and value.bit_length() <= _BITS_LIMIT:  # type: ignore[attr-defined]
        return repr(value)
    if kind is str and len(value) <= TEXT_LIMIT:  # type: ignore[arg-type]
        return repr(value)
    raise NotLiteralError


def _write_container(value: Any, depth: int, room: list[int]) -> str:
    if depth > DEPTH_LIMIT or len(value) > LEAF_LIMIT:
        raise NotLiteralError
    if not value:
        room[0] -= 1
        if room[0] < 0:
            raise NotLiteralError
        return repr(value)
    if type(value) is dict:
        # a key is part of its item: it takes no room of its own
        pairs = [(_write(key, depth, [LEAF_LIMIT]), _write(item, depth, room)) for key, item in list(value.items())]
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    items = [_write(item, depth, room) for item in (_in_order(value) if type(value) is set else list(value))]
    return _CONTAINERS[type(value)].format(", ".join(items) + ("," if type(value) is tuple and len(items) == 1 else ""))


def _in_order(values: set[Any]) -> list[Any]:
    """Sort a set: numbers by size when there are only numbers, anything else by how it is written."""
    items = list(values)
    if all(type(item) is int or type(item) is float for item in items):
        return sorted(items)
    return sorted(items, key=lambda item: _write(item, 1, [LEAF_LIMIT]))


_CONTAINERS: dict[type, str] = {list: "[{}]", tuple: "({})", set: "{{{}}}", dict: ""}


def literal_value(node: ast.expr, depth: int = 0) -> Any:
    """Return the value of an expression made only of constants, or raise NotLiteralError.

    ArithmeticError says that it is made of constants, but is too large to be worked out here or raises when it runs.
    """
    if isinstance(node, ast.Constant):
        if type(node.value) in (int, float, str, bool, type(None)):
            return node.value  # the complex, bytes and ... that remain are none
    elif _is_arithmetic(node):
        return _arithmetic(node, _ARITHMETIC_DEPTH)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return _container(node, depth + 1)
    elif isinstance(node, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in node.values):
        return "".join(part.value for part in node.values)  # type: ignore[attr-defined]
    raise NotLiteralError


def _container(node: ast.List | ast.Tuple | ast.Set | ast.Dict, depth: int) -> Any:
    items = node.values if isinstance(node, ast.Dict) else node.elts
    if depth > DEPTH_LIMIT or len(items) > LEAF_LIMIT:
        raise OverflowError
    values = [literal_value(item, depth) for item in items]
    try:
        if isinstance(node, ast.Dict):
            return dict(zip([_key(key, depth) for key in node.keys], values, strict=True))
        return _BUILDERS[type(node)](values)
    except TypeError as error:  # an unhashable key
        raise NotLiteralError from error


def _key(key: ast.expr | None, depth: int) -> Any:
    if key is None:  # {**others}
        raise NotLiteralError
    return literal_value(key, depth)


def _is_arithmetic(node: ast.expr) -> bool:
    """Tell whether an expression is made of numbers and operators alone, however deeply nested."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.BinOp) and type(part.op) in _BINARY:
            waiting += [part.left, part.right]
        elif isinstance(part, ast.UnaryOp) and type(part.op) in _UNARY:
            waiting.append(part.operand)
        elif not isinstance(part, ast.Constant) or type(part.value) not in (int, float):
            return False
    return True


def _arithmetic(node: ast.expr, depth: int) -> int | float:
    """Work out what ``_is_arithmetic`` has accepted, within bounds."""
    if depth == 0:
        raise OverflowError
    if isinstance(node, ast.UnaryOp):
        return _number(_UNARY[type(node.op)], _arithmetic(node.operand, depth - 1))
    if isinstance(node, ast.BinOp):
        left, right = _arithmetic(node.left, depth - 1), _arithmetic(node.right, depth - 1)
        if isinstance(node.op, ast.Pow | ast.LShift) and _bits(left) * abs(right) > _RESULT_BITS_LIMIT:
            raise OverflowError
        return _number(_BINARY[type(node.op)], left, right)
    return cast(ast.Constant, node).value  # type: ignore[return-value]


def _bits(number: float) -> int:
    return number.bit_length() if isinstance(number, int) else 1


def _number(operation: Callable[..., Any], *operands: float) -> int | float:
    if any(type(operand) is int and operand.bit_length() > _BITS_LIMIT for operand in operands):
        raise OverflowError
    try:
        result = operation(*operands)
    except (TypeError, ValueError) as error:  # ~1.5, 1 << -1: they raise in the cell too
        raise ArithmeticError(str(error)) from error
    if type(result) is int or type(result) is float:
        return result
    raise NotLiteralError  # (-1) ** 0.5 is complex


def is_constant(node: ast.AST) -> bool:
    """Tell whether a node's own kind keeps an expression a literal when all its parts are literals."""
    if isinstance(node, ast.UnaryOp):
        return type(node.op) in _UNARY
    return isinstance(node, ast.Constant | ast.BinOp | ast.List | ast.Tuple | ast.Set | ast.Dict)
