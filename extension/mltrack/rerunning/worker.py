"""A process that runs jobs one after the other, each in a clean kernel: ``python -m mltrack.rerunning.worker``.

It reads a job, as JSON, from each line of its standard input, and writes what happens to its standard output, a JSON
object a line: ``kernel`` (its pid), ``cell`` (which of the job's begins), ``text`` (what a cell printed or gave),
``error`` (what went wrong, in which cell and line) and ``end`` (how the job ended: ``finished``, ``failed`` or
``killed``). When its input is closed, because who started it wants it to stop or has ended, it interrupts the cell.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PARENT_SECONDS = 1.0


async def _work(told: IO[str]) -> None:
    from mltrack.rerunning.cell_runner import Runner  # nbclient, after what spares this process a second

    runner = Runner(told)
    threading.Thread(target=runner.listen, args=(sys.stdin,), name="mltrack-jobs", daemon=True).start()
    threading.Thread(target=_watch_parent, args=(runner.stop,), name="mltrack-parent", daemon=True).start()
    await runner.work()


def _watch_parent(stop: Callable[[], None]) -> None:
    """Stop when the process that started this one has ended: a forked child of it may keep the input open."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    stop()


def main() -> None:
    """Work until the standard input is closed."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything else prints is no message
    # A second to import, and it checks addresses in notebooks: jsonschema does without, and these notebooks have none.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    asyncio.run(_work(told))
    os._exit(0)  # the thread that reads may still wait for a line


if __name__ == "__main__":
    main()
