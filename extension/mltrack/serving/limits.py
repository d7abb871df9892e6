"""Reading a request's body no further than it may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mltrack.serving.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Receive = Callable[[], Awaitable[Any]]


class Gone(Exception):  # noqa: N818 - no fault
    """The caller hung up."""


class Room:
    """The bytes of all bodies, or all answers, that are held, so that many callers together are bounded, too."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self, size: int) -> None:
        """Take room for some bytes, of which there is for one taker whatever it needs; raises a refusal for no room."""
        if self._taken and self._taken + size > self._most:
            raise refuse(503, "TEMPORARILY_UNAVAILABLE", "The server holds as much as it can.", close=True)
        self._taken += size

    def give_back(self, size: int) -> None:
        """Give room back."""
        self._taken -= size


class Held:
    """Some bytes of a room, which has them back at the end of the block."""

    def __init__(self, room: Room, size: int) -> None:
        room.take(size)
        self._room = room
        self._size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self._size)


class Body:
    """The body of one request; as a context manager it gives its room back in the end."""

    def __init__(self, room: Room, most: int) -> None:
        self._room = room
        self._most = most
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self._size)

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read it whole.

        Raises
        ------
        Refusal
            413 as soon as it is, or says that it will be, larger than it may be; 415 when it is compressed.
        Gone
            When the caller hangs up.
        """
        coding, transfer = headers.get(b"content-encoding", b"identity"), headers.get(b"transfer-encoding", b"chunked")
        if coding.lower() != b"identity" or transfer.strip().lower() != b"chunked":
            raise refuse(415, "BAD_REQUEST", "A compressed body is not taken; send it as it is.")
        if int(headers.get(b"content-length", b"0")) > self._most:  # the parser has refused what is no number
            raise self._too_large()
        chunks = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            chunk = message["body"]
            self._room.take(len(chunk))
            self._size += len(chunk)
            if self._size > self._most:
                raise self._too_large()
            chunks.append(chunk)
            if not message["more_body"]:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self) -> Exception:
        return refuse(413, "BAD_REQUEST", f"The body is larger than {self._most:,} bytes, which is the most taken.")
