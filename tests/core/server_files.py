"""What the tests of a tracking server's artifacts share: a run and a logged model to put files on, and raw requests."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.http_answers import Answer
    from tests.core.tracking_servers import RunningServer

PROXY = "/api/2.0/mlflow-artifacts"
SECONDS = 60.0


class Server(Protocol):
    """A server that can be asked, whether it runs or is in this process."""

    def post(self, path: str, **fields: Any) -> Any:
        """Send a POST."""


class Owners(NamedTuple):
    """An experiment, a run and a logged model in it, by id."""

    experiment: str
    run: str
    model: str

    @property
    def run_root(self) -> str:
        """Where the run's files are in the proxy."""
        return f"{self.experiment}/{self.run}/artifacts"

    @property
    def model_root(self) -> str:
        """Where the logged model's files are in the proxy."""
        return f"{self.experiment}/models/{self.model}/artifacts"


def make_owners(server: Server, name: str, **experiment: Any) -> Owners:
    """Make an experiment of that name, with a run and a logged model."""
    made = server.post("experiments/create", name=name, **experiment)["experiment_id"]
    run = server.post("runs/create", experiment_id=made)["run"]["info"]["run_id"]
    model = server.post("logged-models", experiment_id=made, name="m", source_run_id=run)["model"]["info"]["model_id"]
    return Owners(made, run, model)


def put(server: RunningServer, path: str, content: bytes, **headers: str) -> Answer:
    """Send a file to a path of the proxy."""
    return server.ask("PUT", f"{PROXY}/artifacts/{quote(path)}", content, **headers)


def get(server: RunningServer, path: str, **headers: str) -> Answer:
    """Get the file of a path of the proxy."""
    return server.ask("GET", f"{PROXY}/artifacts/{quote(path)}", **headers)


def names(server: RunningServer, path: str) -> dict[str, int | None]:
    """List a folder of the proxy: names and sizes, None for folders."""
    answer = server.ask("GET", f"{PROXY}/artifacts?path={quote(path)}")
    assert answer.status == 200, answer
    return {each["path"]: each.get("file_size") for each in answer.value.get("files", [])}


def tree(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, but those of the store's own database."""
    files = (
        each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(("mltrack.db", "server"))
    )
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}


def send_part(server: RunningServer, path: str, *parts: bytes, **headers: str) -> socket.socket:
    """Begin to send a file, and leave the connection open."""
    connection = socket.create_connection(("127.0.0.1", server.port), SECONDS)
    lines = [f"PUT {PROXY}/artifacts/{path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    for part in parts:
        connection.sendall(part)
    return connection
