"""Git repositories with projects in them, made for a test, and a server that gives them to git."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

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
    program = shutil.which("git") or pytest.skip("there is no git")
    # git's daemon takes a port by its number, which another process may have taken by then: here it has none.
    command = [program, "daemon", "--inetd", "--export-all", f"--base-path={folder}", str(folder)]
    started: list[subprocess.Popen[bytes]] = []

    def answer() -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = listener.accept()
                with connection:
                    both = connection.fileno()
                    asked = subprocess.Popen(command, stdin=both, stdout=both, stderr=subprocess.DEVNULL)
                started.append(asked)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"git://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)
            for each in started:
                each.wait(60)
