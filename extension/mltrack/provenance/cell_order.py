"""Steps that a run from the top of the notebook to its bottom would not repeat in the order in which they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance.cell_facts import facts_of
from mltrack.provenance.evidence import listed
from mltrack.provenance.slice import ORDER, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mltrack.provenance.evidence import Evidence
    from mltrack.provenance.slice import Step

# Libraries whose fit goes on from where the last one ended; in others it starts anew.
_TRAIN_ON = frozenset({"keras", "tensorflow", "tf_keras", "torch", "lightning", "pytorch_lightning"})


def find_disorder(evidence: Evidence) -> Iterator[Finding]:
    """Find cells that the result needs more than once, and cells that stand where they come too late or too early."""
    repeated = set()
    for finding in _repeated(evidence):
        repeated.add(finding.cell_id)
        yield finding
    if not evidence.cells:
        return
    for step in evidence.steps:
        yield from _misplaced(evidence, step)


def _repeated(evidence: Evidence) -> Iterator[Finding]:
    steps: dict[str, list[Step]] = {}
    for step in evidence.steps:
        if step.cell_id is not None:
            steps.setdefault(step.cell_id, []).append(step)
    for cell_id, same in steps.items():
        if len(same) > 1 and all(_builds_on_itself(evidence, step) for step in same):
            last = same[-1]
            names = tuple(sorted(_own_names(evidence, last)))
            text = (
                f"{evidence.heading(last.seq)} ran {len(same)} times and the result needs each of them: "
                "from top to bottom it runs once. Write the repetition as a loop."
            )
            yield Finding(ORDER, text, last.seq, cell_id, names)


def _builds_on_itself(evidence: Evidence, step: Step) -> bool:
    """Tell whether an execution of a cell goes on from where the last one of it ended."""
    seen = evidence.seen(step)
    draws = seen is not None and bool(seen.random) and not facts_of(step.source).only_defines
    writes = seen is not None and any(each.get("mode") == "w" for each in seen.files)
    return bool(_own_names(evidence, step)) or draws or writes


def _own_names(evidence: Evidence, step: Step) -> frozenset[str]:
    """Give the names that a cell reads and then binds or changes."""
    facts = facts_of(step.source)
    goes_on = {name for name in facts.fits if evidence.type_of(name, step.seq).partition(".")[0] in _TRAIN_ON}
    return (facts.reads & (facts.binds | facts.changes | goes_on)) - facts.imports


def _misplaced(evidence: Evidence, step: Step) -> Iterator[Finding]:
    """Find what a step would get from another cell, or from none, were the notebook run from its top."""
    here = evidence.place(step)
    if here is None:
        return
    wrong: dict[tuple[int, int | None], list[str]] = {}
    for name, given in _givers(evidence, step).items():
        place = evidence.place(given)
        if place is None or place == here:
            continue
        nearest = _nearest(evidence, name, here)
        if nearest != place and not _is_same_import(evidence, name, given, nearest):
            wrong.setdefault((given.seq, nearest), []).append(name)
    late = _late_changes(evidence, step, here)
    for (seq, nearest), names in wrong.items():
        late.pop(seq, None)
        yield _finding(evidence, step, (seq, nearest), tuple(names))
    for seq, name in late.items():
        yield _finding(evidence, step, (seq, None), (name,))


def _givers(evidence: Evidence, step: Step) -> Mapping[str, Step]:
    """Give for each name that a step reads the step that bound it last before."""
    found: dict[str, Step] = {}
    reads = facts_of(step.source).reads_now
    for each in evidence.steps:
        if each.seq < step.seq:
            found.update(dict.fromkeys(reads & evidence.bound_by(each), each))
    return found


def _nearest(evidence: Evidence, name: str, here: int) -> int | None:
    """Give the place of the last cell above that binds a name."""
    places = range(here - 1, -1, -1)
    return next((place for place in places if name in _bound_in_file(evidence, place)), None)


def _bound_in_file(evidence: Evidence, place: int) -> frozenset[str]:
    found = facts_of(evidence.cells[place].source).binds
    for step in evidence.steps:
        if evidence.place(step) == place:
            found |= evidence.bound_by(step)
    return found


def _is_same_import(evidence: Evidence, name: str, given: Step, nearest: int | None) -> bool:
    if nearest is None or name not in facts_of(given.source).imports:
        return False
    return name in facts_of(evidence.cells[nearest].source).imports


def _late_changes(evidence: Evidence, step: Step, here: int) -> dict[int, str]:
    """Find steps that changed what a step reads before it ran, and that stand below it."""
    reads = facts_of(step.source).reads_now
    found = {}
    for each in evidence.steps:
        place = evidence.place(each)
        facts = facts_of(each.source)
        changed = sorted((facts.changes | facts.fits) & reads)
        if each.seq < step.seq and place is not None and place > here and changed:
            found[each.seq] = changed[0]
    return found


def _finding(evidence: Evidence, step: Step, wrong: tuple[int, int | None], names: tuple[str, ...]) -> Finding:
    seq, nearest = wrong
    given = next(each for each in evidence.steps if each.seq == seq)
    cell, user = evidence.label(seq), evidence.label(step.seq)
    below = (evidence.place(given) or 0) > (evidence.place(step) or 0)
    if below:
        given_names = listed(names)
        text = (
            f"{evidence.heading(seq)}, which gives {given_names}, ran before {user} and stands below it: move it above."
        )
    else:
        other = "another cell" if nearest is None else f"a cell between them ({_first_line(evidence, nearest)})"
        text = (
            f"{evidence.heading(step.seq)} took {listed(names)} from {cell}; from top to bottom {other} would give it: "
            "run the cells in their order, or remove that one."
        )
    return Finding(ORDER, text, seq, given.cell_id, names)


def _first_line(evidence: Evidence, place: int) -> str:
    lines = [line.strip() for line in evidence.cells[place].source.splitlines() if line.strip()]
    return lines[0][:40] if lines else "empty"
