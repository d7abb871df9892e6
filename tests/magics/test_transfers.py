"""A long upload in a tracked cell: its line is shown as it grows, and joins the cell's outputs as it ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.magics.kernels import running_kernel
from tests.magics.notebooks import cells_of

if TYPE_CHECKING:
    from pathlib import Path

BODY = """import io, mltrack
from mltrack.artifacts import progress
progress.PATIENCE = progress.PAUSE = 0.0
print("before", flush=True)
mltrack.log_stream(io.BytesIO(bytes(5_000_000)), "big.bin")
print("after")"""  # without the flush the kernel may send the first line between two states of the other stream


def test_an_upload_is_one_line_of_a_tracked_cell(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        outcome, run = kernel.track(BODY)
        assert outcome.status == "ok"
        shown = outcome.stream("stderr")
        assert shown.count("\rUploading big.bin: ") == 5
        assert shown.count("\n") == 1
        outputs = cells_of(kernel, run)[-1]["outputs"]
        kept = "".join(each["text"] for each in outputs if each.get("name") == "stderr")
        assert re.fullmatch(r"Uploaded big\.bin: 5\.0 MB in \d+ s *\n", kept)
        assert "".join(each["text"] for each in outputs if each.get("name") == "stdout") == "before\nafter\n"
