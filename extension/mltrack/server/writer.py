"""The thread that writes what callers log.

Everything that waits when it begins goes into one transaction, each request's part behind a savepoint: one that is
refused does not touch the others, and nobody is answered before all of it is kept. So the more callers there are, the
less each of them costs, and the loop that talks to them never waits for the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.exceptions import StoreBusyError, StoreFullError
from mltrack.store.batches import RunBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mltrack.server.call import Call
    from mltrack.server.need import Need
    from mltrack.server.service import Service

MOST_ITEMS = 5_000  # points, params and tags of one transaction, after which others may have their turn


@dataclass(frozen=True, slots=True)
class Gathered:
    """The work of a route that only logs to a run: ``batch`` gives what of a request."""

    batch: Callable[[Call], RunBatch]

    def __call__(self, call: Call) -> None:
        """Write it by itself."""
        asked = self.batch(call)
        call.store.log_batch(asked.run_id, metrics=asked.metrics, params=asked.params, tags=asked.tags)


class _Waiting(NamedTuple):
    batch: Callable[[Call], RunBatch]
    need: Need
    call: Call
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Writer:
    """Writes for one process, whose requests come from one loop of events."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._queue: SimpleQueue[list[_Waiting]] = SimpleQueue()
        self._new: list[_Waiting] = []
        self._thread: threading.Thread | None = None

    @property
    def gathers(self) -> bool:
        """Whether the store can write several batches in one transaction."""
        return hasattr(self._service.store, "log_batches")

    @property
    def waiting(self) -> int:
        """How many times something was handed over that waits for what is being written now."""
        return self._queue.qsize()

    async def write(self, work: Gathered, need: Need, call: Call) -> None:
        """Write what a request logs, if its caller may; returns once it is kept, or raises what it is refused for."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        if not self._new:  # what else the loop finds in this turn is handed over with it: waking a thread costs most
            loop.call_soon(self._hand_over)
        self._new.append(_Waiting(work.batch, need, call, loop, done))
        await done

    def _hand_over(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="mltrack-writer", daemon=True)
            self._thread.start()
        new, self._new = self._new, []
        self._queue.put(new)

    def _run(self) -> None:
        while True:
            waiting, batches, refusals = self._gathered()
            outcomes = self._written(batches) if batches else []
            kept = iter(outcomes)
            found = [refusal if refusal is not None else next(kept) for refusal in refusals]
            for loop in {each.loop for each in waiting}:
                answers = [(each.done, what) for each, what in zip(waiting, found, strict=True) if each.loop is loop]
                try:
                    loop.call_soon_threadsafe(_settle, answers)
                except RuntimeError:  # the server has ended
                    return

    def _gathered(self) -> tuple[list[_Waiting], list[RunBatch], list[BaseException | None]]:
        """Take all that waits, from the first one on; gives each one's refusal, or None for those to be written."""
        waiting, batches, size = self._queue.get(), list[RunBatch](), 0
        refusals: list[BaseException | None] = []
        for each in waiting:
            try:
                self._service.gate.check(each.need, each.call)
                batches.append(each.batch(each.call))
                size += batches[-1].size
                refusals.append(None)
            except Exception as error:
                refusals.append(error)
            if len(refusals) == len(waiting) and size < MOST_ITEMS:
                with contextlib.suppress(Empty):
                    waiting += self._queue.get_nowait()
        return waiting, batches, refusals

    def _written(self, batches: Sequence[RunBatch]) -> Sequence[BaseException | None]:
        if len(batches) == 1:
            return [self._alone(batches[0])]
        store: Any = self._service.store
        try:
            found: Sequence[BaseException | None] = store.log_batches(batches)
        except (StoreBusyError, StoreFullError) as error:  # nothing of it is kept, and nothing else would be now
            return [error] * len(batches)
        except Exception:  # one of them brought down the others
            return [self._alone(each) for each in batches]
        return found

    def _alone(self, batch: RunBatch) -> BaseException | None:
        try:
            self._service.store.log_batch(batch.run_id, metrics=batch.metrics, params=batch.params, tags=batch.tags)
        except Exception as error:
            return error
        return None


def _settle(answers: Sequence[tuple[asyncio.Future[None], BaseException | None]]) -> None:
    for done, error in answers:
        if done.done():  # nobody waits any more
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
