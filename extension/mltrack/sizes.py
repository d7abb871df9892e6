"""Numbers of bytes as people write them."""

from __future__ import annotations


def human_size(count: int) -> str:
    """Write a number of bytes: ``340 B``, ``12.3 MB``, in powers of 1,000; what was lost has a minus."""
    if abs(count) < 1_000:
        return f"{count} B"
    amount = count / 1_000
    for unit in ("kB", "MB", "GB"):
        if abs(amount) < 999.95:  # from here on one decimal would read 1000.0
            return f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.1f} TB"
