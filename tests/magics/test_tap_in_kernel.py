from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

Content = dict[str, Any]
SECONDS = 120.0

SETUP = """
import json, sys
from ipykernel.connect import get_connection_file
from mltrack_magics.outputs import DisplayIndex, OutputLog
from mltrack_magics.tap import Tap

class Listener:
    def __init__(self):
        self.logs, self.seen, self.errors, self.displays = {}, {}, [], DisplayIndex()
    def log(self, parent_id):
        new = OutputLog(displays=self.displays, execution=parent_id)
        return self.logs.setdefault(parent_id, new)
    def on_message(self, parent_id, msg_type, content):
        self.seen.setdefault(parent_id, []).append([msg_type, content])
        if msg_type == "update_display_data":
            self.displays.update(content["transient"]["display_id"], content["data"], content["metadata"])
        self.log(parent_id).add(msg_type, content)
    def on_idle(self, parent_id):
        self.seen.setdefault(parent_id, []).append(["idle", {}])
    def wants(self, parent_id, msg_type, size):
        return self.log(parent_id).wants(msg_type, size)
    def on_skipped(self, parent_id, msg_type, size):
        self.log(parent_id).skip(msg_type, size)

def shown(text):
    told = [each for messages in list(listener.seen.values()) for each in list(messages)]
    return any(kind == "stream" and text in content["text"] for kind, content in told)

listener = Listener()
tap = Tap(get_connection_file(), listener, report=listener.errors.append)
assert tap.start(60)
"""


class Notebook:
    """A running kernel with a tap inside, and what its client saw of each execution."""

    def __init__(self, client: BlockingKernelClient, folder: Path) -> None:
        self.client = client
        self.path = folder / "read.json"

    def run(self, code: str) -> tuple[str, list[Any]]:
        msg_id = self.client.execute(code)
        seen: list[Any] = []
        while not seen or seen[-1][0] != "idle":
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == msg_id:
                idle = message["content"].get("execution_state") == "idle"
                seen.append(["idle", {}] if idle else [message["msg_type"], message["content"]])
        self._reply(msg_id)
        return msg_id, seen

    def _reply(self, msg_id: str) -> Any:
        """The reply to one request; a kernel may still be answering those that asked whether it is there."""
        while True:
            message = self.client.get_shell_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == msg_id:
                return message["content"]

    def read(self, expression: str) -> Any:
        code = f"open({str(self.path)!r}, 'w').write(json.dumps({expression}))"
        reply = self._reply(self.client.execute(code, silent=True))
        assert reply["status"] == "ok", reply
        return json.loads(self.path.read_text(encoding="utf-8"))

    def wait(self, msg_id: str) -> None:
        """Until the tap has seen the execution's end."""
        end = time.monotonic() + SECONDS
        while self.read(f"listener.seen.get({msg_id!r}, [['']])[-1][0]") != "idle":
            assert time.monotonic() < end, "the tap saw no end"
            time.sleep(0.01)

    def captured(self, code: str) -> list[Any]:
        """Run a cell; the outputs collected in the kernel, of the very messages that the client saw."""
        msg_id, seen = self.run(code)
        self.wait(msg_id)
        assert self.read(f"listener.seen[{msg_id!r}]") == seen
        outputs = self.read(f"listener.logs[{msg_id!r}].outputs()")
        assert isinstance(outputs, list)
        return outputs


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("kernel")
    names = {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder), "JUPYTER_CONFIG_DIR": str(folder)}
    manager = KernelManager(kernel_name="python3", connection_file=str(folder / "kernel-tap.json"))
    # ipykernel does not watch file descriptors where it believes to be under test.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JPY"))}
    manager.start_kernel(env={**inherited, **names}, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=SECONDS)
    made = Notebook(client, folder)
    _, seen = made.run(SETUP)
    assert "error" not in [msg_type for msg_type, _ in seen], seen
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def stream(text: str, name: str = "stdout") -> Content:
    return {"output_type": "stream", "name": name, "text": text}


def shown(text: str) -> Content:
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


CELLS: dict[str, tuple[str, list[Content]]] = {
    "print": ("print('a'); print('b')", [stream("a\nb\n")]),
    "stderr": ("print('a', file=sys.stderr)", [stream("a\n", "stderr")]),
    "subprocess": ("!echo from a shell", [stream("from a shell\n")]),
    "descriptor": (
        "import os, time\nos.write(1, b'raw\\n')\nwhile not shown('raw'): time.sleep(0.01)",
        [stream("raw\n")],
    ),
    "display": ("display({'text/plain': 'd'}, raw=True)", [shown("d")]),
    "clear": (
        "from IPython.display import clear_output\nprint('a')\nclear_output(wait=True)\nprint('b')",
        [stream("b\n")],
    ),
    "progress": (
        "for i in range(101): sys.stderr.write(f'\\r{i:3d}%|{chr(9608) * (i // 10)}|'); sys.stderr.flush()",
        [stream("100%|██████████|", "stderr")],
    ),
    "thread": (
        "import threading; t = threading.Thread(target=print, args=('t',)); t.start(); t.join()",
        [stream("t\n")],
    ),
}


@pytest.mark.parametrize(("code", "expected"), CELLS.values(), ids=CELLS)
def test_a_cells_outputs_are_captured(notebook: Notebook, code: str, expected: list[Content]) -> None:
    assert notebook.captured(code) == expected


def test_a_result_is_captured(notebook: Notebook) -> None:
    (result,) = notebook.captured("6 * 7")
    assert result["output_type"] == "execute_result"
    assert result["data"] == {"text/plain": "42"}
    assert result["execution_count"] > 0


def test_an_exception_is_captured(notebook: Notebook) -> None:
    printed, error = notebook.captured("print('a')\n1 / 0")
    assert printed == stream("a\n")
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert "Traceback" in "".join(error["traceback"])


def test_a_later_cell_changes_an_earlier_display(notebook: Notebook) -> None:
    first = "handle = display({'text/plain': '1'}, raw=True, display_id='later')"
    assert notebook.captured(first) == [shown("1")]
    assert notebook.captured("handle.update({'text/plain': '2'}, raw=True)") == []
    assert notebook.read("[log.outputs() for log in listener.logs.values() if log.outputs()][-1]") == [shown("2")]


def test_a_flood_is_cut_and_reported_as_nothing_wrong(notebook: Notebook) -> None:
    msg_id, _ = notebook.run("for _ in range(30): print('x' * 99_999)")
    notebook.wait(msg_id)
    (output,) = notebook.read(f"listener.logs[{msg_id!r}].outputs()")
    assert 900_000 < len(output["text"]) < 1_000_100
    assert notebook.read(f"listener.logs[{msg_id!r}].truncated")
    assert notebook.read("[repr(error) for error in listener.errors]") == []
