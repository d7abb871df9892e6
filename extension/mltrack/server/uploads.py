"""Files that callers send: streamed to their place, there whole or not at all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError
from mltrack.server.endpoint import send_json
from mltrack.serving.limits import Gone
from mltrack.serving.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

    from mltrack.server.owned_files import OwnedFiles
    from mltrack.server.streams import Wire
    from mltrack.store.artifact_folder import Incoming
    from mltrack.store.artifacts import SafePath

BLOCK = 1 << 20
"""Bytes that wait, at most, while those before them are written."""
_PLACING = tuple(Lock() for _ in range(64))  # so that of two files for one place it is the last whose digest is kept


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a caller sends."""

    files: OwnedFiles
    path: SafePath

    async def run(self, wire: Wire) -> None:
        """Receive the file, and answer when it is in place; what is cut off leaves nothing."""
        _refuse_coded(wire)
        arriving = _Arriving(self)
        await wire.work(arriving.begin)
        try:
            await self._receive(wire, arriving.incoming)
        except BaseException as error:  # a caller who hung up, a disk that is full, the server's own end
            told = await asyncio.shield(wire.work(arriving.drop, error))
            if isinstance(error, OSError) and told is not None:
                raise told from error
            raise
        await asyncio.shield(wire.work(arriving.keep))
        await send_json(wire.send, 200, b"{}")

    async def _receive(self, wire: Wire, incoming: Incoming) -> None:
        waiting: list[bytes] = []
        writing: asyncio.Future[None] | None = None
        try:
            async for chunk in _body(wire):
                waiting.append(chunk)
                if writing is None or writing.done() or sum(map(len, waiting)) >= BLOCK:
                    if writing is not None:
                        await writing
                    writing, waiting = wire.work(_write, incoming, waiting), []
            if writing is not None:
                await writing
            await wire.work(_write, incoming, waiting)
        except BaseException:
            if writing is not None:
                with suppress(Exception):
                    await asyncio.shield(writing)
            raise


class _Arriving:
    """A file on its way to its place; its methods are called in threads, one at a time."""

    incoming: Incoming

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._block: AbstractContextManager[Incoming] = upload.files.folder.receive(upload.path)

    def begin(self) -> None:
        """Make the place ready."""
        self.incoming = self._block.__enter__()

    def drop(self, error: BaseException) -> MltrackError | None:
        """Leave nothing of it; gives what the folder says of the error, if anything."""
        try:
            self._block.__exit__(type(error), error, error.__traceback__)
        except MltrackError as told:
            return told
        except BaseException:  # the error itself, which is raised by whoever has it
            return None
        return None

    def keep(self) -> None:
        """Put it in place, and keep its size and digest."""
        files, path = self._upload.files, self._upload.path
        with _PLACING[hash((files.owner, path)) % len(_PLACING)]:
            self._block.__exit__(None, None, None)
            files.record(path, self.incoming.record)


def _write(incoming: Incoming, blocks: list[bytes]) -> None:
    for each in blocks:
        incoming.write(each)


async def _body(wire: Wire) -> AsyncIterator[bytes]:
    """Give a body as it comes; raises Gone when it is cut off, and a refusal (413) when it is too large."""
    size = 0
    more = True
    while more:
        message: Any = await wire.receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk, more = message["body"], message["more_body"]
        size += len(chunk)
        if wire.most is not None and size > wire.most:
            raise refuse(413, "BAD_REQUEST", f"The file is larger than {wire.most:,} bytes, which is the most taken.")
        if chunk:
            yield chunk


def _refuse_coded(wire: Wire) -> None:
    coding, transfer = (wire.headers.get(name, usual) for name, usual in _CODINGS)
    if coding.lower() != b"identity" or transfer.strip().lower() != b"chunked":
        raise refuse(415, "BAD_REQUEST", "A compressed body is not taken; send the file as it is.")


_CODINGS = ((b"content-encoding", b"identity"), (b"transfer-encoding", b"chunked"))
