"""Slices of runs of real kernels, which saw what their cells did; each slice is run alone in a new kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.notebook_shells import LIBRARIES, Shells
from tests.core.test_slices import CASES, sliced
from tests.magics.kernels import running_kernel

from mltrack.provenance.slicing import slice_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.slice_cases import Case

# What forks of one process would hide: modules that another cell imported, the shell itself, the event loop.
NAMES = (
    *("submodule imported elsewhere", "star import", "run a file", "await", "shell command gives lines"),
    *("last output", "timed cell", "failed half way", "file written and read", "random, seeded", "captured output"),
    *("split, fit, predict", "pipeline", "written and read", "plots"),
)
CHOSEN = [case for case in CASES if case.name in NAMES]


def test_all_are_there() -> None:
    assert len(CHOSEN) == len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_slice_of_a_run_alone_gives_the_same(case: Case, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "alone").mkdir()
    with running_kernel(tmp_path / "whole", MPLBACKEND="Agg") as kernel:
        for cell in case.cells:
            kernel.run(cell)
        _, run = kernel.track(f"result = repr({case.result})")
        whole = kernel.evaluate("result")
        kernel.settle()
        found = slice_of(run, store=kernel.store)
    with running_kernel(tmp_path / "alone", load=False, MPLBACKEND="Agg") as kernel:
        for step in found.steps:
            kernel.run(step.python)
        assert kernel.evaluate("result") == whole
    expected = [case.cells[number - 1] for number in case.kept]
    assert {step.source for step in found.steps[:-1]} <= set(expected)


@pytest.fixture(scope="module")
def shells() -> Iterator[Shells]:
    found = Shells(LIBRARIES)
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_slice_alone_in_a_new_kernel_gives_what_the_whole_gave(case: Case, shells: Shells, tmp_path: Path) -> None:
    whole = shells.run(case.cells, case.result)
    with running_kernel(tmp_path, load=False, MPLBACKEND="Agg", PYTHONHASHSEED="0") as kernel:
        # what stands for the extension's own magic, as in the shells
        kernel.evaluate("get_ipython().run_line_magic('alias_magic', 'mltrack precision')")
        for step in sliced(case).steps[:-1]:
            kernel.run(step.python or step.source)
        assert kernel.evaluate(f"repr(({case.result}))") == whole["value"]
