"""One process that answers, from its first connection to its last answer."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn

from mltrack import config
from mltrack.open_files import raise_file_limit
from mltrack.server.connection import LIMITS, TrackingConnection
from mltrack.server.handshakes import Handshakes, Listener
from mltrack.serving.connections import KEEP_ALIVE_SECONDS, watch

if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable

    from mltrack.server.app import Application
    from mltrack.server.settings import ServerSettings
    from mltrack.serving.settings import Limits

DRAIN_SECONDS, THREAD_SECONDS = 6, 2.0
"""So long requests that are being answered may go on when the server is stopped, and then what threads are at."""

OBJECTS_MADE = 25_000  # more than are let go, before Python looks for cycles: the batches of eight callers have as many
_MOMENT = 0.05
_OTHER_FILES = 256
_HANDSHAKES = 4  # one of so many connections that there may be is left to those that do not speak TLS yet


class _Server(uvicorn.Server):
    """uvicorn's, which leaves signals to us, and says when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Capture none."""
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._on_ready()


class Worker:
    """A process's application, and the server that it is behind.

    ``on_ready`` is called when it listens, ``on_change`` told how many connections it has whenever that changes.
    """

    def __init__(
        self,
        application: Application,
        settings: ServerSettings,
        *,
        on_ready: Callable[[], None],
        on_change: Callable[[int], None] | None = None,
    ) -> None:
        self._application = application
        limits = _limits()
        self._handshakes: Handshakes | None = None
        if settings.is_encrypted:
            most = max(limits.connections // _HANDSHAKES, 1)
            self._handshakes = Handshakes(most=most, seconds=limits.header_timeout)
            limits = replace(limits, connections=max(limits.connections - most, 1))
        http = partial(TrackingConnection, limits=limits, on_change=on_change, handshakes=self._handshakes)
        self._server = _Server(
            uvicorn.Config(
                application,
                http=cast("type[asyncio.Protocol]", http),
                ws="none",
                lifespan="off",
                # Connections that are taken at once: one, of several processes each, and where one may end another.
                backlog=1 if on_change or self._handshakes else 2048,
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # whoever is on this machine could say that it is somebody else
                server_header=False,
                ssl_keyfile=settings.ssl_keyfile,
                ssl_certfile=settings.ssl_certfile,
                ssl_keyfile_password=config.KEY_PASSWORD.get(),
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            ),
            on_ready,
        )

    def run(self, listening: socket.socket, *, signals: tuple[signal.Signals, ...]) -> None:
        """Answer until one of the signals; when something is still at work long after, the process ends with it."""
        _collect_less_often()
        asyncio.run(self._serve(listening, signals))
        self._application.close()
        end = time.monotonic() + THREAD_SECONDS
        while _is_working() and time.monotonic() < end:
            time.sleep(_MOMENT)
        if _is_working():  # Python would wait for its threads, however long they take
            sys.stdout.flush()
            os._exit(0)

    async def _serve(self, listening: socket.socket, signals: tuple[signal.Signals, ...]) -> None:
        loop = asyncio.get_running_loop()
        for number in signals:
            loop.add_signal_handler(number, self._stop)
        watching = [loop.create_task(watch(self._server.server_state.connections))]
        if self._handshakes is not None:
            listening = listening if isinstance(listening, Listener) else Listener(listening)
            listening.on_accept = self._handshakes.begin
            watching.append(loop.create_task(self._handshakes.watch()))
        try:
            await self._server.serve(sockets=[listening])
        finally:
            for each in watching:
                each.cancel()

    def _stop(self) -> None:
        """Stop when those that are being answered are; the second time, at once."""
        self._server.force_exit = self._server.should_exit
        self._server.should_exit = True


def _collect_less_often() -> None:
    """Let Python look for cycles less often, and not among what is there for good: that took a third of all time."""
    gc.freeze()
    gc.set_threshold(OBJECTS_MADE)


def _is_working() -> bool:
    return any(not each.daemon for each in threading.enumerate() if each is not threading.main_thread())


def _limits() -> Limits:
    """Allow as many connections as there may be open files, beside those of the store and of artifacts."""
    return replace(LIMITS, connections=max(min(LIMITS.connections, raise_file_limit() - _OTHER_FILES), 1))
