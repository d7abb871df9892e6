"""A server that runs: the event loop's side of it, from the first connection to the last answer."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn

from mltrack.serving.connections import KEEP_ALIVE_SECONDS, Connection, watch
from mltrack.serving.dispatch import Dispatcher
from mltrack.serving.front import NONCE, Front
from mltrack.serving.supervisor import Supervisor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from mltrack.serving.logs import Log
    from mltrack.serving.settings import Settings
    from mltrack.serving.supervisor import Crew

DRAIN_SECONDS, ORPHAN_SECONDS = 5, 1
"""So long those whose requests are being answered may go on when the server is stopped, or its parent has ended."""


class _Server(uvicorn.Server):
    """uvicorn's, which leaves signals to us: it would end the process before the workers are through."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Capture none."""
        return nullcontext()


class Running:
    """The parts of a server, and their beginning and end."""

    def __init__(self, settings: Settings, crew: Crew, *, socket: socket.socket, log: Log) -> None:
        limits = settings.limits
        self._socket = socket
        self._dispatcher = Dispatcher(queue=limits.queue, timeout=limits.timeout)
        self._supervisor = Supervisor(crew, self._dispatcher, log)
        port = socket.getsockname()[1]
        front = Front(settings, port, dispatcher=self._dispatcher, supervisor=self._supervisor)
        self._server = _Server(
            uvicorn.Config(
                front,
                http=cast("type[asyncio.Protocol]", partial(Connection, limits=limits)),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # who the caller is, and by which scheme, is asked for nowhere
                server_header=False,
                headers=[(NONCE, settings.nonce)],
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._stopped = asyncio.Event()
        self._drain = DRAIN_SECONDS

    def stop(self) -> None:
        """Take no more requests and stop when those that are being answered are; the second time, at once."""
        if self._stopped.is_set():
            self._server.force_exit = True
            self._supervisor.kill()
        self._stopped.set()

    def end(self) -> None:
        """Stop as one does whose owner is gone: soon."""
        self._drain = ORPHAN_SECONDS
        self._server.config.timeout_graceful_shutdown = ORPHAN_SECONDS
        self._stopped.set()

    async def serve(self, on_ready: Callable[[], None]) -> None:
        """Answer, until ``stop`` or ``end``.

        Raises
        ------
        MltrackError
            When the model cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        listening = loop.create_task(self._server.serve(sockets=[self._socket]))
        watching = loop.create_task(watch(self._server.server_state.connections))
        loading = loop.create_task(self._supervisor.start())
        stopping = loop.create_task(self._stopped.wait())
        try:
            await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
                on_ready()
                await stopping
        finally:
            loading.cancel()
            stopping.cancel()
            self._dispatcher.close()
            self._server.should_exit = True
            await self._supervisor.stop(self._drain)
            await listening
            watching.cancel()
