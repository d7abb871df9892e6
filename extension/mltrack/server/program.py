"""Starts a server, with as many processes as were asked for."""

from __future__ import annotations

import gc
import logging
import os
import signal
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import AlreadyExistsError, InvalidParameterError
from mltrack.masking import mask_text
from mltrack.server.counts_folder import counts_folder
from mltrack.server.gates import with_users
from mltrack.server.log import write_log
from mltrack.server.places import Places
from mltrack.server.settings import COUNTS
from mltrack.server.tls import check_files
from mltrack.server.turns import Shared, Turns
from mltrack.serving.ports import listen
from mltrack.store.artifacts import is_remote

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from mltrack.server.settings import ServerSettings


def run(settings: ServerSettings, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` is told where, once the server answers.

    Raises
    ------
    InvalidParameterError
        When a file for TLS, or a place for artifacts, cannot be used.
    MissingLibraryError
        When a library for that place is not installed.
    StateError
        When the host is open to other machines and the store has no users.
    AlreadyExistsError
        When the port is taken.
    StoreError
        When the store cannot be used.
    """
    check_files(settings)
    _check_folder(Places(settings).root)  # what cannot be is told before a process is started for it
    settings = with_users(settings)
    listening = _listen(settings)
    settings = replace(settings, port=listening.getsockname()[1])
    write_log()

    def ready() -> None:
        say(f"mltrack server at {settings.url}, store {mask_text(settings.store_uri)}")
        if not (settings.is_local or settings.is_encrypted):
            say("Passwords and tokens travel to it as plain text; give it --ssl-certfile, or a proxy that has TLS.")

    os.environ.pop(COUNTS, None)
    if settings.workers == 1:
        _work(settings, listening, on_ready=ready, signals=(signal.SIGTERM, signal.SIGINT))
    else:
        _work_together(settings, listening, ready)


def _work(
    settings: ServerSettings,
    listening: socket.socket,
    *,
    on_ready: Callable[[], None],
    signals: tuple[signal.Signals, ...],
    on_change: Callable[[int], None] | None = None,
) -> None:
    """Answer in this process; see ``Worker``."""
    from mltrack.server.app import Application, service_of  # they are slow, and a wrong option is told without them
    from mltrack.server.leftovers import sweep_soon  # so is this
    from mltrack.server.worker import Worker  # and this

    service = service_of(settings)
    sweep_soon(service)
    worker = Worker(Application(service), settings, on_ready=on_ready, on_change=on_change)
    worker.run(listening, signals=signals)


def _work_together(settings: ServerSettings, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Answer in other processes, forked from this one when it has all modules."""
    with counts_folder() as folder:
        os.environ[COUNTS] = folder  # before the module is there that counts
        from mltrack.server import figures  # which brings along what counts
        from mltrack.server.processes import Processes  # one process does without

        for name in ("mltrack.server.app", "mltrack.server.worker"):
            import_module(name)
        gc.freeze()  # what is here stays, so the forks need not look at it
        turns = Turns(settings.workers)

        def work(place: int, on_ready: Callable[[], None]) -> None:
            turns.begin(place)
            shared, change = Shared(listening, turns, place), partial(turns.note, place)
            _work(settings, shared, on_ready=on_ready, on_change=change, signals=(signal.SIGTERM,))

        def note_death(pid: int, place: int, how: str) -> None:
            turns.end(place)
            figures.forget(pid)
            logging.getLogger("mltrack.server").error(how)

        processes = Processes(settings.workers, work)
        processes.on_death, processes.on_end = note_death, listening.close
        processes.run(on_ready)


def _listen(settings: ServerSettings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except AlreadyExistsError as error:
        raise AlreadyExistsError(
            f"Port {settings.port} of {settings.host} is taken, or not for this user; choose another with --port, "
            "or --port 0 for any that is free."
        ) from error


def _check_folder(root: str | None) -> None:
    """Make the folder of artifacts, where there is to be one on this machine; elsewhere look for what it needs."""
    if root is None:
        return
    if is_remote(root):
        from mltrack.store.remote_artifacts import check_library  # for those who keep files elsewhere

        check_library(root)
        return
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidParameterError(
            f"Artifacts cannot be kept in the folder {root}: {error.strerror}. Choose another --artifacts-destination."
        ) from error
