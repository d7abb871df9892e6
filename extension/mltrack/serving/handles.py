"""``mltrack.serve`` and the handle it gives: a server of a model, seen from the process that started or found it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, Unpack

from mltrack.exceptions import AlreadyExistsError, MltrackError
from mltrack.process import current_owner
from mltrack.serving import states
from mltrack.serving.calls import call
from mltrack.serving.launch import Process, end, launch
from mltrack.serving.logs import tail
from mltrack.serving.options import settings_of
from mltrack.serving.parent import how_it_ended, kill_session
from mltrack.serving.predictions import as_body, as_predictions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.serving.settings import ServeOptions, Settings
    from mltrack.serving.states import State

STOP_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a front that died is started again: none the first time, then these, doubled each time."""

_RELOAD_SECONDS = 600.0
_POLL_SECONDS = 0.02
_HEALTHY_SECONDS = 60.0
_NOTHING = {
    **dict.fromkeys(("requests", "requests_per_second", "errors", "in_flight", "restarts", "uptime_s"), 0),
    **dict.fromkeys(("p50_ms", "p99_ms", "last_error", "serving"), None),
}


class Server:
    """A model behind a URL, in processes of its own.

    As a context manager it is stopped at the end of the block. ``mltrack.serve`` and ``mltrack.servers`` make these.
    """

    def __init__(self, state: State, process: Process | None = None) -> None:
        self._state = state
        self._process = process
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None
        self._restarts = 0
        self._error: str | None = None
        if process is not None and not self.detached:
            self._watch(process)

    def __repr__(self) -> str:
        return f"<Server {self.name!r} {self.status}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """The server's name, which no other server of this user has."""
        return self._state.settings.name

    @property
    def url(self) -> str:
        """Where it answers, as ``http://127.0.0.1:5000``; predictions are at ``/invocations`` below it."""
        return self._state.url

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._state.port

    @property
    def pid(self) -> int:
        """The id of the process that answers; those with the model are its children."""
        return self._state.owner.pid

    @property
    def model_uri(self) -> str:
        """What it was started with; ``stats()["model_uri"]`` is what it serves by now."""
        return self._state.settings.model_uri

    @property
    def detached(self) -> bool:
        """Whether it outlives the process that started it."""
        return self._state.settings.parent is None

    @property
    def token(self) -> str | None:
        """What callers must send as ``Authorization: Bearer TOKEN``; None when they need nothing."""
        return self._state.settings.token

    @property
    def token_file(self) -> str | None:
        """The file that holds the token, for callers in other processes of this user."""
        return str(self._state.token_file) if self._state.token_file else None

    @property
    def state(self) -> str:
        """One word.

        ``ready``; ``restarting`` (a process died, and another is coming); ``failing`` (it dies again and again);
        ``unreachable`` (it lives, but does not answer); ``stopped``.
        """
        return str(self.stats()["state"])

    @property
    def status(self) -> str:
        """One line: the state, what is served and where, and why it is not ready."""
        stats = self.stats()
        where = f"{stats['serving'] or self.model_uri} at {self.url}"
        reason = f": {stats['last_error']}" if stats["last_error"] and stats["state"] != "ready" else ""
        return f"{stats['state']}, {where}{reason}"

    @property
    def error(self) -> str | None:
        """Why a process of the server last ended, or a reload failed; None when none has."""
        found = self.stats()["last_error"]
        return None if found is None else str(found)

    def stats(self) -> dict[str, Any]:
        """Give the figures of the server.

        ``state``, ``requests`` (to ``/invocations``, since the start), ``requests_per_second`` (over 10 s), ``p50_ms``
        and ``p99_ms`` (of the last 2,048; None before the first), ``errors`` (answers of 400 or more), ``in_flight``,
        ``restarts``, ``last_error``, ``uptime_s``, ``model_uri``, ``serving`` (the version that it names now).
        """
        own: dict[str, Any] = {"last_error": self._error, "restarts": self._restarts}
        if not self._state.is_running():
            return {**_NOTHING, "model_uri": self.model_uri, **own, "state": self._state_of_none()}
        try:
            found: dict[str, Any] = call(self._state, "/mltrack/statistics", owner=True)
        except MltrackError as error:
            return {**_NOTHING, "model_uri": self.model_uri, **own, "state": "unreachable", "last_error": str(error)}
        found["restarts"] += self._restarts
        found["last_error"] = found["last_error"] or self._error
        return found

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Send data to the server, and give its predictions.

        Parameters
        ----------
        data
            A data frame, series, array, list of records or dict of columns.
        params
            What ``predict`` of the model takes beside the data.

        Returns
        -------
        numpy.ndarray, pandas.DataFrame or list
            For a frame, series or array an array, or a frame where the predictions have columns; else plain values.

        Raises
        ------
        InvalidParameterError
            When the data are not what the model takes; the message names the column.
        StateError
            When the server does not answer.
        MltrackError
            When the model fails, takes too long or has too much to do.
        """
        seconds = self._state.settings.limits.timeout + STOP_SECONDS
        return as_predictions(call(self._state, "/invocations", as_body(data, params), seconds=seconds), data)

    def logs(self, lines: int = 50) -> str:
        """Give the last lines of what the model and the server have printed."""
        return tail(self._state.log_file, lines)

    def reload(self, model_uri: str | None = None) -> None:
        """Load the model anew, or another one, while the present one answers, and then change them; none is lost.

        Raises
        ------
        MltrackError
            When it cannot be loaded; the present one goes on answering.
        """
        body = json.dumps({"model_uri": model_uri}).encode()
        call(self._state, "/mltrack/reload", body, owner=True, seconds=_RELOAD_SECONDS)

    def restart(self) -> None:
        """Stop the server and start it again, at the same port; it is this process's then, unless it is detached."""
        self.stop()
        parent = None if self.detached else str(current_owner())
        self._start(self._state.settings.changed(port=self.port, parent=parent))

    def stop(self) -> None:
        """Stop the server: requests that are being answered are, for at most 5 s, and the port is free."""
        with self._lock:
            self._stopping.set()
        if self._state.is_running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self._state.is_running() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            if self._state.is_running():
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
        if self._process is not None:
            end(self._process)
        if self._watcher is not None:
            self._watcher.join(STOP_SECONDS)  # it may be about to start the server again
        self._state.remove()
        _own.pop(self._state.settings.nonce, None)

    def _start(self, settings: Settings) -> None:
        self._process, self._state = launch(settings)
        self._stopping = threading.Event()
        if not self.detached:
            _own[settings.nonce] = self
            self._watch(self._process)

    def _state_of_none(self) -> str:
        if self._stopping.is_set() or self._process is None or self.detached:
            return "stopped"
        return "restarting" if self._restarts < 2 else "failing"

    def _watch(self, process: Process) -> None:
        """Start the front again when it ends by itself: a thread of this process waits for that."""
        self._watcher = threading.Thread(
            target=self._keep_alive, args=(process, self._stopping), name="mltrack-server", daemon=True
        )
        self._watcher.start()

    def _keep_alive(self, process: Process, stopping: threading.Event) -> None:
        pause, began = 0.0, time.monotonic()
        while process.wait() != 0:  # it ends with 0 when somebody has told it to
            kill_session(process.pid)
            self._error = how_it_ended("the server's process", process.returncode)
            pause = 0.0 if time.monotonic() - began > _HEALTHY_SECONDS else pause
            started = None
            while started is None:
                if stopping.wait(pause):
                    return
                pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
                began = time.monotonic()
                started = self._start_again(stopping)
            process = started
        stopping.set()

    def _start_again(self, stopping: threading.Event) -> Process | None:
        self._restarts += 1
        try:
            process, state = launch(self._state.settings.changed(port=self.port), stopping=stopping)
        except MltrackError as error:
            self._error = error.message
            return None
        with self._lock:
            if stopping.is_set():
                end(process)
            else:
                self._process, self._state = process, state
        return process


def serve(model: Any, **options: Unpack[ServeOptions]) -> Server:
    """Serve a model over HTTP from this machine; gives a handle as soon as the server answers.

    It has processes of its own, which an interrupt of this one does not reach, and which end when this one does.

    Parameters
    ----------
    model
        The URI of a model (``models:/NAME@champion``, ``models:/NAME/3``, ``runs:/RUN_ID/NAME``, a path), a run, a
        version of a registered model, what ``log_model`` gave, or a fitted estimator: as autolog has logged it, else it
        is logged now. A server of an alias, a stage or ``latest`` changes to another version when that does.
    port, host
        Default: the first port that is free from 5000 on, and ``127.0.0.1``. On any other host, callers need a token.
    workers
        Processes that hold the model; default 1.
    name
        Default: the model's. A server of this process that has the name is stopped first.
    detach
        True lets the server outlive this process; ``mltrack.servers()`` finds it again.
    timeout, max_body, queue
        Seconds until a request is answered 504 (default 30), its bytes (16 MiB; 413), and how many wait (256; 503).
    token
        What callers must send as ``Authorization: Bearer TOKEN``, of 16 characters or more. Default: none on this
        machine's own addresses, else a new one each time; see ``Server.token_file``.
    allow_unauthenticated
        True opens a server on another host to everyone: in a container whose platform asks callers who they are.
    allowed_hosts
        The values of the header Host under which the server is reached beside its own address, as ``("ml.example",)``
        behind a proxy. On another host than this machine's own, every name goes unless some are given.
    batching
        Whether requests that arrive together may go to the model in one ``predict``. Default: what the model's metadata
        say under ``batching``, else True for a library's model, False for a class or function of one's own.
    env_manager
        ``local``, or ``uv`` or ``conda`` for a fresh environment of what the model requires.
    header_timeout, body_timeout, start_timeout
        Seconds in which a request's headers must come (15), its body may pause (60), the model must be loaded (600).

    Raises
    ------
    AlreadyExistsError
        When the port that was asked for, or the name, is taken.
    MltrackError
        When the model cannot be loaded; the message says why, and nothing is left running.
    """
    settings = settings_of(model, options, owned=not options.get("detach", False))
    if not settings.numbered:
        _stop_own(settings.name)
    process, state = launch(settings)
    _own[settings.nonce] = Server(state, process)
    return _own[settings.nonce]


def servers() -> list[Server]:
    """Give the servers of this user on this machine that run, the oldest first, whichever process started them."""
    return [_own.get(state.settings.nonce) or Server(state) for state in states.found()]


_own: dict[str, Server] = {}
"""The handles of the servers that this process has started."""


def _stop_own(name: str) -> None:
    """Stop this process's server of a name, for one that is to have it."""
    for server in servers():
        if server.name == name and server not in _own.values():
            raise AlreadyExistsError(
                f"A server named {name!r} runs already, at {server.url}; stop it, or give another name."
            )
        if server.name == name:
            server.stop()
