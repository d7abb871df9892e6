"""A real kernel for the benchmarks, driven as a front end drives it."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

PATIENCE_SECONDS = 600


class Kernel:
    """A kernel and its client; cells are sent with the metadata a front end sends."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.client = client
        self.pid = int(getattr(manager.provisioner, "pid"))  # noqa: B009 - the base class does not declare it

    def run(self, code: str, *, cell_id: str | None = None) -> float:
        """Run a cell; gives the seconds from sending the request until the kernel says it is idle."""
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": True,
        }  # fmt: skip
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        begun = time.perf_counter()
        self.client.shell_channel.send(message)
        self._await_idle(message["header"]["msg_id"])
        seconds = time.perf_counter() - begun
        reply = self._reply(message["header"]["msg_id"])
        if reply["status"] != "ok":
            raise RuntimeError("\n".join(reply.get("traceback", [str(reply)])))
        return seconds

    def _reply(self, message_id: str) -> Any:
        while True:  # a slow start may have left replies to requests before it
            message = self.client.get_shell_msg(timeout=PATIENCE_SECONDS)
            if message["parent_header"].get("msg_id") == message_id:
                return message["content"]

    def _await_idle(self, message_id: str) -> None:
        while True:
            got = self.client.get_iopub_msg(timeout=PATIENCE_SECONDS)
            if got["parent_header"].get("msg_id") == message_id and got["content"].get("execution_state") == "idle":
                return

    def ask(self, expression: str, path: Path) -> Any:
        """Give the value of an expression in the kernel, by way of a file; it must be JSON."""
        self.run(f"import json as _json; open({str(path)!r}, 'w').write(_json.dumps({expression}));")
        return json.loads(path.read_text())

    def rss(self) -> int:
        """Give the kernel's resident bytes."""
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def kernel(folder: Path, store: Path) -> Iterator[Kernel]:
    """Start a kernel whose files and store are these, and end it."""
    folder.mkdir(parents=True, exist_ok=True)
    manager = KernelManager(kernel_name="python3", connection_file=str(folder / "kernel-bench.json"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JPY", "MLTRACK_"))}
    names = {
        "IPYTHONDIR": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "MLTRACK_TRACKING_URI": f"sqlite:///{store}",
    }
    manager.start_kernel(env={**kept, **names}, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE_SECONDS)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
