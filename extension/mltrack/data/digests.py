"""Fingerprints of data, made of a bounded part of it, so that a billion rows cost as much as ten thousand.

Where MLflow's formula is bounded and runs no code of the user's, a digest is MLflow's own (8 hex digits), so that the
same data has the same digest in both trackers; see ``pandas_dataset`` and ``numpy_dataset``. Elsewhere it is
``own_digest``: 16 hex digits. Neither sees a change outside the part that is looked at.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIRST_ROWS = 10_000
"""Rows of a frame, or numbers of an array, that MLflow's digest looks at: the first."""

SPREAD_ROWS = 1_000
"""Rows that ``own_digest`` is given: evenly spread over all of them."""

_TEXT_LIMIT = 200


def md5_digest(parts: Iterable[bytes]) -> str:
    """Give MLflow's digest of these bytes: 8 hex digits (``mlflow.data.digest_utils.get_normalized_md5_digest``)."""
    found = hashlib.md5(usedforsecurity=False)
    for part in parts:
        found.update(part)
    return found.hexdigest()[:8]


def own_digest(kind: str, shape: Sequence[int], columns: Iterable[tuple[str, str, bytes]]) -> str:
    """Give 16 hex digits: BLAKE2b over the kind of data, its shape, and each column's name, type and sample.

    Each text goes in as UTF-8 behind its length in bytes, so that no two lists of columns read the same.
    """
    found = hashlib.blake2b(digest_size=8)
    for text in (kind, "x".join(map(str, shape))):
        found.update(_framed(text.encode("utf-8", "surrogatepass")))
    for name, dtype, sample in columns:
        for part in (name.encode("utf-8", "surrogatepass"), dtype.encode(), sample):
            found.update(_framed(part))
    return found.hexdigest()


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "little") + part


def spread(length: int) -> int:
    """Give the distance between two of the rows that are looked at, so that there are at most ``SPREAD_ROWS``."""
    return max(1, math.ceil(length / SPREAD_ROWS))


def value_bytes(values: Sequence[Any]) -> bytes:
    """Give bytes that tell lists of plain values apart; of foreign objects, only that there is one.

    Texts count by their length and their first 200 characters. Numbers are written alike on every platform.
    """
    if all(type(value) is float for value in values):
        return b"f" + struct.pack(f"<{len(values)}d", *values)
    return b"\0".join([_bytes_of(value) for value in values])


def _bytes_of(value: Any) -> bytes:
    kind = type(value)
    if kind is str or kind is bytes:
        part = value[:_TEXT_LIMIT]
        return b"s%d:" % len(value) + (part.encode("utf-8", "surrogatepass") if kind is str else bytes(part))
    if kind is float:
        return b"f" + struct.pack("<d", value)
    if kind is int and value.bit_length() > 1_000:
        return b"i%d" % value.bit_length()
    return repr(value).encode() if kind is int or kind is bool or value is None else b"?"
