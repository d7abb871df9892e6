"""The files that cells depend on and no kernel sees: the user's own modules, and what libraries read in C."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mltrack.provenance.slice import Step
from mltrack.store.notebooks import Execution
from mltrack_magics.named_files import named_digests
from mltrack_magics.own_sources import UnknownInputError, source_digests

if TYPE_CHECKING:
    from pathlib import Path


def step(source: str, seq: int = 1) -> Step:
    return Step(seq, None, source, source)


def ran(source: str, at: int) -> Execution:
    return Execution(1, None, 1, source, at, at, "ok", "{}", "[]")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("own_first", "own_second", "own_package"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "own_first.py").write_text("import os, own_second as other; from own_package.part import x\n")
    (tmp_path / "own_second.py").write_text("value = 1\n")
    (tmp_path / "own_package").mkdir()
    for name in ("__init__", "part", "beside"):
        (tmp_path / "own_package" / f"{name}.py").write_text("x = 1\n")
    return tmp_path


IMPORTS = {
    "import": "import own_first",
    "as": "import json, own_first as first",
    "from": "from own_first import other",
    "in-a-function": "def f():\n    from own_first import other",
    "behind-another": "a = 1; import own_first",
}


@pytest.mark.parametrize("source", IMPORTS.values(), ids=IMPORTS)
def test_what_cells_import_is_followed(source: str, place: Path) -> None:
    found = source_digests([step(source)], [])
    names = {os.path.relpath(name, place) for name in found}
    package = {f"own_package/{name}.py" for name in ("__init__", "part", "beside")}
    assert names == {"own_first.py", "own_second.py", *package}
    (place / "own_second.py").write_text("value = 2\n")
    now = source_digests([step(source)], [])
    assert [name for name in found if found[name] != now[name]] == [str(place / "own_second.py")]


def test_what_is_installed_counts_by_its_version() -> None:
    assert source_digests([step("import numpy, json, pytest, mltrack\nfrom IPython import display")], []) == {}


def test_a_file_that_changed_after_it_was_loaded_is_not_known(place: Path) -> None:
    import own_second  # type: ignore[import-not-found]  # what is tested

    cell, now = "import own_second", int(time.time() * 1000)
    os.utime(place / "own_second.py", (now / 1000 - 60, now / 1000 - 60))
    assert source_digests([step(cell)], [ran(cell, now - 30_000)])
    assert own_second.value == 1
    os.utime(place / "own_second.py", (now / 1000, now / 1000))
    with pytest.raises(UnknownInputError, match=r"own_second\.py was changed after this kernel imported it"):
        source_digests([step(cell)], [ran(cell, now - 30_000)])


def test_files_that_libraries_read_in_c_count_by_what_they_hold(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    file.write_text("1")
    cell = step(f"frame = pl.read_parquet({str(file)!r})")
    first = named_digests([cell], [])
    file.write_text("2")
    assert named_digests([cell], []) != first
    use = step("total = frame.sum()", seq=2)
    late = int(time.time() * 1000) + 60_000
    assert named_digests([cell, use], [ran(cell.source, late)]) == named_digests([cell], [])
    with pytest.raises(UnknownInputError, match=r"x\.parquet was changed after a cell read it"):
        named_digests([cell, use], [ran(cell.source, 1)])
