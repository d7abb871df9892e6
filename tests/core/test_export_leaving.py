"""What leaves with an exported run, and what does not: secrets, files, modules, places of this machine, git's state."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

from tests.core.exported_runs import FILES, SECRET, document, files_of, run_script, texts_of, tracked

from mltrack import export_run
from mltrack.settings import get_store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MODULES = ("helpers.py", "more/__init__.py", "more/deep.py")


def test_a_secret_is_read_from_the_environment_and_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = tracked(
        f"api_key = '{SECRET}'\nurl = 'https://me:{SECRET}@host/x'  # {SECRET}",
        f"m = len(api_key) / 1\nn = len(url) / 1\nheaders = {{'token': '{SECRET}'}}\nf'{SECRET}'",
        name=f"run {SECRET}",
    )
    done = export_run(run_id, tmp_path / "out", zip=True)
    assert done.archive is not None
    assert SECRET not in texts_of(done.folder)
    assert SECRET.encode() not in b"".join(zipfile.ZipFile(done.archive).read(name) for name in FILES)
    masked = document(done.folder, "inputs.json")["masked"]
    variables = [each["environment_variable"] for each in masked]
    assert sorted(name for name in variables if name) == ["API_KEY", "TOKEN", "URL"]
    assert None in variables
    readme = (done.folder / "README.md").read_text()
    assert "set the environment variable `API_KEY`" in readme
    assert "cell 2, line 4: write it there again" in readme
    for name in ("API_KEY", "TOKEN", "URL"):
        monkeypatch.setenv(name, SECRET)
    assert run_script(done.folder, monkeypatch=monkeypatch).data.metrics == get_store().get_run(run_id).data.metrics


def test_files_are_listed_moved_inside_and_copied_when_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "project"
    (home / "data").mkdir(parents=True)
    (home.parent / "up.csv").write_text("1")
    (home / "data" / "größe.csv").write_text("22")
    (home / "main.py").write_text("333")
    (home / "changed.csv").write_text("4444")
    (home / "helpers.py").write_text("import more.deep, pandas\ntwo = more.deep.two\n")
    (home / "more").mkdir()
    (home / "more" / "__init__.py").write_text("")
    (home / "more" / "deep.py").write_text(f"def two():\n    return 2\nkey = '{SECRET}'\n")
    monkeypatch.chdir(home)
    whole = str(home / "data" / "größe.csv")
    used = [use("../up.csv", home), use(whole, home), use("main.py", home), use("changed.csv", home)]
    (home / "changed.csv").write_text("5")
    monkeypatch.syspath_prepend(str(home))
    run_id = tracked(
        f"import helpers\nfiles = ['../up.csv', {whole!r}, 'main.py']",
        f"folder = {str(home / 'data')!r}\nm = sum(len(open(file).read()) for file in files) * helpers.two() / 1",
        files={2: used},
        path=str(home / "notebook.ipynb"),
        tags={"mlflow.source.name": str(home / "notebook.ipynb")},
    )
    done = export_run(run_id, tmp_path / "out", with_data=True)
    assert str(tmp_path) not in texts_of(done.folder)
    listed = document(done.folder, "inputs.json")
    assert {each["path"]: each["copied"] for each in listed["files"]} == {
        "inputs/up.csv": True,
        "data/größe.csv": True,
        "inputs/main.py": True,
        "changed.csv": False,
    }
    assert listed["files"][0]["sha256"] == hashlib.sha256(b"1").hexdigest()
    assert listed["modules"] == [*MODULES]
    assert files_of(done.folder) == FILES | {"inputs/up.csv", "data/größe.csv", "inputs/main.py", *MODULES}
    assert run_script(done.folder, monkeypatch=monkeypatch).data.metrics == {"m": 12.0}
    assert "put it here" in (done.folder / "README.md").read_text()
    assert SECRET not in texts_of(done.folder)
    assert "pandas==2.2.3" in (done.folder / "requirements.txt").read_text()
    without = export_run(run_id, tmp_path / "without")
    assert files_of(without.folder) == FILES | {*MODULES}


def use(path: str, folder: Path) -> dict[str, Any]:
    place = (folder / path).resolve()
    data = place.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"path": path, "whole": str(place), "mode": "r", "size": len(data), "sha256": digest}


def test_the_commit_and_the_patch_of_a_dirty_checkout_come_along(tmp_path: Path) -> None:
    home = tmp_path / "checkout"
    home.mkdir()
    git(home, "init", "-q")
    git(home, "config", "remote.origin.url", "https://me:hunter2secret@example.org/x.git")
    (home / "notebook.ipynb").write_text("{}\n")
    git(home, "add", ".")
    git(home, "commit", "-qm", "first")
    commit = git(home, "rev-parse", "HEAD").strip()
    (home / "notebook.ipynb").write_text(f"{{}}\n \nkey = '{SECRET}'\n \n")
    tags = {
        "mlflow.source.git.commit": commit,
        "mlflow.source.git.branch": "main",
        "mltrack.git.dirty": "true",
        "mlflow.source.name": str(home / "notebook.ipynb"),
    }
    done = export_run(tracked("m = float('0.5')", tags=tags), tmp_path / "out")
    facts = document(done.folder, "git.json")
    assert (facts["commit"], facts["dirty"], facts["patch"]) == (commit, True, "dirty.patch")
    assert "hunter2secret" not in facts["remote"]
    assert "example.org/x.git" in facts["remote"]
    patch = (done.folder / "dirty.patch").read_text()
    assert SECRET not in patch
    git(home, "checkout", "-q", ".")
    git(home, "apply", str(done.folder / "dirty.patch"))
    assert (home / "notebook.ipynb").read_text().endswith("'\n \n")
    (home / "notebook.ipynb").write_text("x\n" * 2_000_000)
    large = export_run(tracked("m = float('0.5')", tags=tags), tmp_path / "large")
    assert "over 2 MB" in document(large.folder, "git.json")["note"]
    elsewhere = export_run(
        tracked("m = float('0.5')", tags={**tags, "mlflow.source.git.commit": "0" * 40}), tmp_path / "other"
    )
    assert document(elsewhere.folder, "git.json")["patch"] is None


def git(folder: Path, *arguments: str) -> str:
    words = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout
