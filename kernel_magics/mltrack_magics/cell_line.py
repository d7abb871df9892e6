"""The ``%%track_run`` line of a cell: found, parsed, and taken off, so that the cell itself runs as a plain cell.

A classic cell magic would run its body a second time through IPython, and ``await``, last values, magics and tracebacks
would change. So an input transformer takes the line off, and the hooks around the cell read it from the raw text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.utils.text import DollarFormatter

from mltrack.provenance.track_line import MAGIC, find_line, lines_without
from mltrack_magics.options import TRACK_RUN, parse_assignments

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAGIC", "CellOptions", "expand", "fault_of", "find_line", "parse_line", "take_line_off"]

_EXPANDS = "${"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|\$\$?\w+(?:\.\w+)*")


@dataclass(frozen=True, slots=True)
class CellOptions:
    """What the ``%%track_run`` line says."""

    name: str | None
    experiment: str | None
    tags: Mapping[str, str]
    params: Mapping[str, str]
    nested: bool
    system_metrics: bool
    capture: bool
    snapshot: bool
    autolog: bool
    live: bool
    quiet: bool
    cache: bool = False


def parse_line(text: str, namespace: Mapping[str, object] | None = None) -> CellOptions:
    """Read the arguments of a ``%%track_run`` line; UsageError when they are wrong.

    ``$name`` and ``{expression}`` are filled in from the namespace, as IPython does for its magics.
    """
    if namespace is not None and any(mark in text for mark in _EXPANDS):
        text = expand(text, namespace)
    found = TRACK_RUN.parse(text)
    return CellOptions(
        name=" ".join(found.name) or None,
        experiment=found.experiment,
        tags=parse_assignments(found.tag, f"{MAGIC} -t"),
        params=parse_assignments(found.param, f"{MAGIC} -p"),
        nested=found.nested,
        system_metrics=found.system_metrics,
        capture=not found.no_capture,
        snapshot=not found.no_snapshot,
        autolog=not found.no_autolog,
        cache=found.cache,
        live=found.live,
        quiet=found.quiet,
    )


def expand(text: str, namespace: Mapping[str, object]) -> str:
    """Fill in ``$name`` and ``{expression}``; what cannot be is left as it is, as IPython leaves it."""
    try:
        return DollarFormatter().vformat(text, args=(), kwargs=dict(namespace))
    except Exception:
        return text


def take_line_off(lines: list[str]) -> list[str]:
    """Input transformer: take the ``%%track_run`` line off, so that the rest runs as a plain cell.

    A line that is wrong becomes a statement that says so, and nothing of the cell runs.
    """
    found = find_line("".join(lines))
    if found is None:
        return lines
    number, arguments = found
    fault = fault_of(arguments)
    if fault is not None:
        return [_statement(fault)]
    return lines_without(lines, number)


def fault_of(arguments: str) -> str | None:
    """Say what is wrong with a line before its ``$names`` are filled in, or None."""
    try:
        parse_line(_PLACEHOLDER.sub("x=x", arguments))
    except UsageError as error:
        return str(error)
    return None


def _statement(message: str) -> str:
    # A hook cannot stop a cell; IPython shows a UsageError as one line.
    return f"raise __import__('IPython.core.error', fromlist=['UsageError']).UsageError({message!r})\n"
