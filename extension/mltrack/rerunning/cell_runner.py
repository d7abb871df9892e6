"""Runs jobs one after the other, each in a clean kernel by nbclient, and tells what happens."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import suppress
from typing import IO, Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from mltrack.rerunning import inside
from mltrack.rerunning.jobs import Job

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"Cell In\[\d+\], line (\d+)")
_FINISH_SECONDS = 30.0
_INTERRUPT_SECONDS = 5.0


class _Client(NotebookClient):
    """A notebook's client that passes on what cells show."""

    tell: Any = None

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        content = msg["content"]
        if msg["msg_type"] == "stream":
            self.tell("text", text=content["text"])
        elif msg["msg_type"] == "execute_result":
            self.tell("text", text=content["data"].get("text/plain", "") + "\n")
        return super().process_message(msg, cell, cell_index)

    async def silently(self, code: str) -> None:
        """Run what is no cell; RuntimeError when it fails."""
        client: Any = self.kc
        reply = await self.async_wait_for_reply(client.execute(code, silent=True, store_history=False))
        if reply is not None and reply["content"]["status"] == "error":
            raise RuntimeError(f"{reply['content']['ename']}: {reply['content']['evalue']}")


class Runner:
    """Runs jobs, telling what happens; ``stop`` may be called from another thread."""

    def __init__(self, told: IO[str]) -> None:
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._jobs: asyncio.Queue[Job | None] = asyncio.Queue()

    def listen(self, lines: IO[str]) -> None:
        """Take jobs from lines until there are no more; then stop."""
        with suppress(OSError, ValueError):
            for line in lines:
                self._loop.call_soon_threadsafe(self._jobs.put_nowait, Job.from_json(line))
        self.stop()

    def stop(self) -> None:
        """Interrupt the cell that runs, and take no further job."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._loop.call_soon_threadsafe(self._jobs.put_nowait, None)

    async def work(self) -> None:
        """Run jobs until there are no more."""
        while (job := await self._jobs.get()) is not None and not self._stopped.is_set():
            try:
                status = await self._run(job)
            except DeadKernelError:
                status = "killed"
                if not self._stopped.is_set():
                    self._tell("error", text="The kernel died: it was killed, ran out of memory, or crashed.")
            except (RuntimeError, OSError) as error:
                status = "failed"
                self._tell("error", text=str(error))
            self._tell("end", status="killed" if self._stopped.is_set() else status)

    def _tell(self, kind: str, **content: object) -> None:
        self._told.write(json.dumps({"kind": kind, **content}) + "\n")
        self._told.flush()

    async def _run(self, job: Job) -> str:
        client = _Client(nbformat.v4.new_notebook(), timeout=None)
        client.tell = self._tell
        manager: Any = client.create_kernel_manager()
        manager.kernel_spec.argv = [
            *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR")
        ]
        async with client.async_setup_kernel(cwd=job.folder):
            self._tell("kernel", pid=getattr(manager.provisioner, "pid", None))
            watch = asyncio.create_task(self._watch(manager))
            try:
                return await self._run_cells(client, job)
            finally:
                watch.cancel()

    async def _run_cells(self, client: _Client, job: Job) -> str:
        await client.silently(inside.call("begin", job.store))
        client.nb.cells = [nbformat.v4.new_code_cell(source) for source in job.sources]
        status = "finished"
        for number, cell in enumerate(client.nb.cells):
            if self._stopped.is_set():
                break
            self._tell("cell", number=number + 1)
            if number == len(client.nb.cells) - 1:
                await client.silently(inside.call("expect", job.to_json()))
            try:
                await client.async_execute_cell(cell, number)
            except CellExecutionError as error:
                self._tell(
                    "error", text=f"{error.ename}: {error.evalue}", cell=number + 1, line=line_of(error.traceback)
                )
                status = "failed"
                break
        await asyncio.wait_for(client.silently(inside.call("finish")), _FINISH_SECONDS)
        return status

    async def _watch(self, manager: Any) -> None:
        """Interrupt the cell that runs when the worker is to stop, and end the kernel if that does not help."""
        await self._stopped.wait()
        await manager.interrupt_kernel()
        await asyncio.sleep(_INTERRUPT_SECONDS)
        await manager.shutdown_kernel(now=True)


def line_of(traceback: str) -> int | None:
    """Give the line of the cell at which an exception passed, as IPython's traceback says."""
    found = _PLACE.search(_ANSI.sub("", traceback))
    return int(found[1]) if found else None
