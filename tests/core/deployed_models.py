"""Models to deploy, and the programs that deploying needs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from mltrack.deploying.commands import find_program
from mltrack.exceptions import MissingLibraryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

FRAME = pd.DataFrame({"code": ["007", "abc"], "size": [1.5, 2.5], "many": [1, 2]})


def save_function(folder: Path, *, requirements: Sequence[str] = ()) -> Path:
    """A function of the user's with columns of three types: it gives code + many as text."""
    from mltrack import pyfunc

    def describe(data: Any) -> Any:
        if (data["size"] < 0).any():
            raise ValueError("a size below 0")
        return data["code"] + "/" + data["many"].astype(str)

    with warnings.catch_warnings(action="ignore"):  # that whole numbers cannot be missing
        pyfunc.save_model(folder, python_model=describe, input_example=FRAME, pip_requirements=list(requirements))
    return folder


def save_estimator(folder: Path) -> Path:
    """A logistic regression of the iris data, as skops keeps it."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    from mltrack.frameworks.sklearn.verbs import save_model

    data = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=500).fit(data.data, data.target)
    save_model(model, folder, input_example=data.data.head(3))
    return folder


def need(program: str, how: str) -> str:
    """Give a program's path; a test that needs it is skipped where there is none, unless CI is set."""
    try:
        return find_program(program, how)
    except MissingLibraryError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


def need_nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or need("nginx", "apt-get install nginx-light")


_PORTS = count(20_000 + os.getpid() * 37 % 12_000)


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given before it is used.

    It lies below those that the system gives out, and each process of the tests begins at one of its own.
    """
    for port in _PORTS:
        with suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is always a next one")


def make_environment(folder: Path, project: Path) -> Path:
    """Install a project's own requirements and its wheel of mltrack into a new environment; gives its bin folder."""
    uv = need("uv", "pip install uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    install = [uv, "pip", "install", "-q", "--python", python]
    subprocess.run([*install, "-r", "requirements.txt", *project.glob("*.whl")], cwd=project, check=True)
    return folder / "bin"


@contextmanager
def running(
    command: Sequence[str], folder: Path, url: str, *, variables: Mapping[str, str] | None = None, seconds: float = 300
) -> Iterator[Path]:
    """Run a server until the block ends; gives its log once ``url`` answers 200."""
    log = folder / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "PYTHON"))}
    with log.open("wb") as writer:
        process = subprocess.Popen(
            [*command], cwd=folder, stdout=writer, stderr=subprocess.STDOUT, env=environment | dict(variables or {})
        )
    try:
        end = time.monotonic() + seconds
        while ask(url)[0] != 200:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield log
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Ask a server; gives status and body, 0 where nobody answers."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, fields)
    with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
    return 0, b""
