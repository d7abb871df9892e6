"""Stores behind a tracking server that runs in a thread of this process, on a free port of loopback."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from mltrack.rest.store import RestStore
from mltrack.server.app import Application, service_of
from mltrack.server.settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60.0


class _Server(uvicorn.Server):
    """uvicorn's, which may be in a thread, where no signals come."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[str]:
    """Serve the store ``mltrack.db`` of a folder for a block; gives the server's address."""
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{folder / 'mltrack.db'}"
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    application = Application(service_of(ServerSettings(uri, port=port, **settings)))
    config = uvicorn.Config(application, http="httptools", ws="none", lifespan="off", log_level="critical")
    config.timeout_graceful_shutdown = 1
    server = _Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="tracking-server", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + SECONDS
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        with suppress(Exception):
            application.close()
        listener.close()


class ServedStore(RestStore):
    """A store behind a server, with the folder in which the server's own store is."""

    def __init__(self, uri: str, folder: Path) -> None:
        super().__init__(uri)
        self.path = folder / "mltrack.db"


@contextmanager
def served_store(folder: Path) -> Iterator[ServedStore]:
    """Give a store behind a server of its own."""
    with served(folder) as url:
        store = ServedStore(url, folder)
        try:
            yield store
        finally:
            store.close()
