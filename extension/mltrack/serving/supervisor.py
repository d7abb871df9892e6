"""Keeps the workers of a server alive: starts them, starts those that die again, and changes them for others' model."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError
from mltrack.serving.errors import revived
from mltrack.serving.workers import Worker

if TYPE_CHECKING:
    from mltrack.serving.dispatch import Dispatcher
    from mltrack.serving.logs import Log
    from mltrack.serving.messages import Answer
    from mltrack.serving.settings import Settings

TICK_SECONDS = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that died is started again: none the first time, then these, doubled each time."""

MANY_DEATHS = 3
"""So many in a row, none of which has answered anything, and callers are answered 503 until the next is there."""

_LEAVING_SECONDS = 10.0
_FIRST_RETRY, _LAST_RETRY = 30.0, 600.0  # seconds until a version that could not be loaded is tried again
HUNG = "it was at one batch for longer than the time-out, and was killed"


class Crew:
    """The workers of one model, at most as many as the server has."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers: set[Worker] = set()
        try:
            for _ in range(settings.workers):
                self.workers.add(Worker(settings))
        except MltrackError:
            self.kill()
            raise
        self.version: str | None = None  # the URI of the one that they serve
        self.pinned: str | None = None  # what the next of them loads; None for what the model's URI names then
        self.first = asyncio.Event()  # one is ready, or none will be
        self.document: dict[str, Any] = {}
        self.error: dict[str, Any] = {}  # of the last that ended

    @property
    def is_ready(self) -> bool:
        """Whether one of them can answer."""
        return any(worker.is_ready for worker in self.workers)

    def kill(self) -> None:
        """End them all at once."""
        for worker in self.workers:
            worker.kill("")


class Supervisor:
    """Watches over the crew that answers, and over one that is to take its place."""

    def __init__(self, crew: Crew, dispatcher: Dispatcher, log: Log) -> None:
        self._crew = crew
        self._next: Crew | None = None
        self._leaving: dict[Worker, float] = {}
        self._dispatcher = dispatcher
        self._log = log
        self._tasks: set[asyncio.Task[Any]] = set()
        self._following: str | None = None  # the version that the alias names, while it is about to be loaded
        self._refused: dict[str, tuple[float, float]] = {}  # versions that could not be loaded: until when, how long
        self._deaths = 0  # in a row
        self.restarts = 0
        self.last_error: str | None = None

    @property
    def state(self) -> str:
        """One of ``starting``, ``ready``, ``restarting`` (a worker died) and ``failing`` (again and again)."""
        if self._crew.is_ready:
            return "ready"
        if self._deaths >= MANY_DEATHS:
            return "failing"
        return "restarting" if self._deaths else "starting"

    @property
    def settings(self) -> Settings:
        """What the crew that answers was started with."""
        return self._crew.settings

    @property
    def document(self) -> dict[str, Any]:
        """What the workers said of the model: its pinned URI, and the description of the API."""
        return self._crew.document

    async def start(self) -> None:
        """Wait until one worker is ready.

        Raises
        ------
        MltrackError
            When the model cannot be loaded; the message says why.
        """
        self._spawn(self._watch())
        await self._attach(self._crew)

    async def reload(self, model_uri: str | None = None) -> dict[str, Any]:
        """Load the model anew, or another one, beside the one that answers, and then change them; no request is lost.

        Raises
        ------
        MltrackError
            When it cannot be loaded, or another is being loaded; the one before goes on answering.
        """
        if self._next is not None:
            raise MltrackError("Another model is being loaded; wait for it.", error_code="ABORTED")
        settings = self._crew.settings
        self._next = Crew(settings.changed(model_uri=model_uri or settings.model_uri))
        try:
            await self._attach(self._next)
            self._swap(self._next)
        finally:
            if self._next is not self._crew:
                for worker in self._next.workers:
                    worker.kill("")
                    self._leaving[worker] = time.monotonic()  # until it is gone
            self._next = None
        return self.document

    async def stop(self, seconds: float) -> None:
        """Let the workers finish what they are at, for so many seconds, and end them."""
        deadline = time.monotonic() + seconds
        while not self._dispatcher.is_idle and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        self._dispatcher.give_up()
        for task in self._tasks:
            task.cancel()
        for worker in self._everyone():
            worker.kill("")

    def kill(self) -> None:
        """End all workers, whatever they are at."""
        for worker in self._everyone():
            worker.kill("")

    def on_ready(self, worker: Worker) -> None:
        """Take a worker that has loaded its model."""
        crew = self._crew_of(worker)
        if crew is None:
            return
        version = worker.document["uri"]
        if version != crew.version and any(each.is_ready for each in crew.workers if each is not worker):
            self._exchange(worker, crew)
            return
        crew.version = crew.pinned = version
        crew.document = worker.document
        crew.first.set()
        if crew is self._crew:
            self._dispatcher.add(worker, batching=bool(worker.document["batches"]))

    def on_answers(self, worker: Worker, answers: list[Answer]) -> None:
        """Pass answers on; a worker whose crew was changed may go then."""
        stays = worker in self._crew.workers
        self._dispatcher.answered(worker, answers, stays=stays)
        if not stays:
            worker.close()

    def on_moved(self, worker: Worker, version: str) -> None:
        """Load what the alias names now; what could not be loaded is tried again after a while, each time a longer."""
        until, _ = self._refused.get(version, (0.0, 0.0))
        is_busy = self._next is not None or self._following is not None
        if worker in self._crew.workers and not is_busy and time.monotonic() >= until:
            self._following = version
            self._log.say(f"{self._crew.settings.model_uri} names version {version}; loading it")
            self._spawn(self._follow(version))

    def on_death(self, worker: Worker) -> None:
        """Answer for a worker that died, and start another, at once the first time and later after each time more."""
        self._dispatcher.lost(worker)
        self._leaving.pop(worker, None)
        crew = self._crew_of(worker)
        if crew is None:
            return
        crew.workers.discard(worker)
        crew.error = {"error_code": MltrackError.code, "type": ""} | worker.error | {"message": worker.reason}
        if crew is not self._crew or not crew.document:  # it never was of use, so another would not be either
            if not crew.workers:
                crew.first.set()
            return
        self._log.say(f"a worker ended: {worker.reason}")
        self._note(worker.reason, was_of_use=worker.has_answered)
        if worker.error and not crew.is_ready:  # it could not load: the next tries the other of the two
            crew.pinned = None if crew.pinned else crew.version
        self._spawn(self._replace(crew))

    def _note(self, reason: str, *, was_of_use: bool) -> None:
        """Count a death, or a worker that could not be started."""
        self._deaths = 1 if was_of_use else self._deaths + 1
        self.last_error = reason
        if self._deaths >= MANY_DEATHS and not self._crew.is_ready:
            self._dispatcher.pause("The model's process keeps ending; it will be started again.")

    def _exchange(self, worker: Worker, crew: Crew) -> None:
        """Start a worker of the crew's version for one that has loaded another: the alias was changed between them."""
        crew.workers.discard(worker)
        worker.kill("")
        self._leaving[worker] = time.monotonic()
        self._spawn(self._replace(crew))

    async def _replace(self, crew: Crew) -> None:
        """Start one more worker of a crew, as soon as that can be."""
        while True:
            if self._deaths > 1:
                await asyncio.sleep(min(FIRST_PAUSE * 2 ** (self._deaths - 2), LONGEST_PAUSE))
            if crew is not self._crew:
                return
            try:
                worker = Worker(crew.settings, pinned=crew.pinned)
            except MltrackError as error:
                self._log.say(error.message)
                self._note(error.message, was_of_use=False)
                continue
            self.restarts += 1
            crew.workers.add(worker)
            await worker.attach(self, self._log)
            return

    async def _attach(self, crew: Crew) -> None:
        for worker in tuple(crew.workers):
            await worker.attach(self, self._log)
        await crew.first.wait()
        if not crew.is_ready:
            raise revived(crew.error, before=f"{crew.settings.model_uri} cannot be served: ")
        for _ in range(crew.settings.workers - len(crew.workers)):  # some died while the first got ready
            self._spawn(self._replace(crew))

    def _swap(self, crew: Crew) -> None:
        before, self._crew = self._crew, crew
        self._deaths = 0
        for worker in before.workers:
            self._dispatcher.remove(worker)
            self._leaving[worker] = time.monotonic()
            if not self._dispatcher.is_busy(worker):
                worker.close()
        for worker in crew.workers:
            if worker.is_ready:
                self.on_ready(worker)
        self._log.say(f"now serving {crew.document['uri']}")

    async def _follow(self, version: str) -> None:
        """Load the version that the alias names; when that cannot be, the one before goes on answering."""
        try:
            if self._next is None:  # else it is told again
                await self.reload()
            self._refused.clear()
        except MltrackError as error:
            _, pause = self._refused.get(version, (0.0, 0.0))
            pause = min(max(2 * pause, _FIRST_RETRY), _LAST_RETRY)
            self._refused = {version: (time.monotonic() + pause, pause)}
            self.last_error = str(error)
            self._log.say(f"the model before goes on answering: {error}")
        finally:
            self._following = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for worker in self._dispatcher.check():
                worker.kill(HUNG)
            for worker in tuple(self._everyone()):
                worker.check()
            for worker, since in tuple(self._leaving.items()):
                if time.monotonic() - since > self._crew.settings.limits.timeout + _LEAVING_SECONDS:
                    worker.kill("")

    def _crew_of(self, worker: Worker) -> Crew | None:
        for crew in (self._crew, self._next):
            if crew is not None and worker in crew.workers:
                return crew
        return None

    def _everyone(self) -> set[Worker]:
        return {*self._crew.workers, *(self._next.workers if self._next else ()), *self._leaving}

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
