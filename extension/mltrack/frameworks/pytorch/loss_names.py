"""What the user calls a loss: the variable that ``backward`` is called on, as their source has it."""

from __future__ import annotations

import ast
import linecache
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from types import CodeType, FrameType

Place: TypeAlias = "tuple[CodeType, int]"
"""A place in the code: the code and the number of the instruction."""
DEFAULT = "loss"
_BETWEEN = frozenset(
    {"torch", "accelerate", "lightning", "lightning_fabric", "pytorch_lightning", "contextlib", "mltrack"}
)
"""Packages whose functions stand between a loop and ``backward``."""


def callers_place(frame: FrameType) -> Place:
    """Give the place of the nearest call in the user's own code."""
    found: FrameType | None = frame
    while found is not None:
        if str(found.f_globals.get("__name__", "")).partition(".")[0] not in _BETWEEN:
            return found.f_code, found.f_lasti
        found = found.f_back
    return frame.f_code, frame.f_lasti


def name_at(place: Place) -> str:
    """Give ``loss_d`` for ``loss_d.backward()`` or ``scaler.scale(loss_d / 4).backward()``; else ``loss``."""
    try:
        tree = ast.parse(_source_at(place).strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return DEFAULT
    name = _name_in(_loss_in(tree)).strip("_")
    return name if len(name) > 1 else DEFAULT


def _source_at(place: Place) -> str:
    code, instruction = place
    line, last_line, start, end = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if line is None or last_line is None:
        return ""
    lines = [linecache.getline(code.co_filename, number).encode() for number in range(line, last_line + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]  # the columns count bytes
    return b"".join(lines).decode("utf-8", "replace")


def _loss_in(tree: ast.expr) -> ast.expr:
    """Give what goes backward in ``loss.backward()``, ``autograd.backward(loss)``, ``accelerator.backward(loss)``."""
    if not isinstance(tree, ast.Call):
        return tree
    if tree.args:
        return tree.args[0]
    return tree.func.value if isinstance(tree.func, ast.Attribute) else tree


def _name_in(tree: ast.expr) -> str:
    match tree:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.BinOp(left=left, op=ast.Div()):
            return _name_in(left)
        case ast.Call(func=ast.Attribute(attr="scale"), args=[first]):
            return _name_in(first)
    return DEFAULT
