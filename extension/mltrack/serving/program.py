"""The process of a server's front: ``python -m mltrack.serving.program``, or the command line's own.

Started by a kernel, it reads its settings as one line of its standard input, and writes one line to its standard
output when it answers or cannot: its ``State``, or ``{"error": {"message": …, "error_code": …, "type": …}}``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError
from mltrack.open_files import raise_file_limit
from mltrack.process import Owner
from mltrack.serving.errors import described
from mltrack.serving.logs import Log, LogHandler
from mltrack.serving.names import Claim
from mltrack.serving.parent import wait_for_end
from mltrack.serving.ports import listen
from mltrack.serving.settings import Settings
from mltrack.serving.states import State
from mltrack.serving.supervisor import Crew

if TYPE_CHECKING:
    from collections.abc import Callable

_OTHER_FILES, _FILES_OF_A_WORKER = 64, 4  # a worker has a socket and a pipe, and so has the one that follows it


class Program:
    """One server: its socket, its workers and its log."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._claim = Claim.of(settings)
        self._settings = self._claim.settings
        self._log = log
        self._socket = listen(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        self._crew = Crew(self._settings)  # loads the model while this process loads what it needs

    def run(self, on_ready: Callable[[State], None], *, parent: int | None = None) -> None:
        """Serve until a signal, or the end of the parent; ``parent`` is a pipe whose other end that holds.

        Raises
        ------
        MltrackError
            When the model cannot be loaded.
        """
        self._allow_files()
        logging.basicConfig(handlers=[LogHandler(self._log)], level=logging.ERROR)
        state = State.of(self._settings, self.port)
        try:
            asyncio.run(self._run(lambda: on_ready(state.write()), parent))
        finally:
            self._crew.kill()
            state.remove()
            self._claim.give_back()

    def _allow_files(self) -> None:
        """Allow as many open files as the system lets, of which each connection is one, and no more connections."""
        limits = self._settings.limits
        files = raise_file_limit() - _OTHER_FILES - _FILES_OF_A_WORKER * self._settings.workers
        if files < limits.connections:
            self._settings = self._settings.changed(limits=replace(limits, connections=max(files, 1)))

    async def _run(self, on_ready: Callable[[], None], parent: int | None) -> None:
        from mltrack.serving.running import Running  # brings uvicorn along, while the workers load the model

        running = Running(self._settings, self._crew, socket=self._socket, log=self._log)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.stop)
        watching = None
        if self._settings.parent and (owner := Owner.parse(self._settings.parent)) and parent is not None:
            watching = loop.create_task(wait_for_end(owner, parent, running.end))
        try:
            await running.serve(on_ready)
        finally:
            if watching is not None:
                watching.cancel()


def main() -> None:
    """Serve what the line on the standard input says."""
    with os.fdopen(os.dup(0), "rb", buffering=0) as pipe:  # which reads the line, and no byte more
        settings = Settings.from_json(pipe.readline())
    answer = os.dup(1)
    os.dup2(2, 1)  # what is printed goes to the log
    log = Log(Path(settings.folder) / f"{settings.nonce}.log")
    try:
        Program(settings, log).run(lambda state: _tell(answer, state.to_json()), parent=os.dup(0))
    except MltrackError as error:
        log.say(error.message)
        _tell(answer, json.dumps({"error": described(error)}))
        sys.exit(1)


def _tell(pipe: int, line: str) -> None:
    """Write the one line, if that is still to be done and somebody reads it."""
    with suppress(OSError):
        os.write(pipe, f"{line}\n".encode())
        os.close(pipe)


if __name__ == "__main__":
    main()
