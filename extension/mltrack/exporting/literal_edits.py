"""Texts in cells that cannot leave as they are: paths of this machine, and secrets that were masked.

A path that a cell names whole becomes one inside the project; what was masked is read from an environment variable.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.masking import MASK
from mltrack.provenance.typed_cells import TypedCell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mltrack.provenance.cell_plan import Span
    from mltrack.provenance.rewriting import SliceParameter
    from mltrack.provenance.slice import Slice


@dataclass(frozen=True, slots=True)
class MaskedSecret:
    """A secret that was masked: where it stood, and the environment variable that the exported code reads instead.

    ``variable`` is None where no expression can stand, as in a comment or an f-string.
    """

    step: int
    line: int
    variable: str | None


@dataclass(slots=True)
class LiteralEdits:
    """Expressions to be put in place of texts, by step and place; and the secrets that were found."""

    texts: dict[int, dict[Span, str]] = field(default_factory=dict)
    secrets: list[MaskedSecret] = field(default_factory=list)


def literal_edits(found: Slice, moved: Callable[[str], str]) -> LiteralEdits:
    """Find the texts that cannot leave; ``moved`` gives what a text becomes where it names a path of this machine."""
    edits = LiteralEdits()
    used: set[str] = set()
    for step in found.steps:
        cell = TypedCell(step)
        lines = {number for number, line in enumerate(cell.lines, 1) if MASK in line}
        for node, hint in _texts(cell.tree, ""):
            span = cell.span_of(node)
            text = str(node.value)
            if span is None:
                continue
            if MASK in text:
                name = _variable(hint, used)
                edits.texts.setdefault(step.seq, {})[span] = _reading(text, name)
                edits.secrets.append(MaskedSecret(step.seq, span.line, name))
                lines -= set(range(span.line, span.end_line + 1))
            elif moved(text) != text:
                edits.texts.setdefault(step.seq, {})[span] = repr(moved(text))
        edits.secrets += [MaskedSecret(step.seq, line, None) for line in sorted(lines)]
    return edits


def without_overlaps(edits: LiteralEdits, known: dict[str, SliceParameter]) -> dict[int, dict[Span, str]]:
    """Give the edits that touch no parameter's literal, whose value is written anew."""
    taken = {(each.seq, each.span) for each in known.values() if each.span is not None}
    return {
        seq: {
            span: text for span, text in texts.items() if not any(s == seq and _holds(o, span) for s, o in taken if o)
        }
        for seq, texts in edits.texts.items()
    }


def _holds(outer: Span, inner: Span) -> bool:
    begins = (outer.line, outer.column) <= (inner.line, inner.column)
    return begins and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)


def moved_value(value: Any, moved: Callable[[str], str]) -> Any:
    """Give a parameter's value with the paths in it moved."""
    if isinstance(value, str):
        return moved(value)
    if isinstance(value, dict):
        return {moved_value(key, moved): moved_value(item, moved) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(moved_value(item, moved) for item in value)
    return value


def is_masked(value: object) -> bool:
    """Tell whether something of a parameter's value was masked."""
    return MASK in repr(value)


def _texts(node: ast.AST, hint: str) -> Iterator[tuple[ast.Constant, str]]:
    """Give the texts of a tree where an expression may stand, and the name that each is given to."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node, hint
        return
    if isinstance(node, (ast.JoinedStr, ast.MatchValue)) or _is_bare_text(node):
        return
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                yield from _texts(key, hint)
            yield from _texts(value, str(key.value) if isinstance(key, ast.Constant) else hint)
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child, _hint_of(node) or hint)


def _is_bare_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _hint_of(node: ast.AST) -> str:
    if isinstance(node, ast.keyword):
        return node.arg or ""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    if isinstance(target, ast.Subscript):
        target = target.slice
    if isinstance(target, ast.Constant):
        return str(target.value)
    return getattr(target, "id", "") or getattr(target, "attr", "")


def _variable(hint: str, used: set[str]) -> str:
    stem = re.sub(r"[^A-Z0-9_]", "_", hint.upper()).strip("_")[:60]
    stem = stem if stem and not stem[0].isdigit() else "SECRET"
    name, number = stem, 1
    while name in used:
        number += 1
        name = f"{stem}_{number}"
    used.add(name)
    return name


def _reading(text: str, variable: str) -> str:
    """Write an expression that gives the text with the variable's value in place of the mask."""
    value = f'__import__("os").environ["{variable}"]'
    before, _, after = text.partition(MASK)
    parts = [*([repr(before)] if before else []), value, *([repr(after)] if after else [])]
    return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"
