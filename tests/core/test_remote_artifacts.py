"""Places that fail: no library, no bucket, wrong credentials, a server that refuses, breaks off or does not answer."""

from __future__ import annotations

import io
import socket
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import s3fs
from tests.core import s3_server

import mltrack
from mltrack.exceptions import (
    InvalidParameterError,
    MissingLibraryError,
    MltrackError,
    NotFoundError,
    StoreBusyError,
    StoreReadOnlyError,
)
from mltrack.store import remote_artifacts
from mltrack.store.artifact_folder import read_whole
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import safe_path
from mltrack.store.remote_artifacts import PART, RemoteFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

A = safe_path("a.bin")


@pytest.fixture
def s3(make_place: Callable[[str], str]) -> RemoteFolder:
    folder = open_folder(f"{make_place('s3')}/run/artifacts")
    assert isinstance(folder, RemoteFolder)
    return folder


def key(folder: RemoteFolder, path: str = "") -> str:
    return folder.uri.removeprefix(f"s3://{s3_server.BUCKET}/") + "/" + path


@pytest.mark.parametrize(("uri", "extra"), [("gs://b/x/y", "gcs"), ("abfs://c/x/y", "azure"), ("az://c/x/y", "azure")])
def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, uri: str, extra: str) -> None:
    for module in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, module, None)  # import raises ImportError
    with pytest.raises(MissingLibraryError) as caught:
        open_folder(uri)
    assert f'pip install "jupyter-mltrack[{extra}]"' in str(caught.value)


def test_a_run_at_a_place_without_its_library_can_be_made_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    client = mltrack.MltrackClient()
    run = client.create_run(client.create_experiment("e", "gs://bucket/x"))
    assert run.info.artifact_uri == f"gs://bucket/x/{run.info.run_id}/artifacts"
    with pytest.raises(MissingLibraryError):
        client.log_text(run.info.run_id, "x", "a.txt")


def test_names_that_a_cloud_takes_for_versions_are_refused(s3: RemoteFolder) -> None:
    with pytest.raises(InvalidParameterError, match="as a version"):
        s3.put(safe_path("a.txt?versionId=1"), io.BytesIO())
    assert s3_server.objects(key(s3)) == {}


def test_a_bucket_that_is_not_there(make_place: Callable[[str], str]) -> None:
    make_place("s3")
    folder = open_folder("s3://no-such-bucket-here/run/artifacts")
    assert folder.entries() == []
    folder.delete()
    with pytest.raises(NotFoundError, match="no-such-bucket-here"):
        folder.put(A, io.BytesIO(b"x"))


def test_a_large_file_goes_in_parts_and_shows_when_it_is_whole(s3: RemoteFolder) -> None:
    seen: list[dict[str, bytes]] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() == 2 * PART:
                seen.append(s3_server.objects(key(s3)))
                assert s3_server.uploads() == [key(s3, "a.bin")]
            return super().read(size)

    content = bytes(range(256)) * (3 * PART // 256) + b"end"
    s3.put(A, Watched(content))
    assert seen == [{}]
    assert s3_server.objects(key(s3)) == {"a.bin": content}
    assert s3_server.uploads() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
def test_an_upload_that_ends_early_leaves_no_parts(s3: RemoteFolder, error: type[BaseException]) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 2 * PART:
                raise error
            return super().read(size)

    with pytest.raises((KeyboardInterrupt, MltrackError)):
        s3.put(A, Breaking(bytes(3 * PART)))
    assert s3_server.objects(key(s3)) == {}
    assert s3_server.uploads() == []


def test_parts_that_a_killed_process_left_are_removed(s3: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    other = key(s3).replace("/artifacts/", "/artifacts2/")
    for name in (key(s3, "a.bin"), f"{other}a.bin"):
        s3_server.client().create_multipart_upload(Bucket=s3_server.BUCKET, Key=name)
    monkeypatch.setattr(remote_artifacts, "UNFINISHED_AGE", timedelta(days=36_500))  # moto's uploads are of 2010
    s3.sweep()
    assert len(s3_server.uploads()) == 2  # they may be under way
    monkeypatch.setattr(remote_artifacts, "UNFINISHED_AGE", timedelta(days=1))
    s3.sweep()
    assert s3_server.uploads() == [f"{other}a.bin"]
    s3_server.client().create_multipart_upload(Bucket=s3_server.BUCKET, Key=key(s3, "b.bin"))
    s3.delete()
    assert s3_server.uploads() == [f"{other}a.bin"]
    open_folder(s3.uri + "2").delete()


# Servers that fail


class Failing(BaseHTTPRequestHandler):
    """Refuses the first so many requests, and takes the others without looking at them."""

    requests: ClassVar[list[str]]
    busy = 1_000
    status = 503
    body = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"

    def answer(self) -> None:
        self.requests.append(self.command)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_refused = len(self.requests) <= self.busy
        self.send_response(self.status if is_refused else 200)
        body = self.body if is_refused else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the names http.server calls

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Failing]]:
    """An S3 of this machine that refuses everything."""
    handler = type("Handler", (Failing,), {"requests": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    use(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()
    forget()


def forget() -> None:
    s3fs.S3FileSystem.clear_instance_cache()
    remote_artifacts._s3_session.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    forget()
    for name, value in s3_server.environment(url).items():
        monkeypatch.setenv(name, value)


ANSWERS: dict[str, tuple[int, str, type[MltrackError]]] = {
    "busy": (503, "SlowDown", StoreBusyError),
    "broken": (500, "InternalError", StoreBusyError),
    "no rights": (403, "AccessDenied", StoreReadOnlyError),
    "expired": (400, "ExpiredToken", StoreReadOnlyError),
    "wrong key": (403, "InvalidAccessKeyId", StoreReadOnlyError),
    "wrong signature": (403, "SignatureDoesNotMatch", StoreReadOnlyError),
    "no bucket": (404, "NoSuchBucket", NotFoundError),
}


@pytest.mark.parametrize(("status", "code", "error"), ANSWERS.values(), ids=ANSWERS.keys())
def test_refusals_are_errors_of_ours_without_credentials(
    failing: type[Failing], status: int, code: str, error: type[MltrackError]
) -> None:
    secrets = f"{s3_server.KEY_ID} {s3_server.SECRET} AWS4-HMAC-SHA256"
    failing.status = status
    failing.body = f"<Error><Code>{code}</Code><Message>{secrets}</Message></Error>".encode()
    folder = open_folder("s3://bucket/run/artifacts")
    begin = time.monotonic()
    with pytest.raises(error) as caught:
        folder.put(A, io.BytesIO(b"x"))
    assert (
        time.monotonic() - begin < 120
    )  # what waits between the tries is seconds; the library's own patience is minutes
    assert 1 <= len(failing.requests) <= 4
    text = f"{caught.value} {caught.value.__cause__} {caught.getrepr(style='short')}"
    assert "s3://bucket/run/artifacts/a.bin" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in secrets.split())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, text


def test_a_refusal_that_passes_is_tried_again(failing: type[Failing]) -> None:
    failing.busy = 1
    open_folder("s3://bucket/run/artifacts").put(A, io.BytesIO(b"x"))
    assert failing.requests == ["PUT", "PUT"]


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        begin = time.monotonic()
        with pytest.raises(StoreBusyError):
            open_folder("s3://bucket/run/artifacts").put(A, io.BytesIO(b"x"))
        assert (
            time.monotonic() - begin < 180
        )  # below a minute where nobody else computes; 15 minutes by the library itself
    forget()


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        use(monkeypatch, f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(StoreBusyError, match="could not be reached"):
            open_folder("s3://bucket/run/artifacts").put(A, io.BytesIO(b"x"))
    forget()


def test_credentials_that_come_later_are_found(s3: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget()
    with pytest.raises(StoreReadOnlyError, match="credentials"):
        open_folder(s3.uri).put(A, io.BytesIO(b"x"))
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    folder = open_folder(s3.uri)
    folder.put(A, io.BytesIO(b"x"))
    assert read_whole(folder, A) == b"x"
