"""A text that is the same for a cell that would give the same: its code, what it reads, its files, its environment."""

from __future__ import annotations

import ast
import hashlib
import json
from typing import TYPE_CHECKING, Any

from mltrack.provenance.cell_names import inner_source, plan_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.provenance.cell_plan import CellPlan
    from mltrack.provenance.slice import Step

_STAR = "import *"


def cache_key(
    steps: Sequence[Step], pins: Mapping[str, str], *, environment: Mapping[str, Any], options: Mapping[str, Any]
) -> str | None:
    """Give the key of a cell that is about to run, or None when something it depends on is not known.

    ``steps`` are what it depends on, itself the last; ``pins`` are the names that it reads whose values are known, with
    their digests, so that the steps that made them are not among ``steps``. Comments and white space do not count.
    """
    code = [_code(step) for step in steps]
    files = [found for step in steps[:-1] for found in _files(step)]
    if None in code or any(digest is None for _, digest in files):
        return None
    document = [code, sorted(pins.items()), sorted(files), environment, options]
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def plan_of(step: Step) -> CellPlan:
    """Give what a step binds and reads, below ``%%time`` too."""
    inner = inner_source(step.python)
    return plan_cell(step.python if inner is None else inner[0])


def unknown_names(steps: Sequence[Step], known: frozenset[str]) -> list[str]:
    """Give the names that the last step reads from outside and that no other step binds."""
    if any(_STAR in step.python for step in steps):
        return []
    bound = {name for step in steps[:-1] for name in plan_of(step).bindings}
    return [name for name in plan_of(steps[-1]).reads if name not in bound and name not in known]


def _code(step: Step) -> str | None:
    try:
        return ast.dump(ast.parse(step.python)) if step.python.strip() or not step.source.strip() else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _files(step: Step) -> list[tuple[str, str | None]]:
    """Give the files that a step was seen to read: path and digest, None where that is not known."""
    if step.observed is None:
        return []
    return [(str(each.get("path")), each.get("sha256")) for each in step.observed.files if each.get("mode") == "r"]
