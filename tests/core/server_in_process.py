"""A tracking server's application in this process, asked without a connection: for tests of what routes say."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tests.core.http_answers import Answer, Asked

from mltrack.server.app import Application, service_of
from mltrack.server.settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ServerInProcess(Asked):
    """It answers as one that runs does, one request at a time."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.store_uri = f"sqlite:///{folder / 'mltrack.db'}"
        service = service_of(ServerSettings(self.store_uri, **settings))
        self.store = service.store
        self._application = Application(service)
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """End its threads."""
        self._application.close()
        self._runner.close()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        return self._runner.run(self._ask(method, path, body))

    def ask_together(self, requests: Sequence[tuple[str, str, Any]]) -> list[Answer]:
        """Send requests at the same time."""
        return self._runner.run(self._ask_together(requests))

    async def _ask_together(self, requests: Sequence[tuple[str, str, Any]]) -> list[Answer]:
        return await asyncio.gather(*(self._ask(*each) for each in requests))

    async def _ask(self, method: str, path: str, body: Any) -> Answer:
        parts = urlsplit(path)
        headers = [(b"host", b"127.0.0.1:5000")]
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.append((b"content-type", b"application/json"))
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 5000),
        }
        waiting, sent = [{"type": "http.request", "body": body or b"", "more_body": False}], []

        async def receive() -> Any:
            if waiting:
                return waiting.pop()
            return await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await self._application(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, b"".join(each["body"] for each in sent[1:]))
