"""The log of what this kernel has executed: each cell with its source, times, end and outputs, ready for the store.

The hooks around cells say when one begins and ends; the tap says what it shows, on its own thread, and when nothing
more comes. Packing (masking, JSON, compression) is done in the background.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.masking import mask_text
from mltrack.store.notebooks import Blob, Execution, ExecutionWrite, Session
from mltrack_magics.masked import mask_document
from mltrack_magics.outputs import DisplayIndex, OutputLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack_magics.background import Background

KEPT_LOG_BYTES = 20_000_000  # of outputs that later messages may still change; older ones are settled
SOURCE_LIMIT = 1_000_000


@dataclass(slots=True, eq=False)
class Executed:
    """One execution of a cell, as far as it has come."""

    seq: int
    source: str
    started_at: int
    cell_id: str | None
    metadata: dict[str, Any]
    log: OutputLog | None
    blob: Blob
    execution_count: int | None = None
    ended_at: int | None = None
    status: str = "running"
    outputs: Blob | None = None
    complete: bool = False
    clears: int = 0
    clear_waits: bool = False  # for the next output
    version: int = 1
    written: dict[str, int] = field(default_factory=dict)
    after: list[tuple[str, Callable[[], None]]] = field(default_factory=list)


class Recorder:
    """Keeps the executions of one kernel in order; a listener of the tap.

    Parameters
    ----------
    background
        Where packing is done.
    kernel_id
        The Jupyter kernel's id, if there is one.
    language_info
        What the notebook's metadata says of the language.
    """

    def __init__(
        self, background: Background, *, kernel_id: str | None = None, language_info: Mapping[str, Any] | None = None
    ) -> None:
        self.session = Session(uuid.uuid4().hex, now_ms(), kernel_id, None, json.dumps(language_info or {}))
        self.saving = threading.RLock()  # one snapshot at a time, from the cell's thread or the background
        self._background = background
        self._lock = threading.RLock()
        self._executions: list[Executed] = []
        self._open: dict[str, Executed] = {}
        self._displays = DisplayIndex()
        self._logs: deque[Executed] = deque()
        self._log_bytes = 0

    # The hooks' side

    def begin(
        self, source: str, *, cell_id: str | None = None, message_id: str | None = None, metadata: Any = None
    ) -> Executed:
        """Note that a cell begins; ``message_id`` is that of the request that runs it."""
        kept = mask_text(source[:SOURCE_LIMIT])
        with self._lock:
            seq = len(self._executions) + 1
            log = OutputLog(displays=self._displays, execution=seq)
            executed = Executed(seq, kept, now_ms(), cell_id, metadata or {}, log, Blob.of(kept))
            self._executions.append(executed)
            if message_id:
                self._open[message_id] = executed
        return executed

    def end(self, executed: Executed, status: str, execution_count: int | None) -> None:
        """Note how a cell ended: ``ok``, ``error`` or ``interrupted``; outputs may still be on their way."""
        with self._lock:
            executed.status = status
            executed.execution_count = execution_count
            executed.ended_at = now_ms()
            executed.version += 1

    def note(self, executed: Executed, key: str, value: Any) -> None:
        """Keep something else of an execution in its metadata."""
        with self._lock:
            executed.metadata = {**executed.metadata, key: value}  # a new one: a thread may be writing the last one
            executed.version += 1

    def settle(self, executed: Executed, outputs: list[dict[str, Any]]) -> None:
        """Give the outputs of an execution that the tap did not see, and say that it is complete."""
        executed.log = None
        executed.outputs = pack(outputs)
        self._completed(executed)

    def call_after(self, executed: Executed, what: str, job: Callable[[], None]) -> None:
        """Do a job in the background once the execution is complete and packed."""
        with self._lock:
            if not executed.complete:
                executed.after.append((what, job))
                return
        self._background.submit(what, job)

    # The tap's side

    def wants(self, parent_id: str, msg_type: str, size: int) -> bool:
        """Say whether a message is worth parsing."""
        if msg_type in ("execute_input", "status") or msg_type.startswith("comm_"):
            return msg_type == "status"
        executed = self._open.get(parent_id)
        return executed is not None and executed.log is not None and executed.log.wants(msg_type, size)

    def on_skipped(self, parent_id: str, msg_type: str, size: int) -> None:
        """Note what was left out of a large output."""
        with self._lock:
            executed = self._open.get(parent_id)
            if executed is not None and executed.log is not None:
                executed.log.skip(msg_type, size)

    def on_message(self, parent_id: str, msg_type: str, content: dict[str, Any]) -> None:
        """Take in an output, or an update of an earlier one."""
        with self._lock:
            if msg_type == "update_display_data":
                display_id = content.get("transient", {}).get("display_id", "")
                changed = self._displays.update(display_id, content.get("data", {}), content.get("metadata", {}))
            else:
                executed = self._open.get(parent_id)
                if executed is None or executed.log is None:
                    return
                executed.clear_waits = msg_type == "clear_output" and bool(content.get("wait"))
                if msg_type == "clear_output":
                    executed.clears += 1  # last: who has seen them all knows whether one waits
                changed = executed.log.add(msg_type, content)
                if executed.complete:
                    changed = {*changed, executed.seq}  # a thread of the cell's is still printing
            late = [self._executions[int(str(seq)) - 1] for seq in changed]
        for executed in late:
            if executed.complete:
                self._background.submit("packing an output", lambda executed=executed: self._pack(executed))  # type: ignore[misc]

    def on_idle(self, parent_id: str) -> None:
        """Note that an execution is complete."""
        executed = self._open.get(parent_id)
        if executed is not None and not executed.complete:
            self._background.submit("packing an output", lambda: self._pack(executed))
            self._completed(executed)

    def _completed(self, executed: Executed) -> None:
        with self._lock:
            executed.complete = True
            executed.version += 1
            after, executed.after = executed.after, []
        for what, job in after:
            self._background.submit(what, job)

    def _pack(self, executed: Executed) -> None:
        with self._lock:
            log = executed.log
            if log is None:
                return
            outputs, truncated = log.outputs(), log.truncated
        packed = pack(outputs)
        with self._lock:
            if truncated:
                executed.metadata["truncated"] = True
            if executed.outputs is None or executed.outputs.digest != packed.digest:
                executed.outputs = packed
                executed.version += 1
            if executed not in self._logs:
                self._logs.append(executed)
                self._log_bytes += packed.size
            while self._log_bytes > KEPT_LOG_BYTES and len(self._logs) > 1:
                self._let_go(self._logs.popleft())

    def _let_go(self, executed: Executed) -> None:
        """Free what an old execution showed; later updates no longer reach it."""
        self._displays.forget(executed.seq)
        executed.log = None
        self._log_bytes -= executed.outputs.size if executed.outputs else 0
        for message_id, each in list(self._open.items()):
            if each is executed:
                del self._open[message_id]

    # The store's side

    def unwritten(self, place: str) -> list[tuple[Executed, int, ExecutionWrite]]:
        """Give the executions that the store at ``place`` does not have as they are now, with their versions."""
        with self._lock:
            return [
                (executed, executed.version, _to_write(executed))
                for executed in self._executions
                if executed.written.get(place) != executed.version
            ]

    def mark_written(self, place: str, items: list[tuple[Executed, int, ExecutionWrite]]) -> None:
        """Note that a store has these executions."""
        for executed, version, _ in items:
            executed.written[place] = version

    def forget_written(self, place: str) -> None:
        """Take the store at ``place`` for one that has no execution of this kernel."""
        with self._lock:
            for executed in self._executions:
                executed.written.pop(place, None)

    def sources(self) -> dict[str, bytes]:
        """Give the digest of the last source that each cell with an id ran."""
        with self._lock:
            return {each.cell_id: each.blob.digest for each in self._executions if each.cell_id is not None}

    def past(self, seq: int) -> list[Execution]:
        """Give the executions before one as a store would give them back, without their outputs."""
        with self._lock:
            return [
                Execution(
                    *(each.seq, each.cell_id, each.execution_count, each.source, each.started_at, each.ended_at),
                    *(each.status, json.dumps(each.metadata, ensure_ascii=False), "[]"),
                )
                for each in self._executions[: seq - 1]
            ]

    def ran(self, seq: int) -> list[tuple[int, bytes, bytes | None]]:
        """Give the executions up to one: the number of each, and the digests of its source and outputs."""
        with self._lock:
            return [
                (each.seq, each.blob.digest, each.outputs.digest if each.outputs else None)
                for each in self._executions[:seq]
            ]

    def has_run(self, cell_id: str | None, source: str) -> bool:
        """Say whether this kernel ran the cell of that id, or one of that source."""
        with self._lock:
            return any(
                (cell_id is not None and each.cell_id == cell_id) or each.source == source for each in self._executions
            )

    def is_settled(self) -> bool:
        """Say whether every cell that ended is complete."""
        with self._lock:
            return all(each.complete for each in self._executions if each.ended_at is not None)

    def finish(self) -> None:
        """Take what has been shown so far for all there is: at the end of the kernel."""
        with self._lock:
            left = [each for each in self._executions if not each.complete]
        for executed in left:
            self._background.submit("packing an output", lambda executed=executed: self._pack(executed))  # type: ignore[misc]
            self._completed(executed)


def pack(outputs: list[dict[str, Any]]) -> Blob:
    """Make a blob of outputs, their secrets masked."""
    return Blob.of(json.dumps(mask_document(outputs), ensure_ascii=False, separators=(",", ":")))


def _to_write(executed: Executed) -> ExecutionWrite:
    return ExecutionWrite(
        seq=executed.seq,
        source=executed.blob,
        started_at=executed.started_at,
        cell_id=executed.cell_id,
        execution_count=executed.execution_count,
        ended_at=executed.ended_at,
        status=executed.status,
        metadata=json.dumps(executed.metadata, ensure_ascii=False),
        outputs=executed.outputs,
    )


def now_ms() -> int:
    """Give the present time in ms since 1970."""
    return time.time_ns() // 1_000_000
