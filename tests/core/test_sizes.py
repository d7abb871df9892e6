"""Numbers of bytes as people read them."""

from __future__ import annotations

import pytest

from mltrack.sizes import human_size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (12_345_678, "12.3 MB"),
        (2 * 10**9, "2.0 GB"),
        (5 * 10**12, "5.0 TB"),
        (5 * 10**15, "5000.0 TB"),
        (-5_000_000, "-5.0 MB"),
    ],
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert human_size(count) == text
