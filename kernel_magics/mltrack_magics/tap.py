"""Listens to everything the running kernel publishes: a thread with a SUB socket on the kernel's own iopub port.

It sees what a front end sees (prints, subprocesses, raw file descriptors, displays, errors), each with the message it
answers. It needs ``zmq`` and ``jupyter_client``, which a running kernel has loaded already.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import socket as sockets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import zmq
from jupyter_client.session import DELIM, Session
from zmq.utils.monitor import recv_monitor_message

from mltrack_magics.outputs import LIMIT_BYTES, stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

THREAD_NAME = "mltrack-iopub"
# No limit on waiting messages. A limit counts messages, so it would not bound memory (one may have 100 MB), and what
# is over it is dropped by the publisher: an execution whose "idle" is lost never ends. What waits is bounded by the
# kernel itself, whose Python threads make each message at a higher price than it is read here.
RECEIVE_HIGH_WATER_MARK = 0
# From the end of the handshake until the publisher has seen the subscription: without it 2 of 300 starts missed a
# message that was sent at once, with it none.
SETTLE_SECONDS = 0.005
# A burst is read in batches: a wake for each message takes the GIL from the cell, 20,000 displays 3 s longer; with
# batches 1 s. A single message is read at once.
BATCH_MILLISECONDS = 10
STOP_SECONDS = 1.0
EXCERPT_BYTES = LIMIT_BYTES // 2
ALWAYS_PARSED = frozenset({"status", "clear_output", "error"})
RICH = frozenset({"display_data", "update_display_data", "execute_result"})

STREAM_START = re.compile(rb'\s*\{\s*"name"\s*:\s*"(\w+)"\s*,\s*"text"\s*:\s*"')
STREAM_END = re.compile(rb'"\s*\}\s*\Z')
OUTSIDE_ESCAPE = re.compile(rb"[^\\]{6}")  # an escape has six bytes at most, the first of them a backslash
JSON_TEXT = rb'"((?:[^"\\]|\\.)*+)"'
MIME_KEY = re.compile(rb'"((?:text|image|application|audio|video)/[\w.+-]+)"\s*:')
PLAIN_TEXT = re.compile(rb'"text/plain"\s*:\s*' + JSON_TEXT)
DISPLAY_ID = re.compile(rb'"display_id"\s*:\s*' + JSON_TEXT)
EXECUTION_COUNT = re.compile(rb'"execution_count"\s*:\s*(\d+)')

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """Where a kernel publishes, and how it signs: what its connection file says of iopub."""

    iopub_port: int
    key: str = field(default="", repr=False)
    transport: str = "tcp"
    ip: str = "127.0.0.1"
    signature_scheme: str = "hmac-sha256"
    curve_publickey: str | None = None

    @property
    def iopub_address(self) -> str:
        """The address that zmq connects to."""
        ip = "127.0.0.1" if self.ip in ("*", "0.0.0.0") else self.ip  # noqa: S104  # where it listens, not we
        return f"{self.transport}://{ip}{'-' if self.transport == 'ipc' else ':'}{self.iopub_port}"


def read_connection(path: str | Path) -> ConnectionFacts:
    """The facts in a kernel's connection file."""
    content = json.loads(Path(path).read_bytes())
    names = ConnectionFacts.__dataclass_fields__
    return ConnectionFacts(**{name: content[name] for name in names if content.get(name) is not None})


class Listener(Protocol):
    """What is told what the kernel publishes, in order, on the tap's thread.

    A message that is not wanted comes shortened: a long stream as its beginning, then ``on_skipped``, then its end; a
    rich output as ``on_skipped`` and a stand-in with its ``text/plain`` (see ``outputs.stand_in``); others as
    ``on_skipped`` alone.
    """

    def on_message(self, parent_id: str, msg_type: str, content: Content) -> None:
        """A message arrived; ``parent_id`` is the id of the request it answers, or empty."""

    def on_idle(self, parent_id: str) -> None:
        """Nothing more comes for this request: its execution is complete."""

    def wants(self, parent_id: str, msg_type: str, size: int) -> bool:
        """Whether a message whose content has this many bytes is worth parsing."""

    def on_skipped(self, parent_id: str, msg_type: str, size: int) -> None:
        """So many bytes were left out here."""


class Tap:
    """Gives a listener every message on a kernel's iopub channel.

    Parameters
    ----------
    connection
        The kernel's connection file, or what it says.
    listener
        Is called on the tap's thread.
    report
        Is given the first thing that went wrong on the tap's thread; what follows is silent.

    """

    def __init__(
        self,
        connection: ConnectionFacts | str | Path,
        listener: Listener,
        *,
        report: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.facts = connection if isinstance(connection, ConnectionFacts) else read_connection(connection)
        self._listener = listener
        self._report = report
        # No history of signatures: it guards servers against replays, and would grow to 10 MB here.
        self._session = Session(
            key=self.facts.key.encode(), signature_scheme=self.facts.signature_scheme, digest_history_size=0
        )
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._wake: sockets.socket | None = None
        self._settled = threading.Event()
        self._is_live = False

    @property
    def is_alive(self) -> bool:
        """True while the thread listens, in the process that made the tap."""
        return self._thread is not None and self._thread.is_alive() and os.getpid() == self._pid

    def start(self, timeout: float = 1.0) -> bool:
        """Begin to listen; returns once nothing published from now on is missed.

        False when the kernel did not answer within ``timeout`` seconds: listening begins when it does.
        """
        if os.getpid() != self._pid:
            return False
        if not self.is_alive:
            self._is_live = False
            self._settled.clear()
            wake, self._wake = sockets.socketpair()
            self._thread = threading.Thread(target=self._run, args=(wake,), name=THREAD_NAME, daemon=True)
            # Debuggers leave such threads alone, as they do the kernel's own.
            vars(self._thread).update(pydev_do_not_trace=True, is_pydev_daemon_thread=True)
            self._thread.start()
            atexit.register(self.stop)  # a thread inside zmq when the interpreter is taken apart could crash it
        self._settled.wait(timeout)
        return self._is_live

    def stop(self) -> None:
        """Stop listening: the thread ends, its sockets and descriptors are released. Harmless in a forked child."""
        if os.getpid() != self._pid or self._thread is None or self._wake is None:
            return
        atexit.unregister(self.stop)
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)
        self._wake.close()  # the other end reads it as a request to stop, too
        self._wake = self._thread = None

    def _connect(self, context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
        connection = context.socket(zmq.SUB)
        connection.linger = 0
        connection.rcvhwm = RECEIVE_HIGH_WATER_MARK
        if self.facts.curve_publickey is not None:
            connection.curve_publickey, connection.curve_secretkey = zmq.curve_keypair()
            connection.curve_serverkey = self.facts.curve_publickey.encode()
        connection.subscribe(b"")
        return connection

    def _run(self, wake: sockets.socket) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()  # its own: it can be taken down without asking others
        try:
            connection = self._connect(context)
            self._is_live = self._wait_until_live(connection, wake)
            self._settled.set()
            if self._is_live:
                self._listen(connection, wake)
        except BaseException as error:  # nothing may escape: it would be printed in the user's notebook
            self._tell(error)
        finally:
            self._is_live = False
            self._settled.set()
            wake.close()
            context.destroy(linger=0)

    def _wait_until_live(self, connection: zmq.Socket[bytes], wake: sockets.socket) -> bool:
        """Wait for the handshake, and a little for the publisher to read the subscription that follows it.

        ipykernel 7's ``iopub_welcome`` cannot be waited for: the publisher is told of a topic's first subscriber only,
        and a front end has subscribed to all topics before. ipykernel 6 sends none.
        """
        monitor = connection.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        try:
            connection.connect(self.facts.iopub_address)
            poller = _poller(monitor, wake)
            if wake.fileno() in dict(poller.poll()):
                return False
            recv_monitor_message(monitor)
        finally:
            connection.disable_monitor()
            monitor.close()
        time.sleep(SETTLE_SECONDS)
        return True

    def _listen(self, connection: zmq.Socket[bytes], wake: sockets.socket) -> None:
        poller, pause = _poller(connection, wake), _poller(wake)
        while wake.fileno() not in dict(poller.poll()):
            self._read_waiting(connection)
            if pause.poll(BATCH_MILLISECONDS):
                return

    def _read_waiting(self, connection: zmq.Socket[bytes]) -> None:
        for _ in range(1_000):  # then look whether to stop
            try:
                frames = connection.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            try:
                self._handle(frames)
            except BaseException as error:  # the listener's errors must not end the listening
                self._tell(error)

    def _tell(self, error: BaseException) -> None:
        report, self._report = self._report, None
        if report is not None:
            with contextlib.suppress(BaseException):
                report(error)

    def _handle(self, frames: Sequence[zmq.Frame]) -> None:
        """Look at the small frames first: a large content is parsed only when it is wanted."""
        start = next(index for index, frame in enumerate(frames) if len(frame) == len(DELIM) and frame.bytes == DELIM)
        signature, header, parent, metadata, content = frames[start + 1 : start + 6]
        msg_type = str(self._session.unpack(header.bytes)["msg_type"])
        parent_id = str(self._session.unpack(parent.bytes).get("msg_id", ""))
        size = len(content)
        if msg_type not in ALWAYS_PARSED and not self._listener.wants(parent_id, msg_type, size):
            self._shorten(parent_id, msg_type, content.buffer)
            return
        if self._session.auth is not None:
            signed = self._session.sign([header.buffer, parent.buffer, metadata.buffer, content.buffer])
            if signed != signature.bytes:
                raise ValueError(f"A {msg_type} message on iopub has a wrong signature; it was left out.")
        self._deliver(parent_id, msg_type, self._session.unpack(content.bytes))

    def _deliver(self, parent_id: str, msg_type: str, content: Content) -> None:
        if msg_type == "status" and content.get("execution_state") == "idle":
            self._listener.on_idle(parent_id)
        elif msg_type != "iopub_welcome":
            self._listener.on_message(parent_id, msg_type, content)

    def _shorten(self, parent_id: str, msg_type: str, content: memoryview) -> None:
        """Tell of a message without parsing it, and so without checking its signature, which costs a second a GB.

        The socket is connected to the port that this very process has bound; no one else can publish there.
        """
        ends = stream_ends(content) if msg_type == "stream" else None
        if ends is None:
            self._listener.on_skipped(parent_id, msg_type, len(content))
            if msg_type in RICH:
                self._listener.on_message(parent_id, msg_type, rich_stand_in(content))
            return
        name, head, tail, left_out = ends
        self._listener.on_message(parent_id, msg_type, {"name": name, "text": head})
        self._listener.on_skipped(parent_id, msg_type, left_out)
        self._listener.on_message(parent_id, msg_type, {"name": name, "text": tail})


def _poller(*listened: zmq.Socket[bytes] | sockets.socket) -> zmq.Poller:
    poller = zmq.Poller()
    for one in listened:
        poller.register(one.fileno() if isinstance(one, sockets.socket) else one, zmq.POLLIN)
    return poller


def stream_ends(content: memoryview, room: int = EXCERPT_BYTES) -> tuple[str, str, str, int] | None:
    """A packed stream message's name, first and last text, and the bytes left out between.

    None when it is small, or not written as kernels write it (``{"name": …, "text": …}``).
    """
    start = STREAM_START.match(bytes(content[:200]))
    end = STREAM_END.search(bytes(content[-20:]))
    room = min(room, len(content) // 2 - 120)
    if start is None or end is None or room < 1:
        return None
    first = bytes(content[start.end() : start.end() + room])
    last = bytes(content[len(content) - 20 - room : len(content) - 20 + end.start()])
    safe = OUTSIDE_ESCAPE.search(last)
    last = last[safe.end() :] if safe else b""
    head, tail = _unescape_start(first), _unescape_start(last)
    left_out = len(content) - start.end() - (20 - end.start()) - len(first) - len(last)
    return start[1].decode(), head, tail, left_out


def _unescape_start(escaped: bytes) -> str:
    """The text of the inside of a JSON string that may break off anywhere, and begin inside a character."""
    text = escaped.decode("utf-8", "ignore")
    for cut in range(min(7, len(text) + 1)):
        with contextlib.suppress(ValueError):
            return str(json.loads(f'"{text[: len(text) - cut]}"', strict=False))
    return ""


def rich_stand_in(content: memoryview, look: int = 8_192) -> Content:
    """What a packed rich output says of itself at its two ends, as the content of a message of that type.

    The mime types and ``text/plain`` are those found there: ipykernel writes the small ones first.
    """
    ends = bytes(content[:look]) + b"\n" + bytes(content[look:][-look:])
    plain, display_id, count = (found.search(ends) for found in (PLAIN_TEXT, DISPLAY_ID, EXECUTION_COUNT))
    data: Content = {mime.decode(): "" for mime in MIME_KEY.findall(ends)}
    data.pop("text/plain", None)
    if plain is not None:
        data["text/plain"] = _unescape_start(plain[1])
    short = stand_in(data, len(content))
    if display_id is not None:
        short["transient"] = {"display_id": _unescape_start(display_id[1])}
    if count is not None:
        short["execution_count"] = int(count[1])
    return short
