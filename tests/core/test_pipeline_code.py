"""What counts as a step's code, and digests of files and folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.core.pipeline_projects import add, edit, make_pipeline

from mltrack.pipelines.code import code_of
from mltrack.pipelines.digests import LARGE, Digests
from mltrack.pipelines.jobs import open_pipeline

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS: dict[str, tuple[str, bool]] = {
    "import": ("import train\n", True),
    "from": ("from train import fit\n", True),
    "from a package": ("from . import (\n    other,\n    train,\n)\n", True),
    "a function that imports": ("def f():\n    import os, train\n", True),
    "by its file": ("runpy.run_path('train.py')\n", True),
    "by its name": ("importlib.import_module('train')\n", True),
    "another name": ("import trainer\ntrain = 1\nX_train = 2\n", False),
    "in words": ("# the data to train with\n", False),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_the_script_of_another_step_counts_when_it_is_used(case: str, tmp_path: Path) -> None:
    text, counts = SCRIPTS[case]
    files = {"clean.py": text, "train.py": "", "trainer.py": ""}
    root = make_pipeline(
        tmp_path, {"clean": {"command": "python clean.py"}, "train": {"command": "python train.py"}}, files=files
    )
    found = open_pipeline(root)
    names = set(code_of(found, found.steps["clean"], Digests()))
    assert names == {"clean.py", "trainer.py"} | ({"train.py"} if counts else set())


def test_code_that_is_named_is_all_of_it(tmp_path: Path) -> None:
    root = make_pipeline(
        tmp_path, {"a": {"command": "true", "code": ["lib", "a.py"]}}, files={"lib/x.py": "1", "a.py": "2", "b.py": "3"}
    )
    found = open_pipeline(root)
    assert set(code_of(found, found.steps["a"], Digests())) == {"lib", "a.py"}


def test_a_large_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = tmp_path / "large.bin", tmp_path / "small.bin"
    large.write_bytes(b"x" * LARGE)
    small.write_bytes(b"y")
    long_ago = large.stat().st_mtime_ns - 10 * 10**9
    os.utime(large, ns=(long_ago, long_ago))
    first = Digests()
    digest = first.of(large)
    assert (first.of(large), first.files_read) == (digest, 1)
    first.save()
    later = Digests()
    assert (later.of(large), later.files_read) == (digest, 0)
    assert later.of(small) == later.of(small)
    assert later.files_read == 2
    large.write_bytes(b"z" + b"x" * (LARGE - 1))
    assert later.of(large) != digest
    os.utime(large, ns=(long_ago, long_ago + 1))
    assert later.of(large) != digest
    (tmp_path / "user" / "file-digests.json").write_text("[{")
    assert Digests().of(large) == later.of(large)


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        add(f"{name}/x/a.txt", "a")(tmp_path)
        add(f"{name}/b.txt", "b")(tmp_path)
    digests = Digests()
    assert digests.of(tmp_path / "one") == digests.of(tmp_path / "two")
    for change in (edit("two/b.txt"), lambda root: (root / "two/b.txt").rename(root / "two/c.txt")):
        before = digests.of(tmp_path / "two")
        change(tmp_path)
        assert digests.of(tmp_path / "two") != before
    (tmp_path / "two" / "loop").symlink_to(tmp_path / "two")
    assert digests.of(tmp_path / "two")
    assert digests.of(tmp_path / "none") is None
