"""A worker as the front sees it: a process with a socket; it gets ready, answers batch after batch, and may die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from mltrack.exceptions import MltrackError
from mltrack.serving.frames import ANSWERS, FAILED, MOVED, READY, REQUESTS, SETTINGS, Decoder, Message, encode
from mltrack.serving.messages import Answer
from mltrack.serving.parent import how_it_ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.serving.logs import Log
    from mltrack.serving.messages import Request
    from mltrack.serving.settings import Settings


class Listener(Protocol):
    """Who hears of a worker."""

    def on_ready(self, worker: Worker) -> None:
        """The worker has loaded its model and can answer."""

    def on_answers(self, worker: Worker, answers: list[Answer]) -> None:
        """The worker has answered its batch and is free."""

    def on_moved(self, worker: Worker, version: str) -> None:
        """The model's URI names another version by now; this is said again and again."""

    def on_death(self, worker: Worker) -> None:
        """The worker is gone; ``worker.reason`` says why."""


class Worker(asyncio.Protocol):
    """One worker process; it is started at once, so that it loads its model while the front gets ready."""

    def __init__(self, settings: Settings, *, pinned: str | None = None) -> None:
        """Start it; ``pinned`` is the version that it loads, where the model's URI may name another by now.

        Raises
        ------
        MltrackError
            When the system has no room for another process, or no such Python.
        """
        self.document: dict[str, Any] = {}
        self.reason = ""
        self.error: dict[str, Any] = {}
        self.is_ready = self.has_answered = False
        self.started = time.monotonic()
        self._seconds = settings.limits.start_timeout
        self._decoder = Decoder()
        self._dead = self._closing = False
        self._listener: Listener | None = None
        self._transport: asyncio.Transport | None = None
        try:
            self._socket, self.process = _started(settings.python)
        except OSError as error:
            raise MltrackError(f"A process for the model cannot be started: {error}.") from error
        wanted = {
            "model_uri": settings.model_uri,
            "pinned": pinned,
            "tracking_uri": settings.tracking_uri,
            "registry_uri": settings.registry_uri,
            "path": settings.path,
            "batching": settings.batching,
        }
        with suppress(OSError):  # it has ended already, as will be seen
            self._socket.sendall(encode(SETTINGS, [json.dumps(wanted).encode()]))
        self._socket.settimeout(0)

    async def attach(self, listener: Listener, log: Log) -> None:
        """Begin to listen; what the worker prints goes to the log."""
        loop = asyncio.get_running_loop()
        self._listener = listener
        await loop.connect_read_pipe(lambda: _Output(log), self.process.stdout)
        await loop.create_unix_connection(lambda: self, sock=self._socket)

    def send(self, requests: Sequence[Request]) -> None:
        """Give the worker a batch."""
        parts = [part for each in requests for part in (each.content_type.encode("latin-1"), each.body)]
        if self._transport is not None:
            self._transport.write(encode(REQUESTS, parts))

    def kill(self, reason: str) -> None:
        """End the process at once, with the processes that the model has started in its group."""
        self.reason = self.reason or reason
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let the process end: it does when it has read that nothing more comes."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def check(self) -> bool:
        """Say whether the process lives; the first time that it does not, its listener is told."""
        if not self.is_ready and time.monotonic() - self.started > self._seconds:
            self.kill(f"the model was not loaded within {self._seconds:g} seconds; give a longer start_timeout")
        if not self._dead and self._listener is not None and self.process.poll() is not None:
            self._dead = True
            self.kill("")  # what it started
            self.close()
            self.reason = self.reason or how_it_ended("the worker's process", self.process.returncode)
            self._listener.on_death(self)
        return not self._dead

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is in the loop's hands."""
        self._transport = transport  # type: ignore[assignment]  # a socket's is one
        if self._closing:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Hear from the worker."""
        for message in self._decoder.feed(data):
            self._hear(message)

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed: the process is ending, or has to."""
        del error
        if not self._closing:
            self.kill("")

    def _hear(self, message: Message) -> None:
        listener = self._listener
        if listener is None or self._dead:
            return
        if message.kind == ANSWERS:
            self.has_answered = True
            parts = message.parts
            listener.on_answers(
                self,
                [Answer(int(parts[i]), parts[i + 1].decode("latin-1"), parts[i + 2]) for i in range(0, len(parts), 3)],
            )
        elif message.kind == READY:
            self.document = json.loads(message.parts[0])
            self.is_ready = True
            listener.on_ready(self)
        elif message.kind == FAILED:
            self.error = json.loads(message.parts[0])
            self.reason = str(self.error["message"])
        elif message.kind == MOVED:
            listener.on_moved(self, message.parts[0].decode())


def _started(python: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a worker's process; gives the socket to it, too."""
    ours, theirs = socket.socketpair()
    command = [python, "-P", "-m", "mltrack.serving.worker"]
    with theirs:
        try:
            return ours, subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0
            )
        except BaseException:
            ours.close()
            raise


class _Output(asyncio.Protocol):
    """What a worker prints."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self._log.write(data)
