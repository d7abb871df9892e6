"""What the processes of the senders' tests do; run as a script: ``python senders.py WHAT URL SIDE [ARGUMENT…]``.

An acknowledgement is a line appended to a side file once the call has returned.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from mltrack.entities import Metric, Param, RunTag
from mltrack.exceptions import MltrackError
from mltrack.rest import sender as sending
from mltrack.rest.sender import Sender
from mltrack.rest.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CALLS = 1_000_000  # should nobody kill it


class Side:
    """A file that gets a line, in one system call, for each acknowledgement."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def note(self, text: object) -> None:
        os.write(self._descriptor, f"{text}\n".encode())


def steadily(sender: Sender, side: Side, run: str, pause: str) -> None:
    """Log a point a call until killed; the side file has each step with the time of its call."""
    for step in range(MOST_CALLS):
        sender.send(run, (Metric("loss", 1 / (step + 1), 1_000 + step, step),))
        side.note(f"{step} {time.monotonic():.6f}")
        if step % 10 == 0:
            time.sleep(float(pause))


def flushing(sender: Sender, side: Side, run: str) -> None:
    """Log and flush until killed; the side file has the steps that were flushed."""
    for step in range(MOST_CALLS):
        sender.send(run, (Metric("loss", 1 / (step + 1), 1_000 + step, step),))
        if step % 7 == 0 and sender.flush(run, 60):
            side.note(step)


def everything(sender: Sender, side: Side, run: str, count: str, signal: str) -> None:
    """Log points, params and tags, and end the run, whatever the server does; the second half once a file is there."""
    for step in range(int(count)):
        while step == int(count) // 2 and not os.path.exists(signal):
            time.sleep(0.01)
        sender.send(run, (Metric("loss", 1 / (step + 1), 1_000 + step, step),))
        if step % 10 == 0:
            sender.send(run, params=[Param(f"p{step}", str(step))], tags=[RunTag("last", str(step))])
            side.note(step)
    sender.end(run, {"status": "FINISHED"})
    side.note("end")


def leaving(sender: Sender, side: Side, run: str, count: str) -> None:
    """Log points and end, as a script does that knows no flush."""
    for step in range(int(count)):
        sender.send(run, (Metric("loss", 1 / (step + 1), 1_000 + step, step),))
    side.note("end")


def forking(sender: Sender, side: Side, run: str, count: str) -> None:
    """Log points in children of multiprocessing, which end without exit handlers."""
    import multiprocessing  # only here

    sending.EXIT_SECONDS = 100.0  # what is not sent by then is kept, and said so

    def work(name: str) -> None:
        for step in range(int(count)):
            sender.send(run, (Metric(name, 1 / (step + 1), 1_000 + step, step),))

    sender.send(run, (Metric("loss", 1.0, 1_000, 0),))
    children = [multiprocessing.get_context("fork").Process(target=work, args=(f"m{each}",)) for each in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    side.note("end")


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task for task in (steadily, flushing, everything, leaving, forking)
}

if __name__ == "__main__":
    what, url, side_path, run_id, *arguments = sys.argv[1:]
    try:
        TASKS[what](Sender(Transport(url), url), Side(side_path), run_id, *arguments)
    except MltrackError as error:
        sys.exit(str(error))
