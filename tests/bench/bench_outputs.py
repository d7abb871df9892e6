"""Cells that print very much, with the extension and without: the kernel's time and memory.

usage, in the repository: python -m tests.bench.bench_outputs [--megabytes 1000] [--lines 1000000]
Each is done in a kernel of its own. The peak of the resident memory is what the kernel's process itself says of it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.bench.kernel import Kernel, kernel
from tests.bench.table import Row, print_table, sizes

MEGABYTES = "import sys\nfor i in range({count}):\n    sys.stdout.write('x' * 999_999 + '\\n')"
LINES = "for i in range({count}):\n    print('line', i)"
TRACKED = "%%track_run\n"


def peak_of(notebook: Kernel) -> int:
    """Give the highest resident memory that the kernel has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{notebook.pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def measure(folder: Path, code: str, *, tracked: bool) -> tuple[float, float, float]:
    """Run a cell in a new kernel; gives its seconds, and the peak and the rest of the memory it took, in MB."""
    with kernel(folder, folder / "mltrack.db") as notebook:
        if tracked:
            notebook.run("%load_ext mltrack")
        notebook.run(f"{TRACKED if tracked else ''}print('warm')")
        before = notebook.rss()
        seconds = notebook.run(f"{TRACKED if tracked else ''}{code}")
        notebook.run("pass")
        return seconds, (peak_of(notebook) - before) / 1e6, (notebook.rss() - before) / 1e6


def main() -> None:
    """Measure and print."""
    chosen = sizes(__doc__, megabytes=1000, lines=1_000_000)
    tasks = {
        f"{chosen.megabytes:,} MB printed": MEGABYTES.format(count=chosen.megabytes),
        f"{chosen.lines:,} lines printed": LINES.format(count=chosen.lines),
    }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for what, code in tasks.items():
            plain = measure(Path(name) / f"plain {len(rows)}", code, tracked=False)
            ours = measure(Path(name) / f"tracked {len(rows)}", code, tracked=True)
            for place, (figure, unit) in enumerate((("time", "s"), ("peak memory", "MB"), ("memory kept", "MB"))):
                rows.append(Row(f"{what}: {figure}, plain", plain[place], unit, 1.0))
                rows.append(Row(f"{what}: {figure}, tracked", ours[place], unit, ours[place] / max(plain[place], 0.1)))
    print_table("cells that print very much", rows)


if __name__ == "__main__":
    main()
