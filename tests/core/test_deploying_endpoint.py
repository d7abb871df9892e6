"""A model inside somebody else's server: what each path answers, and that those who wait are answered together."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.deployed_models import save_estimator

import mltrack
from mltrack.deploying import endpoint as module
from mltrack.deploying.endpoint import Endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.serving.messages import Request

JSON = "application/json"


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    return Endpoint(save_estimator(tmp_path / "model"))


def body(*widths: float) -> bytes:
    names = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
    rows = [[5.0, 3.0, each, each / 3] for each in widths]
    return json.dumps({"dataframe_split": {"columns": names, "data": rows}}).encode()


@pytest.mark.parametrize(
    ("method", "path", "status", "content"),
    [
        ("GET", "/ping", 200, b"\n"),
        ("GET", "/health", 200, b"\n"),
        ("GET", "/version", 200, mltrack.__version__.encode()),
        ("POST", "/ping", 405, None),
        ("GET", "/invocations", 405, None),
        ("GET", "/", 404, None),
        ("POST", "/invocations/", 404, None),
        ("POST", "/invocations", 200, b'{"predictions": [0]}'),
    ],
)
def test_paths(endpoint: Endpoint, method: str, path: str, status: int, content: bytes | None) -> None:
    answer = asyncio.run(endpoint.answer(method, path, content_type=JSON, body=body(1.0)))
    assert answer.status == status
    if content is None:
        assert {*json.loads(answer.body)} == {"error_code", "message"}
    else:
        assert answer.body == content


def test_who_waits_is_answered_together(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    answer = endpoint._scorer.answer

    def noted(requests: list[Request]) -> Any:
        sizes.append(len(requests))
        return answer(requests)

    monkeypatch.setattr(endpoint._scorer, "answer", noted)

    async def ask_all() -> list[Any]:
        asked = [endpoint.answer("POST", "/invocations", content_type=JSON, body=body(each)) for each in widths]
        return await asyncio.gather(*asked)

    widths = [1.0, 6.0] * 50
    found = [json.loads(each.body)["predictions"] for each in asyncio.run(ask_all())]
    assert found == [[0], [2]] * 50
    assert sum(sizes) == 100
    assert max(sizes) <= 64
    assert len(sizes) < 10


def test_as_an_application_it_reads_no_more_than_it_takes(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    sent: list[dict[str, Any]] = []
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * 100, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": [(b"content-type", JSON.encode())]}
    asyncio.run(endpoint(scope, receive, send))
    assert sent[0]["status"] == 413
    assert read == 11
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(sent[1]["body"])).encode()
