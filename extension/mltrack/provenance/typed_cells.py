"""A step of a slice as it was typed, beside the Python that IPython made of it: which place is which."""

from __future__ import annotations

import ast
import re
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

from mltrack.provenance.cell_names import inner_source, plan_cell
from mltrack.provenance.cell_plan import CellPlan, Span

if TYPE_CHECKING:
    from mltrack.provenance.slice import Step

_LINE_END = re.compile(r"\r\n|\r|\n")


class TypedCell:
    """The source of a step, and what its Python binds and reads."""

    def __init__(self, step: Step) -> None:
        self.seq = step.seq
        self.source = step.source
        inner = inner_source(step.python)
        self.python = step.python if inner is None else inner[0]

    @cached_property
    def plan(self) -> CellPlan:
        """What the cell binds and reads; places are those of its Python."""
        return plan_cell(self.python)

    @cached_property
    def lines(self) -> list[str]:
        """The lines as typed, without their ends, as Python counts them."""
        return _LINE_END.split(self.source)

    @cached_property
    def python_lines(self) -> list[str]:
        """The lines of its Python, without their ends."""
        return _LINE_END.split(self.python)

    @cached_property
    def _offset(self) -> int:
        """How many lines of the typed cell stand above its Python."""
        typed, python = (len(_LINE_END.split(text.rstrip())) for text in (self.source, self.python))
        return max(0, typed - python)

    def typed_span(self, span: Span | None) -> Span | None:
        """Give the place as typed of a place in the Python; None where IPython rewrote those lines."""
        if span is None:
            return None
        shifts = {self._shift(line) for line in range(span.line, span.end_line + 1)}
        if len(shifts) != 1 or None in shifts:
            return None
        shift = shifts.pop() or 0
        offset = self._offset
        return Span(span.line + offset, span.column + shift, span.end_line + offset, span.end_column + shift)

    def _shift(self, line: int) -> int | None:
        """Give how many columns of indentation IPython took off a line, or None where it is another line."""
        if line > len(self.python_lines) or line + self._offset > len(self.lines):
            return None
        python, typed = self.python_lines[line - 1], self.lines[line + self._offset - 1]
        shift = len(typed) - len(python)
        is_same = shift >= 0 and typed[shift:] == python and not typed[:shift].strip()
        return shift if is_same else None

    def text_at(self, span: Span) -> str:
        """Give what stands at a place as typed."""
        if span.line == span.end_line:
            return self.lines[span.line - 1][span.column : span.end_column]
        middle = self.lines[span.line : span.end_line - 1]
        first, last = self.lines[span.line - 1][span.column :], self.lines[span.end_line - 1][: span.end_column]
        return "\n".join([first, *middle, last])

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of its Python; an empty one when it does not parse."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.python)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.Module(body=[], type_ignores=[])

    def span_of(self, node: ast.expr | ast.stmt) -> Span | None:
        """Give where a node of the tree stands as typed, or None where IPython rewrote those lines."""
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        begin_column, end_column = self._column(node.lineno, node.col_offset), self._column(end_line, end)
        return self.typed_span(Span(node.lineno, begin_column, end_line, end_column))

    def line_of(self, node: ast.stmt) -> int:
        """Give the line as typed where a statement begins, also where IPython rewrote it."""
        return node.lineno + self._offset

    def _column(self, line: int, offset: int) -> int:
        """Turn the syntax tree's offset, in bytes of UTF-8, into one in characters."""
        return len(self.python_lines[line - 1].encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace"))
