"""The environment a run had, and the state of the git checkout it was in."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from tests.magics.kernels import running_kernel

from mltrack_magics.environment import GitState, read_environment, read_git

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("TZ", f"UTC {SECRET}")
    monkeypatch.setenv("MY_PASSWORD", "unseen")
    document = read_environment()
    assert document["python"] == {"version": platform.python_version(), "implementation": "CPython"}
    assert document["platform"]["system"] == platform.system()  # type: ignore[index]
    packages = document["packages"]
    assert isinstance(packages, dict)
    assert {name: packages[name] for name in ("ipython", "pytest", "jupyter-client")} == {
        name: version(name) for name in ("ipython", "pytest", "jupyter-client")
    }
    assert list(packages) == sorted(packages)
    assert document["variables"]["OMP_NUM_THREADS"] == "3"  # type: ignore[index]
    text = json.dumps(document)
    assert SECRET not in text
    assert "unseen" not in text
    assert read_environment() == document


def test_a_package_that_is_installed_later_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    os.utime(tmp_path, (1, 1))  # a clock may count in hundredths of a second
    assert "late-comer" not in str(read_environment()["packages"])
    (tmp_path / "late_comer-1.2.dist-info").mkdir()
    (tmp_path / "late_comer-1.2.dist-info" / "METADATA").write_text("Name: late-comer\nVersion: 1.2\n")
    assert read_environment()["packages"]["late-comer"] == "1.2"  # type: ignore[index]


def git(folder: Path, *arguments: str) -> str:
    names = ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


PATIENT = "setattr(__import__('mltrack_magics.environment').environment, 'GIT_SECONDS', 120.0)"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("mltrack_magics.environment.GIT_SECONDS", 120.0)  # a busy machine starts programs slowly
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "file.txt").write_text("one\n")
    git(tmp_path, "add", "file.txt")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


@needs_git
def test_a_clean_checkout(checkout: Path) -> None:
    assert read_git(checkout) == GitState(git(checkout, "rev-parse", "HEAD"), "main", dirty=False, remote="")


@needs_git
def test_a_changed_file_makes_it_dirty_and_a_new_one_does_not(checkout: Path) -> None:
    (checkout / "new.txt").write_text("new\n")
    state = read_git(checkout)
    assert state is not None
    assert not state.dirty
    (checkout / "file.txt").write_text("two\n")
    state = read_git(checkout)
    assert state is not None
    assert state.dirty


@needs_git
def test_a_folder_inside_a_checkout(checkout: Path) -> None:
    (checkout / "deeper").mkdir()
    state = read_git(checkout / "deeper")
    assert state is not None
    assert state.branch == "main"


@needs_git
def test_no_branch(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--detach")
    state = read_git(checkout)
    assert state is not None
    assert state.branch == "(detached)"


@needs_git
def test_a_token_in_the_remote_is_masked(checkout: Path) -> None:
    git(checkout, "remote", "add", "origin", f"https://user:{SECRET}@example.invalid/repository.git")
    state = read_git(checkout)
    assert state is not None
    assert SECRET not in repr(state)
    assert "example.invalid/repository.git" in state.remote


@needs_git
def test_no_commits_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert read_git(tmp_path) is None


def test_no_checkout(tmp_path: Path) -> None:
    assert read_git(tmp_path) is None


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    assert read_git(tmp_path / "gone") is None


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_git(tmp_path) is None


def test_a_git_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "git"
    script.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(300)\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("mltrack_magics.environment.GIT_SECONDS", 0.2)
    assert read_git(tmp_path) is None


@needs_git
def test_a_run_has_both(checkout: Path) -> None:
    with running_kernel(checkout) as kernel:
        kernel.evaluate(PATIENT)
        _, run = kernel.track("C = 1")
        kernel.settle()
        tags = kernel.store.get_run(run.info.run_id).data.tags
        assert tags["mlflow.source.git.commit"] == git(checkout, "rev-parse", "HEAD")
        assert tags["mlflow.source.git.branch"] == "main"
        environment = kernel.store.get_environment(run.info.run_id)
        assert environment is not None
        assert environment["python"] == {"version": platform.python_version(), "implementation": "CPython"}
