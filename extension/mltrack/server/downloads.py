"""Files that callers get: streamed from their place, and checked on the way against what was recorded of them.

A file that is no longer what was logged is never served silently: of a small one nothing is sent but an error, and of a
larger one the last block is held back until the digest of all is known. When it differs the connection is ended without
that block, so that the client, which was told the length before, knows that the file is not whole.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from mimetypes import MimeTypes
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from mltrack.exceptions import ArtifactChangedError
from mltrack.server.owned_files import unplaced
from mltrack.store.artifact_folder import FileRecord, Meter

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mltrack.server.owned_files import OwnedFiles
    from mltrack.server.streams import Wire
    from mltrack.store.artifacts import SafePath

BLOCK = 256 * 1024
_TYPES = MimeTypes()  # of Python alone: the machine's own table may say anything
_AS_THEY_ARE = frozenset(
    ("application/json", "application/pdf", "application/zip", "image/gif", "image/jpeg", "image/png", "image/webp")
)
_TEXTS = ("text/", "application/javascript", "application/xml", "application/xhtml", "application/x-sh", "image/svg")
_TEXT_ENDINGS = frozenset(("md", "yaml", "yml", "toml", "log", "cfg", "ini", "r", "ipynb", "jsonl"))
_SANDBOX = b"default-src 'none'; frame-ancestors 'none'; sandbox"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a caller gets."""

    files: OwnedFiles
    path: SafePath

    async def run(self, wire: Wire) -> None:
        """Send the file."""
        leaving = _Leaving(self)
        await wire.work(leaving.begin)
        gone = asyncio.ensure_future(_hung_up(wire))
        try:
            await self._send(wire, leaving, gone)
        finally:
            gone.cancel()
            await asyncio.shield(wire.work(leaving.end))

    async def _send(self, wire: Wire, leaving: _Leaving, gone: asyncio.Future[None]) -> None:
        is_head = wire.method == "HEAD"
        block = b"" if is_head else await wire.work(leaving.next)
        await wire.send({"type": "http.response.start", "status": 200, "headers": self._headers(leaving.size)})
        while not is_head and not leaving.is_over:
            following = wire.work(leaving.next)
            try:
                await wire.send({"type": "http.response.body", "body": block, "more_body": True})
            finally:
                with suppress(Exception):
                    await asyncio.wait([following])
            block = following.result()
            if gone.done():
                return
        await wire.send({"type": "http.response.body", "body": block, "more_body": False})

    def _headers(self, size: int | None) -> list[tuple[bytes, bytes]]:
        name = self.path.parts[-1]
        headers = [
            (b"content-type", content_type(self.path).encode()),
            (b"content-disposition", disposition(name).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", _SANDBOX),
            (b"accept-ranges", b"none"),
        ]
        return headers if size is None else [*headers, (b"content-length", b"%d" % size)]


class _Leaving:
    """A file that is being read; its methods are called in threads, one at a time."""

    size: int | None
    _source: BinaryIO

    def __init__(self, download: Download) -> None:
        self._download = download
        self._block: AbstractContextManager[BinaryIO] = download.files.folder.open(download.path)
        self._record: FileRecord | None = None
        self._meter = Meter()
        self._read = 0
        self.is_over = False

    def begin(self) -> None:
        """Open the file; ArtifactChangedError when its size is not what was recorded."""
        files, path = self._download.files, self._download.path
        self._record = files.recorded(path)
        with unplaced(path):
            self._source = self._block.__enter__()
        self.size = _size(self._source)
        if self._record is not None:
            if self.size not in (None, self._record.size):
                self._block.__exit__(None, None, None)
                raise _changed(path)
            self.size = self._record.size

    def next(self) -> bytes:
        """Read the next block; the last one, which ``is_over`` tells, is given when all has the digest recorded."""
        block = self._source.read(BLOCK)
        self._read += len(block)
        if self._record is not None:
            self._meter.add(block)
        if self.size is None:
            self.is_over = not block
            return block
        if self._read < self.size and block:
            return block
        self.is_over = True
        if self._read != self.size or self._source.read(1):
            raise _changed(self._download.path)
        self._meter.record(self._download.path, self._record)
        return block

    def end(self) -> None:
        """Let go of the file."""
        self._block.__exit__(None, None, None)


def content_type(path: SafePath) -> str:
    """Give the type that a file is sent as: what a browser would run, or draw as a page, is plain text."""
    found = _TYPES.guess_type(path.parts[-1].lower())[0] or ""
    if found in _AS_THEY_ARE:
        return found
    if found == "text/csv":
        return "text/csv; charset=utf-8"
    is_text = found.startswith(_TEXTS) or path.ending in _TEXT_ENDINGS or path.parts[-1] in ("MLmodel", "MLproject")
    return "text/plain; charset=utf-8" if is_text else "application/octet-stream"


def disposition(name: str) -> str:
    """Give the header that lets a browser save a file under its name (RFC 6266), never open it."""
    plain = "".join(each if " " <= each < "\x7f" and each not in '"\\%;' else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _hung_up(wire: Wire) -> None:
    """Wait until the caller hangs up."""
    message: Any = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await wire.receive()


def _size(source: BinaryIO) -> int | None:
    try:
        return os.fstat(source.fileno()).st_size
    except OSError:  # it is no file of this machine
        return None


def _changed(path: SafePath) -> ArtifactChangedError:
    return ArtifactChangedError(
        f"The artifact {path.text!r} has changed since it was logged: its size is another. It is not served."
    )
