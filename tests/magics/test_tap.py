from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Session
from tests.quickness import assert_quick

from mltrack_magics.outputs import OutputLog
from mltrack_magics.tap import THREAD_NAME, ConnectionFacts, Tap, read_connection, rich_stand_in, stream_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Content = dict[str, Any]
Told = tuple[object, ...]


class Recorder:
    """Writes down what a tap tells it."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.told: list[Told] = []
        self.most = most
        self.error: Exception | None = None

    def on_message(self, parent_id: str, msg_type: str, content: Content) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(("message", parent_id, msg_type, content))

    def on_idle(self, parent_id: str) -> None:
        self.told.append(("idle", parent_id))

    def wants(self, parent_id: str, msg_type: str, size: int) -> bool:  # noqa: ARG002  # asked by name
        return size <= self.most

    def on_skipped(self, parent_id: str, msg_type: str, size: int) -> None:
        self.told.append(("skipped", parent_id, msg_type, size))


class Publisher:
    """Publishes as a kernel does."""

    def __init__(self, address: str, kind: int = zmq.PUB, *, curve: tuple[bytes, bytes] | None = None) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        self.socket.sndhwm = 100_000
        if curve is not None:
            self.socket.curve_publickey, self.socket.curve_secretkey = curve
            self.socket.curve_server = True
        self.socket.bind(address)
        self.session = Session(key=b"secret", signature_scheme="hmac-sha256")
        self.port = int(self.socket.getsockopt_string(zmq.LAST_ENDPOINT).replace("-", ":").rpartition(":")[2])

    def send(self, msg_type: str, content: Content, parent_id: str = "p") -> None:
        parent = {"msg_id": parent_id, "msg_type": "execute_request"}
        message = self.session.msg(msg_type, content, parent={"header": parent})
        self.socket.send_multipart([b"kernel.topic", *self.session.serialize(message)])

    def idle(self) -> None:
        self.send("status", {"execution_state": "idle"})

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher("tcp://127.0.0.1:*")
    yield made
    made.close()


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.005)


def facts(publisher: Publisher, key: str = "secret") -> ConnectionFacts:
    return ConnectionFacts(publisher.port, key=key)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def tap(publisher: Publisher, recorder: Recorder) -> Iterator[Tap]:
    made = Tap(facts(publisher), recorder)
    assert made.start(60)
    yield made
    made.stop()


def test_messages_come_in_order_and_none_is_lost(publisher: Publisher, recorder: Recorder, tap: Tap) -> None:
    for count in range(5_000):
        publisher.send("stream", {"name": "stdout", "text": str(count)})
    publisher.send("status", {"execution_state": "busy"})
    publisher.idle()
    wait_for(lambda: ("idle", "p") in recorder.told)
    streams: list[Told] = [("message", "p", "stream", {"name": "stdout", "text": str(count)}) for count in range(5_000)]
    assert recorder.told == [*streams, ("message", "p", "status", {"execution_state": "busy"}), ("idle", "p")]


@pytest.mark.parametrize("kind", [zmq.PUB, zmq.XPUB], ids=["ipykernel 6", "ipykernel 7"])
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_nothing_is_missed_once_start_returns(
    transport: str, kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine, where zmq's own threads are kept waiting; elsewhere a tenth of that is enough.
    monkeypatch.setattr("mltrack_magics.tap.SETTLE_SECONDS", 0.05)
    ip = "127.0.0.1" if transport == "tcp" else str(tmp_path / "kernel")
    for attempt in range(10):
        address = f"ipc://{ip}-{attempt}" if transport == "ipc" else "tcp://127.0.0.1:*"
        publisher, recorder = Publisher(address, kind), Recorder()
        tap = Tap(ConnectionFacts(publisher.port, key="secret", transport=transport, ip=ip), recorder)
        assert tap.start(60)
        publisher.send("stream", {"text": "first"})
        wait_for(lambda found=recorder: found.told)  # type: ignore[misc]
        tap.stop()
        publisher.close()


def test_starting_is_quick_and_does_not_wait_for_a_silent_kernel(publisher: Publisher) -> None:
    tap = Tap(ConnectionFacts(1), Recorder())
    assert not tap.start(timeout=0.05)
    tap.stop()

    def start() -> None:
        tap = Tap(facts(publisher), Recorder())
        assert tap.start(timeout=60)
        tap.stop()

    assert_quick(start, 10, clock=time.perf_counter)  # some ms; whoever misses the kernel's first word waits a minute


def test_the_connection_file_says_where(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    content = {"iopub_port": publisher.port, "key": "secret", "transport": "tcp", "ip": "0.0.0.0", "shell_port": 1}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_connection(path).iopub_address == f"tcp://127.0.0.1:{publisher.port}"
    assert "secret" not in repr(read_connection(path))
    tap = Tap(str(path), Recorder())
    assert tap.start(60)
    tap.stop()


def test_a_curve_kernel_is_understood() -> None:
    curve = zmq.curve_keypair()
    publisher, recorder = Publisher("tcp://127.0.0.1:*", curve=curve), Recorder()
    tap = Tap(ConnectionFacts(publisher.port, key="secret", curve_publickey=curve[0].decode()), recorder)
    assert tap.start(60)
    publisher.idle()
    wait_for(lambda: recorder.told)
    tap.stop()
    publisher.close()


def test_wrongly_signed_messages_are_left_out_and_reported_once(publisher: Publisher, recorder: Recorder) -> None:
    errors: list[BaseException] = []
    tap = Tap(facts(publisher, key="other"), recorder, report=errors.append)
    assert tap.start(60)
    for _ in range(3):
        publisher.send("stream", {"name": "stdout", "text": "x"})
    wait_for(lambda: errors)
    tap.stop()
    assert recorder.told == []
    assert "wrong signature" in str(errors)
    assert len(errors) == 1


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("k")], ids=repr)
def test_what_the_listener_raises_does_not_end_the_listening(
    publisher: Publisher, recorder: Recorder, error: Exception
) -> None:
    errors: list[BaseException] = []

    def report(found: BaseException) -> None:
        errors.append(found)
        raise RuntimeError("the report fails, too")

    tap = Tap(facts(publisher), recorder, report=report)
    assert tap.start(60)
    recorder.error = error
    publisher.send("stream", {"name": "stdout", "text": "x"})
    publisher.socket.send_multipart([b"no", b"message"])
    wait_for(lambda: errors)
    recorder.error = None
    publisher.send("stream", {"name": "stdout", "text": "y"})
    wait_for(lambda: recorder.told)
    tap.stop()
    assert errors == [error]
    assert recorder.told == [("message", "p", "stream", {"name": "stdout", "text": "y"})]


def test_a_large_stream_comes_as_its_ends(publisher: Publisher, recorder: Recorder, tap: Tap) -> None:
    text = "".join(f'line "{count}" \\ é\t\n' for count in range(200_000))
    publisher.send("stream", {"name": "stderr", "text": text})
    publisher.idle()
    wait_for(lambda: ("idle", "p") in recorder.told)
    log = OutputLog()
    for kind, _, *rest in recorder.told[:-1]:
        if kind == "message":
            log.add(*rest)  # type: ignore[arg-type]
        else:
            log.skip(*rest)  # type: ignore[arg-type]
    (output,) = log.outputs()
    head, marker, tail = output["text"].partition("\n… ")
    assert output["name"] == "stderr"
    assert len(head) > 300_000
    assert text.startswith(head)
    assert text.endswith(tail.partition("…\n")[2])
    assert marker
    assert log.truncated


def test_a_large_figure_comes_as_a_stand_in(publisher: Publisher, recorder: Recorder, tap: Tap) -> None:
    data = {"text/plain": '<Figure "1">', "image/png": "A" * 2_000_000}
    content = {"data": data, "metadata": {}, "transient": {"display_id": "i"}, "execution_count": 3}
    publisher.send("execute_result", content)
    wait_for(lambda: len(recorder.told) == 2)
    size = len(json.dumps(content))
    note = {"truncated": True, "bytes": size, "mime": ["image/png", "text/plain"]}
    short = {**content, "data": {"text/plain": '<Figure "1">'}, "metadata": {"mltrack": note}}
    told = [("skipped", "p", "execute_result", size), ("message", "p", "execute_result", short)]
    assert recorder.told == told


def test_unwanted_messages_of_other_types_are_not_parsed(publisher: Publisher) -> None:
    recorder = Recorder(most=0)
    tap = Tap(facts(publisher), recorder)
    assert tap.start(60)
    publisher.send("comm_msg", {"data": "x"})
    publisher.send("error", {"ename": "E"})
    wait_for(lambda: len(recorder.told) == 2)
    tap.stop()
    assert recorder.told == [("skipped", "p", "comm_msg", 13), ("message", "p", "error", {"ename": "E"})]


@given(text=st.text(alphabet='ab"\\\n\t\x1b\x00é█😀', min_size=240, max_size=400), room=st.integers(1, 9))
def test_the_ends_of_any_stream_are_its_own(text: str, room: int) -> None:
    packed = json.dumps({"name": "stdout", "text": text}, ensure_ascii=False).encode()
    ends = stream_ends(memoryview(packed), room)
    assert ends is not None
    name, head, tail, left_out = ends
    assert name == "stdout"
    assert text.startswith(head)
    assert text.endswith(tail)
    assert 0 < left_out <= len(packed)


@pytest.mark.parametrize(
    "packed", [b"", b"{}", b'{"text": "' + b"x" * 999 + b'", "name": "stdout"}', b'{"name": "stdout", "text": "x"}']
)
def test_streams_written_otherwise_have_no_ends(packed: bytes) -> None:
    assert stream_ends(memoryview(packed), 10) is None


def test_a_stand_in_without_text_says_its_size() -> None:
    packed = json.dumps({"data": {"text/html": "x" * 1_000_000}}).encode()
    short = rich_stand_in(memoryview(packed))
    assert short["data"] == {"text/plain": "… 1.0 MB cut by mltrack …"}
    assert short["metadata"]["mltrack"]["mime"] == ["text/html"]


def tap_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def test_starting_and_stopping_leaves_nothing_behind(
    publisher: Publisher, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltrack_magics.tap.STOP_SECONDS", 60)  # the thread may be kept waiting by other programs
    wait_for(lambda: not tap_threads())
    process, tap = psutil.Process(), Tap(facts(publisher), recorder)
    open_files = []
    for _ in range(51):
        assert tap.start(60)
        assert tap.start(60)
        assert len(tap_threads()) == 1
        tap.stop()
        tap.stop()
        assert tap_threads() == []
        open_files.append(process.num_fds())
    wait_for(lambda: process.num_fds() <= open_files[0])


def test_stopping_is_quick_when_the_listener_hangs(publisher: Publisher) -> None:
    release = threading.Event()

    class Slow(Recorder):
        def on_idle(self, parent_id: str) -> None:
            super().on_idle(parent_id)
            release.wait(300)

    slow = Slow()
    tap = Tap(facts(publisher), slow)
    assert tap.start(60)
    publisher.idle()
    wait_for(lambda: slow.told)
    began = time.perf_counter()
    tap.stop()
    assert time.perf_counter() - began < 60
    release.set()
    wait_for(lambda: not tap_threads())


def test_the_listener_may_stop_the_tap(publisher: Publisher) -> None:
    class Once(Recorder):
        def on_idle(self, parent_id: str) -> None:
            super().on_idle(parent_id)
            listened.stop()

    listened = Tap(facts(publisher), Once())
    assert listened.start(60)
    publisher.idle()
    wait_for(lambda: not tap_threads())


def run_script(publisher: Publisher, body: str) -> subprocess.CompletedProcess[str]:
    script = f"""
        import gc, os, sys, threading, time
        from mltrack_magics.tap import ConnectionFacts, Tap
        class Listener:
            count = 0
            def on_message(self, *told): self.count += 1
            def on_idle(self, parent_id): pass
            def wants(self, *asked): return True
            def on_skipped(self, *told): pass
        listener = Listener()
        tap = Tap(ConnectionFacts({publisher.port}, key="secret"), listener, report=print)
        assert tap.start(60)
    """
    code = textwrap.dedent(script) + textwrap.dedent(body)
    command = [sys.executable, "-X", "dev", "-W", "ignore:Jupyter is migrating:DeprecationWarning", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


ENDS = {
    "end of the script": "",
    "exit": "sys.exit(0)",
    "no exit handlers": "os._exit(0)",
    "exit without the atexit call": "import atexit; atexit.unregister(tap.stop)",
    "the tap dropped": "del tap; gc.collect()",
}


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS)
def test_the_process_ends_silently(publisher: Publisher, body: str) -> None:
    ended = run_script(publisher, body)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_forked_child_does_not_touch_the_tap(publisher: Publisher) -> None:
    body = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            assert not tap.is_alive and not tap.start()
            tap.stop()
            gc.collect()
            sys.exit(7)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7
        assert tap.is_alive
        count = listener.count
        while listener.count == count:
            time.sleep(0.01)
    """
    done = threading.Event()

    def publish() -> None:
        while not done.wait(0.02):
            publisher.send("stream", {"name": "stdout", "text": "x"})

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        ended = run_script(publisher, body)
    finally:
        done.set()
        thread.join()
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
