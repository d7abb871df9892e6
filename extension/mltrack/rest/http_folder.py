"""Artifacts that go through a tracking server, streamed both ways (MLflow's service of proxied artifacts)."""

from __future__ import annotations

import io
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import quote

from mltrack.exceptions import InvalidParameterError, NotFoundError, ServerUnavailableError, StoreError
from mltrack.store.artifact_folder import BLOCK, FileRecord, Meter
from mltrack.store.artifacts import below, safe_path
from mltrack.wire.runs import read_file
from mltrack.wire.shapes import items

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3

    from mltrack.entities import FileInfo
    from mltrack.rest.transport import Transport
    from mltrack.store.artifact_folder import StoredFile, Watch
    from mltrack.store.artifacts import SafePath

SERVICE = "/api/2.0/mlflow-artifacts"
_IN_MEMORY = 16 << 20
"""Bytes of a stream of unknown length that are held in memory before they go to a temporary file."""
_TRIES = 3


class HttpFolder:
    """A folder behind a server; ``root`` is its path there, as ``1/RUN_ID/artifacts``."""

    parallel = 8

    def __init__(self, transport: Transport, root: str) -> None:
        self.uri = f"mlflow-artifacts:/{root}"
        self._transport, self._root = transport, root

    def put(
        self, path: SafePath, source: BinaryIO, *, expected: FileRecord | None = None, watch: Watch | None = None
    ) -> FileRecord:
        """Keep all that can be read from ``source``, whole or not at all; see ``ArtifactFolder``.

        The server is told its length before, so that it knows a cut file. One that can be read again is sent again
        when the server fails.
        """
        start = _position(source)
        if start is None:
            return self._put_stream(path, source, expected=expected, watch=watch)
        size = source.seek(0, io.SEEK_END) - start
        for tries in range(1, _TRIES + 1):
            source.seek(start)
            try:
                return self._send(path, source, size, expected=expected, watch=watch)
            except ServerUnavailableError:
                if tries == _TRIES:
                    raise
        raise AssertionError

    def _put_stream(
        self, path: SafePath, source: BinaryIO, *, expected: FileRecord | None, watch: Watch | None
    ) -> FileRecord:
        """Send what can be read only once: its length is known when all of it was read."""
        if expected is not None:
            return self._send(path, source, expected.size, expected=expected, watch=watch)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="mltrack-") as held:
            while block := source.read(BLOCK):
                held.write(block)
            size = held.tell()
            held.seek(0)
            return self._send(path, cast("BinaryIO", held), size, expected=None, watch=watch)

    def _send(
        self, path: SafePath, source: BinaryIO, size: int, *, expected: FileRecord | None, watch: Watch | None
    ) -> FileRecord:
        meter = Meter(watch)

        def blocks() -> Iterator[bytes]:
            missing = size
            while missing:
                block = source.read(min(BLOCK, missing))
                if not block:
                    raise StoreError(f"The file for {path.text!r} became shorter while it was sent; log it again.")
                meter.add(block)
                missing -= len(block)
                if not missing:
                    if expected is not None and source.read(1):
                        meter.add(b"\0")  # more than was expected: another file
                    meter.record(path, expected)
                yield block

        if not size:
            meter.record(path, expected)
        try:
            self._transport.put(self._path(path), blocks(), size=size)
        except InvalidParameterError as error:
            raise InvalidParameterError(f"The server refused the artifact {path.text!r}: {error}") from None
        return meter.record(path, expected)

    def put_linked(self, path: SafePath, stored: StoredFile) -> FileRecord:
        """Keep a file that is stored already; a server links nothing, so that it is sent."""
        with stored.folder.open(stored.path) as reader:
            return self.put(path, reader, expected=stored.record)

    @contextmanager
    def open(self, path: SafePath) -> Iterator[BinaryIO]:
        """Open a file for reading; NotFoundError when there is none."""
        with self._transport.stream(self._path(path)) as response:
            yield cast("BinaryIO", _Reader(response, self._transport))

    def entries(self, path: SafePath | None = None) -> list[FileInfo]:
        """Give the files and folders of one level; see ``ArtifactFolder``."""
        place = "/".join(part for part in (self._root, path.text if path else "") if part)
        answer = self._transport.call("GET", f"{SERVICE}/artifacts", query={"path": place})
        found = {}
        for each in items(answer.get("files")):
            with suppress(InvalidParameterError):  # a name that no artifact may have
                file = read_file(each)
                if "/" not in file.path:
                    info = type(file)(below(path, file.path).text, file.is_dir, file.file_size)
                    found[info.path] = info
        return [found[name] for name in sorted(found)]

    def remove(self, path: SafePath) -> None:
        """Remove a file, or a folder and all in it; NotFoundError when there is neither."""
        self._transport.call("DELETE", self._path(path))

    def delete(self) -> None:
        """Remove everything below the root, which servers keep; what is not there is no error."""
        if self._root.count("/") < 2:
            raise InvalidParameterError(f"{self.uri} is too much to delete; remove what is in it by hand.")
        for each in self.entries():
            with suppress(NotFoundError):
                self.remove(safe_path(each.path))

    def sweep(self) -> None:
        """Do nothing: the server removes what cut uploads have left."""

    def local_path(self, path: SafePath | None = None) -> None:
        """Give None: the files are elsewhere."""

    def _path(self, path: SafePath) -> str:
        root = f"{self._root}/" if self._root else ""
        return f"{SERVICE}/artifacts/{quote(root + path.text)}"


class _Reader(io.RawIOBase):
    """Reads what a server sends, with its errors translated."""

    def __init__(self, response: urllib3.BaseHTTPResponse, transport: Transport) -> None:
        self._response, self._transport = response, transport

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to ``size`` bytes; all of them by default."""
        amount = None if size is None or size < 0 else size
        with self._transport.translated():
            return self._response.read(amount, decode_content=False)


def _position(source: BinaryIO) -> int | None:
    """Give where a file is read next, None for a stream that cannot go back."""
    try:
        return source.tell() if source.seekable() else None
    except (AttributeError, OSError, ValueError):
        return None
