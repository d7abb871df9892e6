"""A file of what waits for a server: it only grows, each record has its length and CRC, and one process holds it.

A record is ``MARK``, the payload's length and the CRC-32 of that length and the payload (both 32 bits, little-endian),
and the payload: JSON in ASCII, in which the mark's first byte cannot be. So behind bytes that are no record, the next
one is found by its mark.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mltrack.process import Owner, current_owner, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mltrack.wire.shapes import Json

VERSION = 1
SUFFIX, REFUSED_SUFFIX = ".spool", ".refused"
MARK = b"\xf7mlt"
_FRONT = struct.Struct("<4sII")
_LENGTH = struct.Struct("<I")
MOST_PAYLOAD = 16 << 20
"""Bytes of the largest record that is believed."""
SILENT_SECONDS = 3600.0
"""So long nobody wrote into a file that nobody holds, whose process may be another machine's: then it is gone."""
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Record:
    """One record that was read, and where the next one begins."""

    payload: Json
    end: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record: where they begin, and where the next record does, or the file ends."""

    start: int
    end: int
    is_tail: bool


def packed(payload: bytes) -> bytes:
    """Give a record as it is written."""
    length = _LENGTH.pack(len(payload))
    return _FRONT.pack(MARK, len(payload), zlib.crc32(payload, zlib.crc32(length))) + payload


class SpoolFile:
    """One such file, open and held by this process; ``sent`` is where what waits begins.

    ``path`` is None for one that lies in memory, where the folder cannot be written. It belongs to one thread at a
    time.
    """

    def __init__(self, path: Path | None, descriptor: int, head: Json) -> None:
        self.path = path
        self.head = head
        self._descriptor = descriptor
        self.end = os.fstat(descriptor).st_size
        self.first = 0
        self.sent = 0

    @classmethod
    def create(cls, path: Path, server: str) -> Self:
        """Make a file that only this user can read, and hold it; OSError when it cannot be."""
        return cls._new(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), server)

    @classmethod
    def in_memory(cls, server: str) -> Self:
        """Make one that is gone with the process."""
        if hasattr(os, "memfd_create"):
            return cls._new(None, os.memfd_create("mltrack-spool"), server)
        with tempfile.TemporaryFile() as file:
            return cls._new(None, os.dup(file.fileno()), server)

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Hold a file that its process left; None when that process lives, or another one was quicker."""
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            return None
        is_held = _hold(descriptor)
        if is_held is not False and _is_same(path, descriptor):
            found = cls(path, descriptor, {})
            if found._begin(is_free=is_held is True):
                return found
        os.close(descriptor)
        return None

    @classmethod
    def _new(cls, path: Path | None, descriptor: int, server: str) -> Self:
        _hold(descriptor, patiently=True)  # somebody may be looking whose it is
        head = {"spool": VERSION, "server": server, "owner": str(current_owner()), "made": time.time_ns() // 1_000_000}
        found = cls(path, descriptor, head)
        try:
            found.append([json.dumps(head).encode()])
        except OSError:
            found.remove()
            raise
        found.first = found.sent = found.end
        return found

    def _begin(self, *, is_free: bool) -> bool:
        """Read the whole file, and how far it was sent; cut its torn end. False when its process lives.

        ``is_free``: nobody held it.
        """
        is_left, torn = self.end > 0, None  # an empty one is just being made
        for found in self.read(0):
            if isinstance(found, Damage):
                torn = found if found.is_tail else torn
            elif "spool" in found.payload:
                self.head, self.first = found.payload, found.end
                is_left = self.is_left(found.payload, is_free=is_free)
            elif "left" in found.payload:
                is_left = True
            elif "sent" in found.payload:
                self.sent = int(found.payload["sent"])
        self.sent = max(self.sent, self.first)
        if is_left and torn is not None:
            os.ftruncate(self._descriptor, torn.start)
            self.end = torn.start
        return is_left

    def is_left(self, head: Json, *, is_free: bool) -> bool:
        """Tell by its head whether its process is gone, or is this one; ``is_free``: nobody holds it.

        Of a process in another container nothing else can be known; and other machines' locks may not be seen here.
        """
        owner, here = Owner.parse(text_of(head, "owner")), current_owner()
        if owner is None or owner == here or is_gone(owner):
            return True
        return is_free and (owner.boot == here.boot or self._is_silent())

    def _is_silent(self) -> bool:
        return time.time() - os.fstat(self._descriptor).st_mtime > SILENT_SECONDS

    def append(self, payloads: Iterable[bytes]) -> None:
        """Write records; OSError when there is no room, and then none of them is there."""
        block = b"".join(map(packed, payloads))
        try:
            written = 0
            while written < len(block):
                written += os.pwrite(self._descriptor, block[written:], self.end + written)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.end)
            raise
        self.end += len(block)

    def read(self, start: int) -> Iterator[Record | Damage]:
        """Give the records from a place on, and the bytes between them that are none."""
        while start < self.end:
            found = self._record(start)
            if found is None:
                after = self._next_mark(start + 1)
                yield Damage(start, after, is_tail=after >= self.end)
                start = after
            else:
                yield found
                start = found.end

    def _record(self, start: int) -> Record | None:
        front = self._bytes(start, _FRONT.size)
        if len(front) < _FRONT.size:
            return None
        mark, length, crc = _FRONT.unpack(front)
        if mark != MARK or length > MOST_PAYLOAD:
            return None
        payload = self._bytes(start + _FRONT.size, length)
        if len(payload) < length or zlib.crc32(payload, zlib.crc32(_LENGTH.pack(length))) != crc:
            return None
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            return None
        return Record(value, start + _FRONT.size + length) if isinstance(value, dict) else None

    def _next_mark(self, start: int) -> int:
        """Give where the next whole record begins, or the end."""
        while start < self.end:
            block = self._bytes(start, _BLOCK)
            place = block.find(MARK)
            if place < 0:
                start += max(len(block) - len(MARK) + 1, 1)
                continue
            if self._record(start + place) is not None:
                return start + place
            start += place + 1
        return self.end

    def _bytes(self, start: int, size: int) -> bytes:
        return os.pread(self._descriptor, max(min(size, self.end - start), 0), start)

    @property
    def waiting(self) -> int:
        """The bytes that wait, as far as the file says it."""
        return self.end - self.sent

    def mark_sent(self, place: int) -> None:
        """Note how far it was sent; once that is all of it, what it holds is given up."""
        if place >= self.end:
            self.clear()
            return
        self.sent = place
        with suppress(OSError):  # full: it would be sent again, which changes nothing
            self.append([json.dumps({"sent": place}).encode()])

    def clear(self) -> None:
        """Empty it."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self.first)
            self.end = self.first
        self.sent = self.end

    def move_to(self, path: Path) -> None:
        """Let a file of memory lie in a folder from now on; OSError when it cannot."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _hold(descriptor, patiently=True)
            place = 0
            while place < self.end:
                place += os.pwrite(descriptor, self._bytes(place, _BLOCK), place)
        except OSError:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self.path, self._descriptor = path, descriptor

    def leave(self) -> None:
        """Let any process take it, and hold it no longer."""
        with suppress(OSError):
            self.append([b'{"left":true}'])
        self.close()

    def remove(self) -> None:
        """Delete it."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()
        self.close()

    def close(self) -> None:
        """Hold it no longer."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


class SpoolView(SpoolFile):
    """A file that is only looked at, whoever holds it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, os.open(path, os.O_RDONLY), {})

    def is_free(self) -> bool:
        """Tell whether surely nobody holds it."""
        is_held = _hold(self._descriptor)
        if is_held:
            _let_go(self._descriptor)
        return is_held is True


def _hold(descriptor: int, *, patiently: bool = False) -> bool | None:
    """Lock a file as long as it is open; False when another holds it, None where the system knows no such locks."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if patiently else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: the owner in the head must do
        return None
    return True


def _let_go(descriptor: int) -> None:
    import fcntl  # not on Windows

    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_same(path: Path, descriptor: int) -> bool:
    """Tell whether a path still names an open file: its last holder may have deleted it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def text_of(head: Json, name: str) -> str:
    """Give a text of a file's head; an empty one where there is none."""
    found: Any = head.get(name)
    return found if isinstance(found, str) else ""
