"""Real tracking servers in processes of their own, on a free port of loopback, and talking to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from tests.core.http_answers import Answer, Asked

from mltrack.store.open_uri import open_uri

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SECONDS = 60.0
READY = "mltrack server at "
ADMIN, PASSWORD = "admin", "one of four words"


class RunningServer(Asked):
    """A server that runs; ``log`` is the file with what it writes to its stderr, ``token`` that of its first user."""

    def __init__(self, process: subprocess.Popen[str], store_uri: str, log: Path) -> None:
        self.process = process
        self.store_uri = store_uri
        self.log = log
        self.token: str | None = None
        self.url = self._wait_until_ready()
        self.port = urlsplit(self.url).port or 0

    def _wait_until_ready(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(READY):
                return line.removeprefix(READY).partition(",")[0]
        self.process.wait(SECONDS)
        raise AssertionError(f"The server ended with {self.process.returncode}: {self.log.read_text()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as its user would; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        """End it at once, without a word to it."""
        self.process.kill()
        self.process.wait(SECONDS)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body that is no bytes goes as JSON. Underscores in the names of headers are hyphens.

        Where the server has users it is the administrator's, unless a header ``Authorization`` says something else.
        """
        given = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given = {"Content-Type": "application/json"} | given
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as connection:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def server_environment(folder: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment of a server: this process's without what it has chosen of mltrack's and MLflow's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
    return {**kept, "MLTRACK_DATA_DIR": str(folder / "user"), "PYTHONUNBUFFERED": "1", **(env or {})}


def store_of(folder: Path, options: Sequence[str]) -> str:
    """Give the URI of the store of a server that is started with these options."""
    named = dict(pairwise(options)).get("--backend-store-uri")
    return named or f"sqlite:///{folder / 'mltrack.db'}"


def add_admin(store_uri: str) -> str:
    """Make the first user of a store, and give its token."""
    from mltrack.server.accounts import add_token, add_user  # brings argon2 along
    from mltrack.server.passwords import Passwords  # so does this

    with closing(cast("Any", open_uri(store_uri))) as store:
        add_user(store, Passwords(), name=ADMIN, password=PASSWORD)
        return add_token(store, ADMIN).text


def start_server(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> RunningServer:
    """Start a server whose store is in a folder unless ``--backend-store-uri`` is among the options."""
    folder.mkdir(parents=True, exist_ok=True)
    uri = store_of(folder, options)
    given = [*options, "--backend-store-uri", uri, *([] if {"-p", "--port"} & set(options) else ["-p", "0"])]
    log = folder / "server.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "mltrack", "server", *given],
            cwd=folder,
            env=server_environment(folder, env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        return RunningServer(process, uri, log)
    except BaseException:
        process.kill()
        process.wait(SECONDS)
        raise


@contextmanager
def running_server(
    folder: Path, *options: str, users: bool = False, env: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """Run a server for a block; with ``users`` its store has an administrator first, ADMIN with PASSWORD."""
    token = add_admin(store_of(folder, options)) if users else None
    server = start_server(folder, *options, env=env)
    server.token = token
    try:
        yield server
    finally:
        with suppress(ProcessLookupError):
            server.stop()
        if server.process.stdout is not None:
            server.process.stdout.close()
