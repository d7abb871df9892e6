"""What a kernel that goes on does when its earlier cells were removed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.magics.kernels import running_kernel
from tests.magics.notebooks import cells_of

from mltrack.store.protocol import GarbageSelection

if TYPE_CHECKING:
    from pathlib import Path


def test_the_next_snapshot_is_whole_although_the_last_was_removed(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("a = 1")
        _, first = kernel.track("print('first')")
        kernel.settle()
        kernel.store.set_run_lifecycle(first.info.run_id, "deleted")
        assert kernel.store.collect_garbage(GarbageSelection()).runs == 1
        outcome, second = kernel.track("print('second')")
        assert outcome.error is None
        assert outcome.stream("stderr") == ""
        sources = [cell["source"] for cell in cells_of(kernel, second) if cell["cell_type"] == "code"]
        assert sources[-3:] == ["a = 1", "%%track_run \nprint('first')", "%%track_run \nprint('second')"]
        shown = [cell["outputs"] for cell in cells_of(kernel, second)][-2:]
        assert [outputs[0]["text"] for outputs in shown] == ["first\n", "second\n"]
