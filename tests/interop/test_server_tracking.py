"""The tracking server beside a real ``mlflow server``, and the real mlflow as its client."""

from __future__ import annotations

import json
import os
import re
import subprocess
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.core.tracking_servers import running_server
from tests.interop import server_flows, server_search_flows
from tests.interop.mlflow_server import mlflow_server
from tests.interop.server_requests import CASES, Case, prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
API = "/api/2.0/mlflow/"
MORE = frozenset(("sqlstate", "error_class", "message", "workspace"))
"""What MLflow's newest server says beside what the contract has."""
SECONDS = 900.0


class Server:
    """A server that is asked, and what was prepared on it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.names = prepared(self.ask)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request and give the status and what was answered."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            headers = {} if method == "GET" else {"Content-Type": "application/json"}
            connection.request(method, path if path.startswith("/") else API + path, data, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, None

    def answer(self, case: Case) -> tuple[int, Any]:
        """Send a case's request, with what was prepared here."""
        body = case.body
        if isinstance(body, bytes):
            return self.ask(case.method, self._filled(case.path), self._filled(body.decode()).encode())
        filled = None if body is None else json.loads(self._filled(json.dumps(body)))
        return self.ask(case.method, self._filled(case.path), filled)

    def _filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.names[match[1]], text)


def told(python: str, port: int, folder: Path) -> dict[str, Any]:
    """Run all flows with the real mlflow as client of a server, and give what each found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLTRACK_", "MLFLOW_"))}
    environment |= {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    script, result = Path(__file__).with_name("server_flows.py"), folder / "told.json"
    command = [python, str(script), str(result)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(result.read_text())
    return found


@pytest.fixture(scope="module")
def theirs(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real ``mlflow server``."""
    with mlflow_server(mlflow_python, tmp_path_factory.mktemp("theirs")) as url:
        yield Server(urlsplit(url).port or 0)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server."""
    with running_server(tmp_path_factory.mktemp("ours")) as server:
        yield Server(server.port)


def outcome(answer: tuple[int, Any]) -> tuple[int, str | None]:
    """Give a status, and the code of an error."""
    status, said = answer
    return status, said.get("error_code") if isinstance(said, dict) else None


def shape(value: Any) -> Any:
    """Give what an answer is made of: names, and the kinds of values; a list by the kinds that its items have."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name not in MORE and each != {}}
    if isinstance(value, list):
        kinds = {json.dumps(shape(each), sort_keys=True) for each in value}
        return sorted(kinds)
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_servers_answer_alike(case: Case, ours: Server, theirs: Server) -> None:
    mine, real = ours.answer(case), theirs.answer(case)
    if case.ours is not None:
        assert outcome(mine) == case.ours, mine
        assert outcome(real) != case.ours, "both answer so: the case needs no exception"
        return
    if real[1] is None:  # a page of HTML
        assert mine[0] == real[0]
        return
    assert outcome(mine) == outcome(real), (mine, real)
    assert shape(mine[1]) == shape(real[1])


@pytest.fixture(scope="module")
def told_by_ours(mlflow_python: str, ours: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the real mlflow finds with our server."""
    return told(mlflow_python, ours.port, tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def told_by_theirs(mlflow_python: str, theirs: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it finds with its own."""
    return told(mlflow_python, theirs.port, tmp_path_factory.mktemp("client"))


@pytest.mark.parametrize("name", [*server_flows.FLOWS, *server_search_flows.FLOWS])
def test_the_real_mlflow_finds_the_same_with_both(
    name: str, told_by_ours: dict[str, Any], told_by_theirs: dict[str, Any]
) -> None:
    assert "failed" not in told_by_theirs[name], told_by_theirs[name]
    assert told_by_ours[name] == told_by_theirs[name]
