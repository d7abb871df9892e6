"""PNG with a palette: a picture of a chart has few colours, and takes a sixth of the space with 64 of them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

COLOURS = 64
_MOST_FREQUENT = 40
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGBA, _PALETTE = 6, 3
_UNFILTERED, _SUB, _UP = 0, 1, 2


def with_palette(image: bytes) -> bytes:
    """Write a PNG again with 64 of its colours, transparency laid on white.

    The image is of 8-bit RGBA whose rows are not filtered, or by their left or upper neighbours, as vl-convert writes
    it (PNG, third edition, W3C 2025, sections 9 and 11); any other is given back as it is.
    """
    chunks = dict(_chunks(image)) if image.startswith(_SIGNATURE) else {}
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13 or header[8:] != bytes((8, _RGBA, 0, 0, 0)):
        return image
    width, height = struct.unpack(">II", header[:8])
    pixels = _pixels(zlib.decompress(chunks[b"IDAT"]), width, height)
    if pixels is None:
        return image
    palette, places = _reduced(pixels)
    rows = b"".join(b"\0" + places[start : start + width].tobytes() for start in range(0, width * height, width))
    written = [(b"IHDR", header[:8] + bytes((8, _PALETTE, 0, 0, 0))), (b"PLTE", palette)]
    written += [(b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    smaller = _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in written)
    return min(smaller, image, key=len)


def _chunks(image: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give the kinds of chunks and what is in them; those of the image data as one."""
    at, data = len(_SIGNATURE), b""
    while at + 8 <= len(image):
        length, kind = struct.unpack(">I4s", image[at : at + 8])
        content = image[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            data += content
        else:
            yield kind, content
        at += length + 12
    yield b"IDAT", data


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _pixels(data: bytes, width: int, height: int) -> Any:
    """Give an array of red, green and blue for each pixel, on white; None for a filter that is not read."""
    import numpy as np  # for pictures only, as vl-convert

    rows = np.frombuffer(data, np.uint8).reshape(height, 1 + 4 * width)
    filters = rows[:, 0]
    if not np.isin(filters, (_UNFILTERED, _SUB, _UP)).all():
        return None
    found = rows[:, 1:].reshape(height, width, 4).copy()
    from_left = filters == _SUB
    found[from_left] = np.cumsum(found[from_left], axis=1, dtype=np.uint8)
    for row in np.flatnonzero(filters == _UP):
        if row:
            found[row] += found[row - 1]
    opacity = found[..., 3:].astype(np.uint16)
    blended = (found[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255
    return blended.astype(np.uint8).reshape(-1, 3)


def _reduced(pixels: Any) -> tuple[bytes, Any]:
    """Give the palette, and each pixel's place in it: the colours that most pixels have, then those most missed."""
    import numpy as np  # as above

    # colours that differ in their last three bits only count as one
    coarse = (
        (pixels[:, 0].astype(np.uint16) >> 3 << 10) | (pixels[:, 1].astype(np.uint16) >> 3 << 5) | (pixels[:, 2] >> 3)
    )
    counts = np.bincount(coarse, minlength=1 << 15)
    present = np.flatnonzero(counts)
    sums = [np.bincount(coarse, weights=pixels[:, channel], minlength=1 << 15)[present] for channel in range(3)]
    means = np.stack(sums, axis=1) / counts[present, None]
    chosen = list(np.argsort(-counts[present], kind="stable")[:_MOST_FREQUENT])
    distances = _distances(means, means[chosen])
    while len(chosen) < min(COLOURS, len(means)):  # then those that would be missed most, as a short line in a legend
        chosen.append(int((distances.min(axis=1) * counts[present]).argmax()))
        distances = np.concatenate([distances, _distances(means, means[chosen[-1:]])], axis=1)
    place_of = np.zeros(1 << 15, np.uint8)
    place_of[present] = distances.argmin(axis=1)
    return np.rint(means[chosen]).astype(np.uint8).tobytes(), place_of[coarse]


def _distances(colours: Any, others: Any) -> Any:
    return ((colours[:, None, :] - others[None, :, :]) ** 2).sum(axis=2)
