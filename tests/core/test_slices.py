"""The slice of a result: which cells it depends on, and that these alone give the same value in a new shell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.notebook_shells import LIBRARIES, Shells
from tests.core.slice_cases import NAMES, Case
from tests.core.slice_cases_data import DATA
from tests.core.slice_cases_functions import FUNCTIONS
from tests.core.slice_cases_hard import HARD
from tests.core.slice_cases_hidden import HIDDEN, HIDDEN_DATA
from tests.core.slice_cases_models import MODELS
from tests.core.slice_cases_objects import OBJECTS
from tests.core.slice_cases_shell import PROCESS

from mltrack.provenance.observed import KEY
from mltrack.provenance.slicing import slice_executions
from mltrack.store.notebooks import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.provenance.slice import Slice

CASES = [*NAMES, *FUNCTIONS, *OBJECTS, *PROCESS, *HIDDEN, *DATA, *MODELS, *HIDDEN_DATA]


def execution(seq: int, source: str, *, status: str = "ok", metadata: str = "{}") -> Execution:
    return Execution(seq, None, seq, source, 0, 1, status, metadata, "[]")


def executions(cells: Sequence[str], failed: Sequence[int] = ()) -> list[Execution]:
    return [
        execution(number, cell, status="error" if number in failed else "ok") for number, cell in enumerate(cells, 1)
    ]


def observed_executions(cells: Sequence[str], whole: dict[str, Any]) -> list[Execution]:
    """The executions with what the kernel saw of them; the last has not run."""
    return [
        execution(
            number,
            cell,
            status="error" if number in whole["failed"] else "ok",
            metadata=json.dumps({KEY: seen}) if seen is not None else "{}",
        )
        for number, (cell, seen) in enumerate(zip(cells, [*whole["seen"], None], strict=True), 1)
    ]


def sliced(case: Case) -> Slice:
    return slice_executions(executions([*case.cells, case.result], case.failed), "r")


@pytest.fixture(scope="module")
def shells() -> Iterator[Shells]:
    found = Shells()
    yield found
    found.close()


@pytest.fixture(scope="module")
def large_shells() -> Iterator[Shells]:
    found = Shells(LIBRARIES)
    yield found
    found.close()


def check_alone(case: Case, shells: Shells) -> None:
    whole = shells.run(case.cells, case.result)
    alone = shells.run([step.source for step in sliced(case).steps[:-1]], case.result)
    assert tuple(whole["failed"]) == case.failed
    assert alone["value"] == whole["value"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_slice_is_the_expected(case: Case) -> None:
    kept = [step.seq for step in sliced(case).steps]
    assert kept == [*case.kept, len(case.cells) + 1]


@pytest.mark.parametrize("case", [*NAMES, *FUNCTIONS], ids=lambda case: case.name)
def test_slice_alone_gives_the_same(case: Case, shells: Shells) -> None:
    check_alone(case, shells)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_kernel_sees_takes_nothing_that_is_needed(case: Case, large_shells: Shells) -> None:
    whole = large_shells.run(case.cells, case.result)
    found = slice_executions(observed_executions([*case.cells, case.result], whole), "r")
    alone = large_shells.run([step.source for step in found.steps[:-1]], case.result)
    assert alone["value"] == whole["value"]


@pytest.mark.slow
@pytest.mark.parametrize(("cells", "result"), HARD, ids=range(len(HARD)))
def test_slice_alone_gives_the_same_however_hard(cells: tuple[str, ...], result: str, large_shells: Shells) -> None:
    whole = large_shells.run(cells, result)
    kept = slice_executions(executions([*cells, result], whole["failed"]), "r").steps[:-1]
    assert large_shells.run([step.source for step in kept], result)["value"] == whole["value"]
