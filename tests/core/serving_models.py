"""The tiny models that the tests of serving serve, and talking to their servers."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from tests.core.http_answers import Answer

from mltrack import pyfunc
from mltrack.models.signature import ModelSignature
from mltrack.serving.handles import Server, serve
from mltrack.types.schema import ColSpec, Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Each row says what is to be done with it; all rows of a predict are done together.
OBEDIENT = """
import ctypes, os, sys, time
import numpy as np
from mltrack.models import set_model

def predict(data):
    for word in data["act"]:
        act, _, value = str(word).partition(":")
        if act == "raise": raise ValueError("as told, in " + __file__)
        if act == "sleep": time.sleep(float(value))
        while act == "until" and not os.path.exists(value): time.sleep(0.01)
        if act == "exit": os._exit(int(value))
        if act == "segfault": ctypes.string_at(0)
        if act == "print":
            for _ in range(int(value)): sys.stdout.write(("x" * 1023 + "\\n") * 1024)
        if act == "nothing": return object()
        if act == "short": return np.zeros(len(data) + 1)
        if act == "exit softly": sys.exit(3)
        if act == "read": return [sys.stdin.read()] * len(data)
        if act == "rows": return np.full(len(data), float(len(data)))
    return data["x"].to_numpy() * 2

set_model(predict)
"""
SIGNATURE = ModelSignature(Schema([ColSpec("double", "x"), ColSpec("string", "act")]))


def save_obedient(folder: Path, *, code: str = OBEDIENT, batching: bool = True) -> str:
    """Save the obedient model, or one of other code, beside a folder's name; gives its path."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    source = folder.parent / f"{folder.name}.py"
    source.write_text(code)
    pyfunc.save_model(
        str(folder), python_model=str(source), signature=SIGNATURE, metadata={"batching": batching}, pip_requirements=[]
    )
    return str(folder)


@contextmanager
def user_folder(folder: Path) -> Iterator[None]:
    """Have this process keep its trust and its servers in a folder of the test's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLTRACK_DATA_DIR", str(folder / "user"))
        yield


@contextmanager
def serving(folder: Path, *, code: str = OBEDIENT, **options: Any) -> Iterator[Server]:
    """Serve the obedient model, or one of other code; the server must end well."""
    with user_folder(folder):
        with serve(save_obedient(folder / "model", code=code), **options) as server:
            yield server
        assert not server._state.is_running()


def rows(*acts: str, x: float = 1.0) -> bytes:
    """Give a body with a row for each act."""
    return json.dumps({"dataframe_records": [{"x": x, "act": act} for act in acts]}).encode()


def ask(server: Server, body: bytes | None = None, path: str = "/invocations", **headers: str) -> Answer:
    """Send a request: GET, or POST where there is a body; underscores in the names of headers are hyphens."""
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET" if body is None else "POST", path, body, given)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def predicted(server: Server, *acts: str, x: float = 1.0) -> Any:
    """Give the predictions of rows; they must come."""
    answer = ask(server, rows(*acts, x=x))
    assert answer.status == 200, answer
    return answer.value["predictions"]


class HasPort(Protocol):
    """Whatever answers at a port of this machine."""

    @property
    def port(self) -> int: ...


def exchange(server: HasPort, *pieces: bytes, seconds: float = 60) -> bytes:
    """Send bytes as they are, and give all that comes until the server closes or has said all for now."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        for piece in pieces:
            connection.sendall(piece)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
            if _is_whole(found):
                break
        return found


def _is_whole(answer: bytes) -> bool:
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, end, body = answer.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return bool(end) and bool(lengths) and len(body) >= int(lengths[0])


def status_of(answer: bytes) -> int:
    """Give the status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


def wait_for(condition: Callable[[], Any], *, seconds: float = 180) -> None:
    """Wait until a condition holds; fails after so many seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited too long"
        time.sleep(0.02)


def is_free(port: int) -> bool:
    """Say whether nobody listens on a port."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
            attempt.listen(1)
        except OSError:
            return False
        return True
