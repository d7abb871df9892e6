"""Git repositories with projects in them, made for a test, and a server that gives them to git."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.core.deployed_models import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROJECT = "name: p\nentry_points:\n  main:\n    command: python main.py\n"
AUTHOR = {
    **{f"GIT_{who}_{what}": "someone@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    **{f"GIT_{who}_DATE": "2024-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file:git",
}


def git(folder: Path, *arguments: str) -> str:
    """Run git as a repository's author would."""
    program = shutil.which("git") or pytest.skip("there is no git")
    done = subprocess.run([program, *arguments], cwd=folder, env=os.environ | AUTHOR, capture_output=True, check=True)
    return done.stdout.decode().strip()


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def make_repository(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A checkout with one commit on the branch ``trunk``."""
    write(folder, {"MLproject": PROJECT, "main.py": "open('ran', 'w')\n", **(files or {})})
    git(folder, "init", "-q", "-b", "trunk")
    commit(folder)
    return folder


def commit(folder: Path, files: Mapping[str, str] | None = None) -> str:
    write(folder, files or {})
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a change")
    return git(folder, "rev-parse", "HEAD")


def make_bare(checkout: Path, folder: Path) -> Path:
    git(checkout, "clone", "-q", "--bare", str(checkout), str(folder))
    return folder


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the repositories in a folder by git's own protocol; gives the address that they are below."""
    port = free_port()
    words = ["daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", "--export-all", f"--base-path={folder}"]
    program = shutil.which("git") or pytest.skip("there is no git")
    process = subprocess.Popen([program, *words, str(folder)], start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "git daemon ended"
        time.sleep(0.02)
    raise AssertionError("git daemon does not answer")
