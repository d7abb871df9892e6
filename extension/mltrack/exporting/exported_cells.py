"""The cells of a run made ready to leave: parameters taken out, paths moved, secrets read from the environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltrack.exporting.beside import imported_by
from mltrack.exporting.literal_edits import is_masked, literal_edits, moved_value, without_overlaps
from mltrack.exporting.plain_python import without_tracking
from mltrack.exporting.tracker_lines import TrackerLines, tracker_lines
from mltrack.provenance.parameter_cells import free_name, parameter_cells, with_holder
from mltrack.provenance.rewriting import parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.exporting.literal_edits import MaskedSecret
    from mltrack.exporting.run_facts import RunFacts
    from mltrack.provenance.cell_plan import Span
    from mltrack.provenance.rewriting import SliceParameter
    from mltrack.provenance.slice import Slice

AUTOLOG_TAG = "mltrack.autolog"


@dataclass(frozen=True, slots=True)
class ExportedCells:
    """A run's cells, its parameters, and what both forms of an export are made from.

    ``parameters`` are those that can be set, ``fixed`` those that were given otherwise (``-p``), with their texts.
    """

    facts: RunFacts
    parameters: Mapping[str, SliceParameter]
    fixed: Mapping[str, str]
    secrets: tuple[MaskedSecret, ...]
    edits: Mapping[int, Mapping[Span, str]]

    @property
    def found(self) -> Slice:
        """The run's slice."""
        return self.facts.found

    @property
    def sources(self) -> list[str]:
        """The steps as typed."""
        return [step.source for step in self.found.steps]

    @property
    def imports(self) -> tuple[str, ...]:
        """The roots of the modules that the steps import."""
        return self.found.imports or imports_of(self.found)

    def tracking(self, params: str) -> TrackerLines:
        """Make the lines that log the run; ``params`` is the expression of a dict of the parameters that can be set."""
        metrics = [each.name for each in self.facts.captured if each.kind == "metric"]
        fixed = ", ".join(f"{name!r}: {text!r}" for name, text in self.fixed.items())
        given = f"{{**{params}, {fixed}}}" if fixed else params
        autologged = AUTOLOG_TAG in self.facts.run.data.tags
        sources = [without_tracking(source) for source in self.sources]
        return tracker_lines(sources, metrics=metrics, params=given, autologged=autologged, imports=self.imports)

    def for_notebook(self) -> tuple[str, str, list[str], str]:
        """Give the parameters' cell, the one that keeps their values, the steps, and the name they are kept under."""
        cells = parameter_cells(self.found, self.parameters, self.edits)
        return cells.cell, cells.keep([*self.parameters]), cells.sources, cells.holder

    def for_script(self) -> tuple[str, list[str]]:
        """Give the name of a script's arguments, and the steps that use them."""
        holder = free_name("arguments", self.sources)
        return holder, with_holder(self.found, self.parameters, holder, self.edits)


def prepare(facts: RunFacts, moved: Callable[[str], str]) -> ExportedCells:
    """Make a run's cells ready; ``moved`` gives what a text becomes where it names a path of this machine."""
    everything = parameters_of(facts.found, facts.captured, facts.params)
    known = {
        name: replace(each, value=moved_value(each.value, moved))
        for name, each in everything.items()
        if each.settable and not is_masked(each.value)
    }
    options = {each.name for each in facts.captured if each.origin == "option"}
    fixed = {name: facts.params[name] for name in everything if name in options and name in facts.params}
    edits = literal_edits(facts.found, moved)
    return ExportedCells(facts, known, fixed, tuple(edits.secrets), without_overlaps(edits, known))


def imports_of(found: Slice) -> tuple[str, ...]:
    """Give the roots of the modules that the steps import by statements, sorted."""
    return tuple(sorted(set().union(*(imported_by(step.python) for step in found.steps))))
