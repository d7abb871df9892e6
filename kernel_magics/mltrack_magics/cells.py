"""The hooks around every cell: a cell begins, a cell ends, and what a tracked one needs in between and after."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from mltrack import active
from mltrack.config import test_mode
from mltrack.entities import RunStatus
from mltrack.settings import state
from mltrack_magics import cards, cell_line, history, kernel_facts, tracked_cell
from mltrack_magics.environment import read_git
from mltrack_magics.guard import guarded, warn_once
from mltrack_magics.snapshot import save_surroundings

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

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
        if not self._frames:
            extension.clears.begin()
        executed = extension.recorder.begin(
            info.raw_cell or "", cell_id=cell_id, message_id=None if self._frames else message, metadata=kept
        )
        frame = _Frame(info, executed, None, frozenset(run.info.run_id for run in active.open_runs()), message)
        self._frames.append(frame)
        found = cell_line.find_line(info.raw_cell or "")
        if found is not None:
            self._begin(frame, info, found[1])

    def _begin(self, frame: _Frame, info: ExecutionInfo, arguments: str) -> None:
        try:
            options = cell_line.parse_line(arguments, self._extension.shell.user_ns)
        except UsageError as error:
            if cell_line.fault_of(arguments) is None:  # else the cell itself says so
                warn_once("reading the line after its $names were filled in", error)
            return
        cell = frame.tracked = tracked_cell.begin(self._extension.shell, info, options, frame.executed)
        self._extension.background.submit("asking git", lambda: cell.git.append(read_git()))
        if options.live:
            guarded("drawing the metrics", resend=True)(cards.show_live)()

    def _after(self, result: ExecutionResult | None) -> None:
        frame = self._pop(result)
        if frame is None:
            return
        if result is None:  # ipykernel has none where an interrupt fell between the cell's own lines and IPython's
            self._close(frame, KeyboardInterrupt(), None)
        else:
            self._close(frame, result.error_in_exec or result.error_before_exec, result.execution_count)

    def _close(self, frame: _Frame, error: BaseException | None, execution_count: int | None) -> None:
        """Do what is to be done when a cell has ended; whatever fails, its run does not stay open."""
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
                del self._frames[number:]
                return frame
        return None

    def _end_abandoned(self, message: str | None) -> None:
        """End the cells of an earlier request whose end was never told."""
        here = threading.get_ident()
        left = [each for each in self._frames if each.thread == here and each.message != message]
        for frame in reversed(left):
            self._frames.remove(frame)
            self._close(frame, KeyboardInterrupt(), None)

    def _end(self, cell: TrackedCell, error: BaseException | None) -> None:
        extension = self._extension
        tracked_cell.end(extension.shell, cell, error)
        if cell.options.snapshot:
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
        if not cell.options.quiet and not extension.clears.are_waiting(cell.executed):
            cards.show_card(extension.shell, cell.store, cell.run_id)

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
