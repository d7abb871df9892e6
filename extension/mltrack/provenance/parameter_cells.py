"""The steps of a slice with their parameters taken out: into a cell that papermill knows, or a script's arguments."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltrack.provenance.cell_plan import Place, Span
from mltrack.provenance.literal_source import source_of
from mltrack.provenance.rewriting import edited, edits_of, parameters_of
from mltrack.provenance.typed_cells import TypedCell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.entities import CapturedName
    from mltrack.provenance.rewriting import SliceParameter
    from mltrack.provenance.slice import Slice

    Edits = Mapping[int, Mapping[Span, str]]


@dataclass(frozen=True, slots=True)
class ParameterCells:
    """A cell that binds parameters, and the sources of the steps, which take theirs from it.

    Between them must come a cell that keeps all values in a dict called ``holder``, and deletes the names of ``held``:
    other steps bind or read those names before the parameter's own.
    """

    cell: str
    sources: list[str]
    holder: str
    held: tuple[str, ...]

    def keep(self, names: Sequence[str]) -> str:
        """Give the cell in between."""
        kept = ", ".join(f'"{name}": {name}' for name in names)
        return f"{self.holder} = {{{kept}}}" + (f"\ndel {', '.join(self.held)}" if self.held else "")


def as_parameters(found: Slice, captured: Sequence[CapturedName], params: Mapping[str, str]) -> tuple[str, list[str]]:
    """Give a cell that binds the parameters which can be changed, and the sources of the steps, which use it.

    The sources have one more than the slice has steps where values must be kept before the first step; see
    ``ParameterCells``.
    """
    known = {name: each for name, each in parameters_of(found, captured, params).items() if each.settable}
    cells = parameter_cells(found, known)
    return cells.cell, [*([cells.keep([*cells.held])] if cells.held else []), *cells.sources]


def parameter_cells(found: Slice, known: Mapping[str, SliceParameter], others: Edits | None = None) -> ParameterCells:
    """Take the parameters out of a slice's steps; ``others`` are edits that are made too.

    The statement of a parameter that nothing else binds is moved to the cell; elsewhere the name stands in place of the
    literal, or what holds its value where the name may be another thing before.
    """
    cells = [TypedCell(step) for step in found.steps]
    simple = {name for name, each in known.items() if _is_simple(each, cells)}
    holder = free_name("given", [step.source for step in found.steps])
    texts = {name: name if name in simple else f'{holder}["{name}"]' for name in known}
    lines = {name: f"{name} = {source_of(each.value)}" for name, each in known.items()}
    places = dict(known)
    for name in simple:
        statement = _statement(known[name], cells)
        if statement is not None:
            span, comment = statement
            places[name], texts[name] = replace(known[name], span=span), ""
            lines[name] += comment
    held = tuple(name for name in known if name not in simple)
    return ParameterCells(
        "\n".join(lines.values()), edited(found, _joined(edits_of(texts, places), others)), holder, held
    )


def with_holder(
    found: Slice, known: Mapping[str, SliceParameter], holder: str, others: Edits | None = None
) -> list[str]:
    """Give the sources of the steps with ``holder.NAME`` in place of each parameter's literal."""
    return edited(found, _joined(edits_of({name: f"{holder}.{name}" for name in known}, known), others))


def _joined(edits: dict[int, dict[Span, str]], others: Edits | None) -> dict[int, dict[Span, str]]:
    for seq, texts in (others or {}).items():
        edits[seq] = {**texts, **edits.get(seq, {})}
    return edits


def free_name(name: str, sources: Iterable[str]) -> str:
    """Give the name, with underscores at its end until no source holds it."""
    sources = list(sources)
    while any(re.search(rf"\b{name}\b", source) for source in sources):
        name += "_"
    return name


def _is_simple(parameter: SliceParameter, cells: Sequence[TypedCell]) -> bool:
    """Tell whether a name may hold its value from the first step on: no other place of the steps knows it before."""
    name = parameter.name
    number = next(number for number, cell in enumerate(cells) if cell.seq == parameter.seq)
    own, before, after = cells[number], cells[:number], cells[number + 1 :]
    if hasattr(builtins, name) or name in own.plan.reads or any(name in cell.plan.bindings for cell in after):
        return False
    bindings = own.plan.bindings.get(name, ())
    in_one_statement = len({binding.end_line for binding in bindings}) == 1
    if not in_one_statement or any(binding.place is Place.LOOP for binding in bindings):
        return False
    word = re.compile(rf"\b{re.escape(name)}\b|\bimport\s*\*|\bexec\b|\bglobals\b")
    return not any(word.search(cell.source) for cell in before)


def _statement(parameter: SliceParameter, cells: Sequence[TypedCell]) -> tuple[Span, str] | None:
    """Give the whole lines of ``NAME = LITERAL`` at the top of a cell, if nothing but a comment stands beside it.

    The comment comes with them, with the blanks before it.
    """
    cell = next(cell for cell in cells if cell.seq == parameter.seq)
    if len(cell.plan.bindings.get(parameter.name, ())) != 1:
        return None
    for node in cell.tree.body:
        if _target_of(node) == parameter.name and node.col_offset == 0:
            return _whole_lines(cell, node)
    return None


def _target_of(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AnnAssign):
        target = node.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _whole_lines(cell: TypedCell, node: ast.stmt) -> tuple[Span, str] | None:
    span = cell.span_of(node)
    if span is None:
        return None
    rest = cell.lines[span.end_line - 1][span.end_column :]
    if rest.strip() and not rest.lstrip().startswith("#"):
        return None
    if span.end_line < len(cell.lines):
        return Span(span.line, 0, span.end_line + 1, 0), rest.rstrip()
    return Span(span.line, 0, span.end_line, len(cell.lines[span.end_line - 1])), rest.rstrip()
