"""Uploads to a tracking server that end early, by a kill, a full disk, a client that goes; and the memory they take."""

from __future__ import annotations

import http.client
import os
import resource
import socket
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core import s3_server
from tests.core.server_files import PROXY, get, make_owners, names, put, send_part
from tests.core.tracking_servers import running_server, start_server
from tests.faults.processes import wait_for

from mltrack.server.app import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.tracking_servers import RunningServer

MEBIBYTE = 2**20

pytestmark = pytest.mark.slow


def has_begun(place: Path) -> bool:
    """Say whether some MiB of a file are there."""
    with suppress(FileNotFoundError):
        return any(each.stat().st_size >= 4 * MEBIBYTE for each in place.glob(".mltrack-*"))
    return False


def blocks(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 251]) * MEBIBYTE


def test_what_a_killed_server_left_is_gone_after_the_next_start(tmp_path: Path) -> None:
    server = start_server(tmp_path)
    owners = make_owners(server, "killed")
    put(server, f"{owners.run_root}/a.bin", b"before")
    for root in (owners.run_root, owners.model_root):
        with send_part(server, f"{root}/a.bin", *blocks(5), Content_Length=str(64 * MEBIBYTE)):
            place = tmp_path / "mlartifacts" / root
            wait_for(partial(has_begun, place))
            if root == owners.model_root:
                server.kill()
    left = [*tmp_path.rglob(".mltrack-*")]
    assert left
    with running_server(tmp_path) as again:
        assert get(again, f"{owners.run_root}/a.bin").body == b"before"
        assert names(again, owners.run_root) == {"a.bin": 6}
        assert names(again, owners.model_root) == {}
        wait_for(lambda: not [*tmp_path.rglob(".mltrack-*")])


def test_a_start_leaves_what_others_are_writing(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        owners = make_owners(server, "two servers")
        with send_part(server, f"{owners.run_root}/a.bin", b"a" * MEBIBYTE, Content_Length=str(2 * MEBIBYTE)) as half:
            wait_for(lambda: [*tmp_path.rglob(".mltrack-*")])
            with running_server(tmp_path, "-p", "0") as other:
                half.sendall(b"a")  # so that it does not look like one who has gone
                (tmp_path / "mlartifacts" / owners.run_root / f".mltrack-{'0' * 16}").write_bytes(b"left")
                other.stop()
            with running_server(tmp_path, "-p", "0"):
                wait_for(lambda: len([*tmp_path.rglob(".mltrack-*")]) == 1)
                half.sendall(b"a" * (MEBIBYTE - 1))
                assert half.recv(12) == b"HTTP/1.1 200"
        assert get(server, f"{owners.run_root}/a.bin").body == b"a" * 2 * MEBIBYTE


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        owners = make_owners(server, "full")
        put(server, f"{owners.run_root}/a.bin", b"before")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (8 * MEBIBYTE, 8 * MEBIBYTE))
        answer = put(server, f"{owners.run_root}/a.bin", bytes(16 * MEBIBYTE))
        assert (answer.status, answer.value["error_code"]) == (429, "RESOURCE_EXHAUSTED")
        assert get(server, f"{owners.run_root}/a.bin").body == b"before"
        assert not [*tmp_path.rglob(".mltrack-*")]
        assert put(server, f"{owners.run_root}/small", b"x").status == 200


def test_memory_stays_flat_while_large_files_go_both_ways(tmp_path: Path) -> None:
    size = 400
    with running_server(tmp_path) as server:
        owners = make_owners(server, "large")
        path = f"{PROXY}/artifacts/{owners.run_root}/large.bin"
        put(server, f"{owners.run_root}/first.bin", bytes(MEBIBYTE))
        get(server, f"{owners.run_root}/first.bin")
        before = psutil.Process(server.process.pid).memory_info().rss
        peak = Peak(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("PUT", path, blocks(size), {"Content-Length": str(size * MEBIBYTE)})
        assert connection.getresponse().read() == b"{}"
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        time.sleep(0.5)  # a client that does not read at once
        expected = blocks(size)
        while content := answer.read(MEBIBYTE):
            assert content == next(expected)
        connection.close()
        assert peak.end() - before < 32 * MEBIBYTE


def test_many_slow_senders_hold_little_and_keep_nobody_waiting(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        owners = make_owners(server, "slow")
        before = psutil.Process(server.process.pid).memory_info().rss
        senders = [
            send_part(server, f"{owners.run_root}/slow-{number}", b"x" * 10_000, Content_Length="20000")
            for number in range(100)
        ]
        try:
            assert put(server, f"{owners.run_root}/quick", b"quick").status == 200
            assert get(server, f"{owners.run_root}/quick").body == b"quick"
            assert psutil.Process(server.process.pid).memory_info().rss - before < 64 * MEBIBYTE
            for each in senders[:50]:
                each.sendall(b"y" * 10_000)
                assert each.recv(12) == b"HTTP/1.1 200"
        finally:
            for each in senders:
                each.close()
        assert len(names(server, owners.run_root)) == 51
        wait_for(lambda: not [*tmp_path.rglob(".mltrack-*")])


def test_of_files_for_one_place_the_last_is_kept_and_known(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        owners = make_owners(server, "race")
        path = f"{owners.run_root}/raced.bin"

        def send(letter: int) -> None:
            for size in range(1, 20):
                assert put(server, path, bytes([letter]) * size * 10_000).status == 200

        senders = [threading.Thread(target=send, args=(letter,)) for letter in b"abcdef"]
        for each in senders:
            each.start()
        for each in senders:
            each.join()
        answer = get(server, path)
        assert (answer.status, len(set(answer.body))) == (200, 1)


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    assert s3_server.client()
    return f"s3://{s3_server.BUCKET}/{tmp_path.name}"


def test_an_upload_to_an_object_store_that_is_cut_off_leaves_nothing(tmp_path: Path, bucket: str) -> None:
    options = ("--artifacts-destination", bucket)
    with running_server(tmp_path, *options, env=s3_server.environment()) as server:
        owners = make_owners(server, "cut")
        with send_part(server, f"{owners.run_root}/a.bin", *blocks(20), Content_Length=str(30 * MEBIBYTE)):
            wait_for(s3_server.uploads)
        wait_for(lambda: not s3_server.uploads())
        assert s3_server.objects(f"{tmp_path.name}/") == {}
        content = b"".join(blocks(17))
        assert put(server, f"{owners.run_root}/a.bin", content).status == 200
        assert get(server, f"{owners.run_root}/a.bin").body == content
        assert names(server, owners.run_root) == {"a.bin": len(content)}
        key = f"{tmp_path.name}/{owners.run_root}/a.bin"
        assert list(s3_server.objects(f"{tmp_path.name}/")) == [key.removeprefix(f"{tmp_path.name}/")]
        s3_server.client().put_object(Bucket=s3_server.BUCKET, Key=key, Body=content[:-1] + b"!")
        with pytest.raises(http.client.IncompleteRead):
            get(server, f"{owners.run_root}/a.bin")
        assert server.ask("DELETE", f"{PROXY}/artifacts/{owners.run_root}/a.bin").status == 200
        assert s3_server.objects(f"{tmp_path.name}/") == {}


def test_an_object_store_that_is_gone_is_no_fault_of_the_server(tmp_path: Path) -> None:
    env = s3_server.environment("http://127.0.0.1:9")
    with running_server(tmp_path, "--artifacts-destination", "s3://bucket/x", env=env) as server:
        owners = make_owners(server, "gone")
        answer = put(server, f"{owners.run_root}/a.bin", b"x")
        assert (answer.status, answer.value["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert s3_server.SECRET not in str(answer)
        assert server.ask("GET", "/health").status == 200


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of an object store that takes connections and says nothing."""
    taken = []

    def take() -> None:
        with suppress(OSError):
            while True:
                taken.append(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(60)
    for each in taken:
        each.close()


def test_an_object_store_that_hangs_keeps_no_other_route_waiting(tmp_path: Path, silent: str) -> None:
    env = s3_server.environment(silent)
    with running_server(tmp_path, "--artifacts-destination", "s3://bucket/x", env=env) as server, ExitStack() as opened:
        owners = make_owners(server, "hangs")
        api = "/api/2.0/mlflow"
        for path in (
            f"{PROXY}/artifacts?path={owners.run_root}",
            f"{PROXY}/artifacts/{owners.run_root}/a.txt",
            f"{api}/artifacts/list?run_id={owners.run}",
            f"{api}/logged-models/{owners.model}/artifacts/directories",
        ):
            for _ in range(THREADS):
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
                opened.callback(connection.close)
                connection.request("GET", path)
        in_flight = f"mltrack_requests_in_flight {4 * THREADS + 1}.0".encode()
        wait_for(lambda: in_flight in server.ask("GET", "/metrics").body)
        assert server.get(f"runs/get?run_id={owners.run}")["run"]["info"]["run_id"] == owners.run


class Peak(threading.Thread):
    """Looks how much memory a server has, until it is asked for the most that it saw."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(server.process.pid)
        self._ended = threading.Event()
        self._most = 0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.02):
            with suppress(psutil.Error):
                self._most = max(self._most, self._process.memory_info().rss)

    def end(self) -> int:
        self._ended.set()
        self.join()
        return self._most
