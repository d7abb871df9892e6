"""The parameters of a run as literals in its cells: where each stands, and the cells with other values in their place.

A parameter that the run's cell bound stands in that cell, one that it read in the step that bound the name last. What
has no literal (``-p``, computed values) cannot be changed this way. Only the span of the literal is
rewritten: the rest of a cell stays as it was typed, its magics and comments among it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.entities import CapturedName
from mltrack.exceptions import InvalidParameterError
from mltrack.provenance.cell_literals import NotLiteralError
from mltrack.provenance.cell_plan import Span
from mltrack.provenance.literal_source import literal_of, source_of, typed_value
from mltrack.provenance.typed_cells import TypedCell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mltrack.provenance.cell_plan import Binding
    from mltrack.provenance.slice import Slice


@dataclass(frozen=True, slots=True)
class SliceParameter:
    """A parameter of a run: its value, and where its literal stands, as typed: the step's number and the span there.

    ``value`` is the literal's value, and the text that was logged where there is no literal; ``seq`` and ``span`` are
    None then.
    """

    name: str
    value: Any
    seq: int | None = None
    span: Span | None = None

    @property
    def settable(self) -> bool:
        """True when another value can be put in its place."""
        return self.span is not None


def parameters_of(
    found: Slice, captured: Sequence[CapturedName], params: Mapping[str, str]
) -> dict[str, SliceParameter]:
    """Give a run's parameters by name, those that were captured from its cell first, then the others of ``params``.

    Others, as those that a library's ``autolog`` or ``log_param`` logged, can be changed where the cell binds or reads
    that name, or one call in the steps is given it by keyword, as a literal of the value that was logged.
    """
    cells = [TypedCell(step) for step in found.steps]
    known: dict[str, SliceParameter] = {}
    for each in captured:
        if each.kind == "param":
            place = _place(each, cells, params.get(each.name))
            known[each.name] = place or SliceParameter(each.name, params.get(each.name, ""))
    for name, text in params.items():
        if name not in known:
            known[name] = _logged(name, cells, text) or SliceParameter(name, text)
    return known


def _logged(name: str, cells: Sequence[TypedCell], text: str) -> SliceParameter | None:
    """Find the literal of a parameter that was logged and not captured."""
    if not cells or not name.isidentifier():
        return None
    origin = "read" if name in cells[-1].plan.reads else "bound"
    return _place(CapturedName("param", name, origin), cells, text) or _keyword(name, cells, text)


def _keyword(name: str, cells: Sequence[TypedCell], text: str) -> SliceParameter | None:
    """Find the one call that is given the name by keyword, in the run's cell or, where there is none, in the others."""
    for some in (cells[-1:], cells[:-1]):
        given = [(cell, node.value) for cell in some for node in _keywords(cell.tree) if node.arg == name]
        spans = [(cell, cell.span_of(value)) for cell, value in given]
        if spans:
            cell, span = spans[0]
            place = _at(name, cell, span) if span is not None and len(spans) == 1 else None
            return place if place is not None and _is_value(place.value, text) else None
    return None


def _keywords(node: ast.AST) -> Iterator[ast.keyword]:
    """Give the keywords of all calls; not those in f-strings, whose places Python 3.11 does not know."""
    if isinstance(node, ast.keyword):
        yield node
    if not isinstance(node, ast.JoinedStr):
        for child in ast.iter_child_nodes(node):
            yield from _keywords(child)


def _place(where: CapturedName, cells: Sequence[TypedCell], text: str | None) -> SliceParameter | None:
    if not cells or where.origin not in ("bound", "read"):
        return None
    own = cells[-1]
    if where.origin == "bound" and where.line is not None:
        span = Span(where.line, where.column or 0, where.end_line or where.line, where.end_column or 0)
        found = _at(where.name, own, span)
        if found is not None:
            return found
    if where.origin == "bound":
        return _last_literal(where.name, own, text)
    binding = next((cell for cell in reversed(cells[:-1]) if where.name in cell.plan.bindings), None)
    return None if binding is None else _last_literal(where.name, binding, text)


def _at(name: str, cell: TypedCell, span: Span) -> SliceParameter | None:
    """Give the parameter whose literal stands at a span, if one does."""
    try:
        return SliceParameter(name, literal_of(cell.text_at(span)), cell.seq, span)
    except (NotLiteralError, IndexError):
        return None


def _last_literal(name: str, cell: TypedCell, text: str | None) -> SliceParameter | None:
    """Give the last literal of a cell that a name, bound to literals alone, ended with."""
    bindings = cell.plan.bindings.get(name, ())
    if not bindings or not all(_is_plain(binding) for binding in bindings):
        return None
    for binding in reversed(bindings):
        span = cell.typed_span(binding.span)
        found = None if span is None else _at(name, cell, span)
        if found is not None and (text is None or _is_value(found.value, text)):
            return found
    return None


def _is_plain(binding: Binding) -> bool:
    from_literal = binding.how.value in ("literal", "deleted")
    return from_literal and binding.place.name != "LOOP"


def _is_value(value: object, text: str) -> bool:
    """Tell whether a literal's value is the one that was logged: a text as it is, anything else as it is written."""
    if isinstance(value, str):
        return value == text or (len(text) >= 6000 and value.startswith(text))  # the store cuts what is longer
    try:
        return source_of(value) == text or source_of(literal_of(text)) == source_of(value)
    except (NotLiteralError, InvalidParameterError):
        return str(value) == text


def settable(found: Slice, captured: Sequence[CapturedName], params: Mapping[str, str]) -> dict[str, SliceParameter]:
    """Give the parameters whose values can be changed."""
    return {name: each for name, each in parameters_of(found, captured, params).items() if each.settable}


def checked_values(known: Mapping[str, SliceParameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values with typed texts as Python values of the literals' types.

    Raises
    ------
    InvalidParameterError
        When one names no parameter, or one that is no literal; it says which can be changed.
    """
    can = ", ".join(name for name, each in known.items() if each.settable) or "none"
    for name in values:
        if name not in known:
            raise InvalidParameterError(f"The run has no parameter {name[:80]!r}; those that can be changed: {can}.")
        if not known[name].settable:
            raise InvalidParameterError(
                f"The parameter {name[:80]!r} is no literal in a cell that the run depends on, so it cannot be "
                f"changed; those that can: {can}."
            )
    return {
        name: typed_value(value, known[name].value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def with_values(
    found: Slice, values: Mapping[str, Any], captured: Sequence[CapturedName], params: Mapping[str, str]
) -> list[str]:
    """Give the sources of a slice's steps, as typed, with other values where the parameters' literals stand.

    Raises
    ------
    InvalidParameterError
        When a value names no parameter that can be changed, or cannot be written as a literal.
    """
    known = parameters_of(found, captured, params)
    wanted = checked_values(known, values)
    return edited(found, edits_of({name: source_of(value) for name, value in wanted.items()}, known))


def edits_of(texts: Mapping[str, str], known: Mapping[str, SliceParameter]) -> dict[int, dict[Span, str]]:
    """Give, for each step by its number, the expressions to be put in place of parameters' literals, by their spans."""
    edits: dict[int, dict[Span, str]] = {}
    for name, text in texts.items():
        each = known[name]
        if each.seq is not None and each.span is not None:
            edits.setdefault(each.seq, {})[each.span] = text
    return edits


def edited(found: Slice, edits: Mapping[int, Mapping[Span, str]]) -> list[str]:
    """Give the sources of a slice's steps, as typed, with the edits made."""
    return [substitute(step.source, edits.get(step.seq, {})) for step in found.steps]


def substitute(source: str, texts: Mapping[Span, str]) -> str:
    """Put expressions into a source in place of what stands at their spans, in parentheses where words would run on."""
    starts = _line_starts(source)
    for span in sorted(texts, key=lambda each: (each.line, each.column), reverse=True):
        begin, end = starts[span.line - 1] + span.column, starts[span.end_line - 1] + span.end_column
        text = texts[span]
        if _runs_on(source[begin - 1 : begin], text[:1]) or _runs_on(text[-1:], source[end : end + 1]):
            text = f"({text})"
        source = source[:begin] + text + source[end:]
    return source


def _runs_on(before: str, after: str) -> bool:
    """Tell whether two characters would be read as one word, as in ``1if`` and ``else"b"``."""
    return _WORD.match(before) is not None and _WORD_OR_QUOTE.match(after) is not None


_WORD, _WORD_OR_QUOTE = re.compile(r"\w"), re.compile(r"[\w\"']")
_LINE_END = re.compile(r"\r\n|\r|\n")


def _line_starts(source: str) -> list[int]:
    """Give where each line of a source begins, in characters, by the line ends that Python knows."""
    return [0, *(found.end() for found in _LINE_END.finditer(source))]
