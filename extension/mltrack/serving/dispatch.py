"""The queue between callers and workers: requests that wait are given to the next free worker, several at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from mltrack.serving.refusals import timed_out, unavailable
from mltrack.serving.window import Window

if TYPE_CHECKING:
    from mltrack.serving.messages import Answer, Request
    from mltrack.serving.workers import Worker

MOST_REQUESTS, MOST_BYTES = 64, 1 << 20
"""What one batch holds at most; a larger request goes alone."""

HANG_SECONDS = 5.0
"""A worker that is so much longer at a batch than any caller waits is killed."""

OVERLOADED = "The server has as many requests as it takes; try again in a moment."
CRASHED = "The model's process ended while it worked on this request."
ENDING = "The server is stopping."


class Job:
    """A request that waits for its answer."""

    __slots__ = ("answer", "arrived", "request")

    def __init__(self, request: Request, answer: asyncio.Future[Answer]) -> None:
        self.request = request
        self.answer = answer
        self.arrived = time.monotonic()


class Batch:
    """The requests that a worker is at."""

    __slots__ = ("jobs", "sent")

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.sent = time.monotonic()


class Dispatcher:
    """Gives requests to workers; each request is answered once, by the model, or when time or the worker runs out."""

    def __init__(self, *, queue: int, timeout: float) -> None:
        self._queue = queue
        self._timeout = timeout
        self._waiting: deque[Job] = deque()
        self._free: list[Worker] = []
        self._batches: dict[Worker, Batch] = {}
        self._window = Window()
        self._timer: asyncio.TimerHandle | None = None
        self._batching = True
        self._paused: str | None = None
        self._closed = False

    @property
    def is_idle(self) -> bool:
        """Whether no request waits, and no worker is at one."""
        return not self._waiting and not self._batches

    async def ask(self, request: Request) -> Answer:
        """Have a request answered: by the model, or with 503 where the queue is full or closed, or 504 in the end."""
        if self._paused:
            return unavailable(self._paused)
        if len(self._waiting) >= self._queue:
            self._forget_the_gone()
            if len(self._waiting) >= self._queue:
                return unavailable(OVERLOADED)
        job = Job(request, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._pump()
        return await job.answer  # when the caller goes, this is cancelled, and the job is skipped

    def add(self, worker: Worker, *, batching: bool) -> None:
        """Take a worker that can answer."""
        self._batching = batching
        self._paused = self._paused if self._closed else None
        self._free.append(worker)
        self._pump()

    def remove(self, worker: Worker) -> None:
        """Give a worker nothing more; what it is at it may finish."""
        if worker in self._free:
            self._free.remove(worker)

    def is_busy(self, worker: Worker) -> bool:
        """Say whether a worker is at a batch."""
        return worker in self._batches

    def answered(self, worker: Worker, answers: list[Answer], *, stays: bool) -> None:
        """Pass a worker's answers on; unless it stays, it gets nothing more."""
        batch = self._batches.pop(worker, None)
        if batch is None:
            return
        for job, answer in zip(batch.jobs, answers, strict=True):
            _settle(job, answer)
        self._window.answered(len(batch.jobs), len(self._waiting), time.monotonic() - batch.sent)
        if stays:
            self._free.append(worker)
        self._pump()

    def lost(self, worker: Worker) -> None:
        """Answer 503 to those whose request a worker was at when it died."""
        self.remove(worker)
        batch = self._batches.pop(worker, None)
        for job in batch.jobs if batch else ():
            _settle(job, unavailable(CRASHED))

    def pause(self, reason: str) -> None:
        """Answer 503 to all who wait and come, until a worker is added."""
        self._paused = reason
        while self._waiting:
            _settle(self._waiting.popleft(), unavailable(reason))

    def close(self) -> None:
        """Answer 503 to all who wait and come, for good; those whom workers are at may still be answered."""
        self.pause(ENDING)
        self._closed = True

    def give_up(self) -> None:
        """Answer 503 to those whom workers are still at."""
        for batch in self._batches.values():
            for job in batch.jobs:
                _settle(job, unavailable(ENDING))

    def check(self) -> list[Worker]:
        """Answer 504 to those who have waited too long; gives the workers that hang."""
        limit = time.monotonic() - self._timeout
        while self._waiting and (self._waiting[0].arrived < limit or self._waiting[0].answer.done()):
            _settle(self._waiting.popleft(), timed_out(self._timeout))
        for batch in self._batches.values():
            for job in batch.jobs:
                if job.arrived < limit:
                    _settle(job, timed_out(self._timeout))
        return [worker for worker, batch in self._batches.items() if batch.sent < limit - HANG_SECONDS]

    def _forget_the_gone(self) -> None:
        """Give the places of callers who hung up to others."""
        self._waiting = deque(job for job in self._waiting if not job.answer.done())

    def _pump(self) -> None:
        """Give the free workers what waits, now or when it was worth waiting for more."""
        while self._waiting and self._free:
            seconds = self._window.seconds(len(self._waiting)) if self._batching else 0.0
            left = self._waiting[0].arrived + seconds - time.monotonic()
            if left > 0:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(left, self._time_is_up)
                return
            self._send(self._free.pop())

    def _time_is_up(self) -> None:
        self._timer = None
        self._pump()

    def _send(self, worker: Worker) -> None:
        jobs = self._take()
        if not jobs:
            self._free.append(worker)
            return
        self._batches[worker] = Batch(jobs)
        self._window.sent(len(jobs))
        worker.send([job.request for job in jobs])

    def _take(self) -> list[Job]:
        """Take the requests of one batch, the oldest first; those whose callers are gone are dropped."""
        jobs: list[Job] = []
        size = 0
        most = MOST_REQUESTS if self._batching else 1
        while self._waiting and len(jobs) < most:
            if self._waiting[0].answer.done():
                self._waiting.popleft()
                continue
            size += len(self._waiting[0].request.body)
            if jobs and size > MOST_BYTES:
                break
            jobs.append(self._waiting.popleft())
        return jobs


def _settle(job: Job, answer: Answer) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)
