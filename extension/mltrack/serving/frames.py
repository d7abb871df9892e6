"""Messages over the socket between the front and a worker: a kind, and byte strings with their lengths before them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SETTINGS, READY, FAILED, REQUESTS, ANSWERS, MOVED = b"S", b"R", b"F", b"Q", b"A", b"M"
"""The kinds: what a worker is to load, that it has or could not; requests, answers; that its model was replaced."""

_HEAD = struct.Struct("!cI")  # the kind, and how many parts follow
_LENGTH = 8  # bytes of each part's length


class Message(NamedTuple):
    """One message."""

    kind: bytes
    parts: list[bytes]


def encode(kind: bytes, parts: Sequence[bytes] = ()) -> bytes:
    """Give the bytes of a message: kind, number of parts (4 bytes), their lengths (8 bytes each), the parts."""
    lengths = struct.pack(f"!{len(parts)}Q", *map(len, parts))
    return b"".join((_HEAD.pack(kind, len(parts)), lengths, *parts))


class Decoder:
    """Puts messages together from the chunks in which they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _HEAD.size

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take a chunk; gives each message that is complete now."""
        self._buffer += data
        while len(self._buffer) >= self._needed:
            message = self._take()
            if message is not None:
                yield message

    def _take(self) -> Message | None:
        """Read what is there; None when the lengths, or the parts themselves, have to come first."""
        kind, count = _HEAD.unpack_from(self._buffer)
        start = _HEAD.size + _LENGTH * count
        if len(self._buffer) < start:
            self._needed = start
            return None
        lengths = struct.unpack_from(f"!{count}Q", self._buffer, _HEAD.size)
        end = start + sum(lengths)
        if len(self._buffer) < end:
            self._needed = end
            return None
        parts = []
        for length in lengths:
            parts.append(bytes(memoryview(self._buffer)[start : start + length]))
            start += length
        del self._buffer[:end]
        self._needed = _HEAD.size
        return Message(kind, parts)
