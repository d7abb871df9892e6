"""The table of notebooks whose slices are known: each becomes a script, and that gives the notebook's value."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.core import slice_cases, slice_cases_data, slice_cases_objects
from tests.core.exported_runs import tracked

from mltrack import export_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.slice_cases import Case

MAGIC = re.compile(
    r"^\s*[%!]|\?$|= *[%!]|\b_\d*\b|\bawait\b|\basync (?:for|with)\b|get_ipython|listdir|\bOut\b|chdir", re.MULTILINE
)
CASES = [
    case
    for module in (slice_cases, slice_cases_data, slice_cases_objects)
    for table in vars(module).values()
    if isinstance(table, list)
    for case in table
    if isinstance(case, slice_cases.Case) and not any(MAGIC.search(cell) for cell in case.cells)
]


def value_of(case: Case, last: str) -> str:
    """Run the notebook's cells as they are, and give what its last one shows."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate((*case.cells, last), 1):
        with contextlib.suppress(*([Exception] if number in case.failed else [])):
            exec(compile(cell, "cell", "exec"), names)
    return str(names["shown"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(4))
def test_every_notebook_of_the_table_becomes_a_script_that_gives_its_value(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    different = []
    monkeypatch.setattr(sys, "argv", ["main.py"])
    for number, case in enumerate(CASES[part::4]):
        last = f"shown = repr(({case.result}))\nm = len(shown) * 1.0"
        here = tmp_path / f"notebook-{number}"
        here.mkdir()
        monkeypatch.chdir(here)
        with contextlib.redirect_stdout(io.StringIO()):
            expected = value_of(case, last)
            run_id = tracked(*case.cells, last, runs=False, statuses=dict.fromkeys(case.failed, "error"))
            folder = export_run(run_id, tmp_path / f"project-{number}", form="script").folder
            monkeypatch.chdir(folder)
            found = runpy.run_path("main.py", run_name="__main__")["shown"]
        if found != expected:
            different.append((case.name, expected, found))
    assert different == []
    assert len(CASES) > 100
