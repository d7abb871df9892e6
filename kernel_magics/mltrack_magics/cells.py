"""The hooks around every cell: a cell begins, a cell ends, and what a tracked one needs in between and after."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from mltrack import active
from mltrack.config import is_server, test_mode
from mltrack.entities import RunStatus
from mltrack.exceptions import UNREACHED
from mltrack.provenance import observed
from mltrack.settings import state
from mltrack_magics import cards, cell_line, history, kernel_facts, tracked_cell
from mltrack_magics.environment import read_git
from mltrack_magics.guard import guarded, warn_once
from mltrack_magics.reproducibility import judge
from mltrack_magics.snapshot import save_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from mltrack_magics.cell_line import CellOptions
    from mltrack_magics.effects import Before, Seen
    from mltrack_magics.extension import Extension
    from mltrack_magics.recorder import Executed
    from mltrack_magics.tracked_cell import TrackedCell


@dataclass(slots=True)
class _Frame:
    """A cell that is running; cells may run cells."""

    info: ExecutionInfo | None
    executed: Executed
    tracked: TrackedCell | None
    open_before: frozenset[str]
    message: str | None = None
    thread: int = field(default_factory=threading.get_ident)
    before: Before | None = None
    stands_in: Callable[[InteractiveShell], None] | None = None  # takes back what an earlier run put in its place

    def stop_watching(self) -> None:
        """Note no more of what the cell does."""
        if self.before is not None:
            self.before.watch.stop()


class Cells:
    """The two hooks of one shell, and the cells between them."""

    def __init__(self, extension: Extension) -> None:
        self._extension = extension
        self._frames: list[_Frame] = []
        # One object each, so that what was registered is what is unregistered.
        self.before = guarded("tracking the start of a cell", resend=True)(self._before)
        self.after = guarded("tracking the end of a cell")(self._after)

    def transform(self, lines: list[str]) -> list[str]:
        """Input transformer: take the ``%%track_run`` line off, whatever happens."""
        try:
            return cell_line.take_line_off(lines)
        except Exception as error:
            if test_mode():
                raise
            warn_once("reading the %%track_run line", error)
            # Left in, the line would be a cell magic, which runs the cell through here once more.
            return [line for line in lines if not line.startswith(cell_line.MAGIC)]

    def take_over(self) -> None:
        """Note the cell that loads the extension, whose beginning was before it."""
        shell = self._extension.shell
        source = kernel_facts.running_source(shell)
        if source is None:
            return
        message, metadata = kernel_facts.request(shell)
        executed = self._extension.recorder.begin(
            source, cell_id=metadata.get("cellId"), message_id=message, metadata={"before_load": True}
        )
        self._frames.append(_Frame(None, executed, None, frozenset(), message))

    def _before(self, info: ExecutionInfo) -> None:
        extension = self._extension
        message, metadata = kernel_facts.request(extension.shell)
        self._end_abandoned(message)
        kept = {"deleted_cells": metadata["deletedCells"]} if metadata.get("deletedCells") else {}
        cell_id = getattr(info, "cell_id", None)
        if self._frames:
            kept[observed.INSIDE] = self._frames[-1].executed.seq
        else:
            extension.clears.begin()
        executed = extension.recorder.begin(
            info.raw_cell or "", cell_id=cell_id, message_id=None if self._frames else message, metadata=kept
        )
        frame = _Frame(info, executed, None, frozenset(run.info.run_id for run in active.open_runs()), message)
        self._frames.append(frame)
        found = cell_line.find_line(info.raw_cell or "")
        if found is not None:
            self._begin(frame, info, found[1])
        # Last, so that what is done here is not taken for the cell's.
        frame.before = guarded("looking at what is there before the cell", resend=True)(extension.effects.begin)()

    def _begin(self, frame: _Frame, info: ExecutionInfo, arguments: str) -> None:
        try:
            options = cell_line.parse_line(arguments, self._extension.shell.user_ns)
        except UsageError as error:
            if cell_line.fault_of(arguments) is None:  # else the cell itself says so
                warn_once("reading the line after its $names were filled in", error)
            return
        chosen = self._chosen(frame, info, options) if options.cache else options
        if chosen is None:
            return
        cell = frame.tracked = tracked_cell.begin(self._extension.shell, info, chosen, frame.executed)
        cell.later = self._extension.background.submit
        self._extension.background.submit("asking git", lambda: cell.git.append(read_git()))
        if options.live:
            guarded("drawing the metrics", resend=True)(cards.show_live)()

    def _chosen(self, frame: _Frame, info: ExecutionInfo, options: CellOptions) -> CellOptions | None:
        """Give the options of the run that is to be begun; None when an earlier one stands in the cell's place."""
        from mltrack_magics import cached_runs  # for those who ask for it

        def choose() -> tuple[CellOptions | None]:
            return (cached_runs.instead(self._extension, info, options, frame.executed),)

        frame.stands_in = cached_runs.forget
        found = guarded("looking for an earlier run", resend=True)(choose)()
        return options if found is None else found[0]

    def _after(self, result: ExecutionResult | None) -> None:
        frame = self._pop(result)
        if frame is None:
            return
        guarded("looking at what the cell changed")(self._observe)(frame)
        if result is None:  # ipykernel has none where an interrupt fell between the cell's own lines and IPython's
            self._close(frame, KeyboardInterrupt(), None)
        else:
            self._close(frame, result.error_in_exec or result.error_before_exec, result.execution_count)

    def _observe(self, frame: _Frame) -> None:
        """Keep what the cell did; what it read is hashed in the background, before a snapshot is completed."""
        if frame.before is None:
            return
        extension = self._extension
        seen = extension.effects.end(frame.before)
        self._keep(frame.executed, seen.observed)
        if seen.files:
            extension.background.submit(
                "hashing the files that the cell read", lambda: self._hash(frame.executed, seen)
            )

    def _hash(self, executed: Executed, seen: Seen) -> None:
        found = self._extension.effects.with_digests(seen)
        if found is not None:
            self._keep(executed, found)

    def _keep(self, executed: Executed, found: observed.Observed) -> None:
        # An empty one, too: it says that the cell was looked at, and did nothing of the kind.
        self._extension.recorder.note(executed, observed.KEY, found.as_json())

    def _close(self, frame: _Frame, error: BaseException | None, execution_count: int | None) -> None:
        """Do what is to be done when a cell has ended; whatever fails, its run does not stay open."""
        if frame.stands_in is not None:
            frame.stands_in(self._extension.shell)
        try:
            self._note_end(frame, error, execution_count)
        finally:
            if frame.tracked is not None and frame.tracked.run.is_open:
                frame.tracked.run.end(frame.tracked.run, active.status_after(error))

    def _note_end(self, frame: _Frame, error: BaseException | None, execution_count: int | None) -> None:
        extension = self._extension
        if state.store is not None:
            state.store.roll_back()
        ended = tracked_cell.status_of(error)
        status = {RunStatus.FINISHED: "ok", RunStatus.KILLED: "interrupted"}.get(RunStatus(ended), "error")
        extension.recorder.end(frame.executed, status, execution_count)
        if not extension.listening:
            extension.recorder.settle(frame.executed, history.outputs_of(extension.shell, execution_count or 0))
        elif self._frames:  # what a cell inside a cell shows is the outer one's
            extension.recorder.settle(frame.executed, [])
        if frame.tracked is not None:
            self._end(frame.tracked, error)
        elif error is not None:
            _end_left_open(frame, ended)

    def _pop(self, result: ExecutionResult | None) -> _Frame | None:
        """Give the frame of the cell that has ended, and forget those inside it whose end was never told."""
        for number in range(len(self._frames) - 1, -1, -1):
            if _is_end_of(result, self._frames[number]):
                frame = self._frames[number]
                for inner in self._frames[number + 1 :]:
                    inner.stop_watching()
                del self._frames[number:]
                return frame
        return None

    def _end_abandoned(self, message: str | None) -> None:
        """End the cells of an earlier request whose end was never told."""
        here = threading.get_ident()
        left = [each for each in self._frames if each.thread == here and each.message != message]
        for frame in reversed(left):
            self._frames.remove(frame)
            frame.stop_watching()
            self._close(frame, KeyboardInterrupt(), None)

    def _end(self, cell: TrackedCell, error: BaseException | None) -> None:
        extension = self._extension
        tracked_cell.end(extension.shell, cell, error)
        if cell.options.snapshot:
            if not is_server(cell.store.uri):  # else what completes it, in the background, is soon enough
                extension.snapshots.save(cell.store, cell.run_id, cell.executed, cell_key=cell.key)
            extension.recorder.call_after(
                cell.executed,
                "completing a snapshot",
                lambda: extension.snapshots.complete(cell.store, cell.run_id, cell.executed, cell_key=cell.key),
            )
        extension.recorder.call_after(
            cell.executed,
            "keeping the environment",
            lambda: save_surroundings(cell.store, cell.run_id, cell.git[0] if cell.git else None),
        )
        shown = None
        if not cell.options.quiet and not extension.clears.are_waiting(cell.executed):
            with suppress(*UNREACHED):  # what was logged says so; the run goes without a card
                shown = cards.show_card(extension.shell, cell.store, cell.run_id)
        if cell.options.snapshot:
            extension.recorder.call_after(
                cell.executed,
                "finding what the result depends on",
                lambda: judge(extension.shell, cell.store, cell.run_id, shown=shown),
            )

    def forget(self) -> None:
        """Note no more of what running cells do."""
        for frame in self._frames:
            frame.stop_watching()

    def settle(self, seconds: float) -> None:
        """Wait for the outputs of ended cells and for the background; then take what there is for all there is."""
        recorder, background = self._extension.recorder, self._extension.background
        deadline = time.monotonic() + seconds
        while self._extension.listening and not recorder.is_settled() and time.monotonic() < deadline:
            time.sleep(0.005)
        recorder.finish()
        background.wait(max(0.1, deadline - time.monotonic()))


def _is_end_of(result: ExecutionResult | None, frame: _Frame) -> bool:
    info = getattr(result, "info", None)
    if result is None or frame.info is None or frame.info is info:
        return True
    # After an exception that left IPython's own code, IPython gives the end of the cell another info.
    return result.error_in_exec is not None and frame.info.raw_cell == getattr(info, "raw_cell", None)


def _end_left_open(frame: _Frame, status: str) -> None:
    """A plain cell that fails leaves no run open that it began."""
    for run in reversed(active.open_runs()):
        if run.info.run_id not in frame.open_before:
            run.end(run, status)
