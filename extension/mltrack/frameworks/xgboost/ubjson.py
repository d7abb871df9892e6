"""Reading UBJSON, the format of XGBoost's models, as plain values and arrays: https://ubjson.org, draft 12."""

from __future__ import annotations

from typing import Any

import numpy as np

_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
_DEEPEST = 64


def read_ubjson(content: bytes) -> Any:
    """Give what a document says: dicts, lists, texts, numbers, and arrays of one type as those of numpy.

    Raises
    ------
    ValueError
        When it ends too early, or holds what no model has.
    """
    reader = _Reader(content)
    return reader.value(reader.take(1), 0)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self._place = 0

    def take(self, size: int) -> bytes:
        end = self._place + size
        if size < 0 or end > len(self._content):
            raise ValueError("it ends too early")
        found = bytes(self._content[self._place : end])
        self._place = end
        return found

    def value(self, marker: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        if marker in _NUMBERS:
            return self._number(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == b"S":
            return self._text()
        if marker == b"{":
            return self._mapping(depth)
        if marker == b"[":
            return self._array(depth)
        raise ValueError(f"it has an unknown mark {marker!r}")

    def _number(self, marker: bytes) -> int | float:
        kind = np.dtype(_NUMBERS[marker])
        found: int | float = np.frombuffer(self.take(kind.itemsize), kind)[0].item()
        return found

    def _count(self) -> int:
        marker = self.take(1)
        if marker not in (b"i", b"U", b"I", b"l", b"L"):
            raise ValueError(f"it has a length of the type {marker!r}")
        return int(self._number(marker))

    def _text(self) -> str:
        return self.take(self._count()).decode("utf-8")

    def _next(self) -> bytes:
        return bytes(self._content[self._place : self._place + 1])

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._next() != b"}":
            name = self._text()
            found[name] = self.value(self.take(1), depth + 1)
        self.take(1)
        return found

    def _array(self, depth: int) -> Any:
        if self._next() == b"$":
            self.take(1)
            kind = np.dtype(_NUMBERS[self.take(1)])
            if self.take(1) != b"#":
                raise ValueError("it has an array of one type without a length")
            return np.frombuffer(self.take(self._count() * kind.itemsize), kind)
        if self._next() == b"#":
            self.take(1)
            count = self._count()
            if count > len(self._content):
                raise ValueError("it ends too early")
            return [self.value(self.take(1), depth + 1) for _ in range(count)]
        found = []
        while self._next() != b"]":
            found.append(self.value(self.take(1), depth + 1))
        self.take(1)
        return found
