"""Numbers of bytes as people write them."""

from __future__ import annotations


def human_size(count: int) -> str:
    """Write a number of bytes: ``12.3 MB``, in powers of 1,000."""
    if count < 1_000:
        return f"{count} B"
    for unit, scale in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if count < 999.95 * scale or unit == "GB":
            return f"{count / scale:.1f} {unit}"
    raise AssertionError(count)
