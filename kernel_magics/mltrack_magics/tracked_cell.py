"""One tracked cell from its beginning to its end: a run, what the cell bound and read, how it ended, and its card."""

from __future__ import annotations

import linecache
import sys
import traceback
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from mltrack import active, given_run, tracking
from mltrack.autologging import switch
from mltrack.config import is_server
from mltrack.entities import CapturedName, RunData, RunStatus
from mltrack.exceptions import UNREACHED
from mltrack.keys import PARENT_TAG
from mltrack.masking import mask_text
from mltrack.run_creation import create
from mltrack.run_facts import CellEnd, end_cell
from mltrack.settings import get_store, state
from mltrack.store.protocol import Failure
from mltrack.values import make_metric, make_param, make_tag
from mltrack_magics.capture import Before, CellPlan, inner_source, plan_cell, structure_digest, take_after, take_before
from mltrack_magics.guard import guarded
from mltrack_magics.read_data import LEFT_OUT_TAG, NOTHING_READ, inputs_of, take_read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from mltrack.active import ActiveRun
    from mltrack.entities import Param
    from mltrack.store.protocol import Store
    from mltrack_magics.capture import CapturedValue
    from mltrack_magics.cell_line import CellOptions
    from mltrack_magics.environment import GitState
    from mltrack_magics.read_data import ReadData
    from mltrack_magics.recorder import Executed

TRACEBACK_LIMIT = 100_000
OPTIONS_SECONDS = 10.0  # a server has for the params of the line when the cell is over


@dataclass(slots=True)
class TrackedCell:
    """A tracked cell that is running."""

    run: ActiveRun
    options: CellOptions
    executed: Executed
    key: str
    source: str
    offset: int
    plan: CellPlan
    before: Before
    read: ReadData
    open_before: frozenset[str]
    git: list[GitState | None] = field(default_factory=list)
    sending: Thread | None = None
    later: Callable[[str, Callable[[], None]], None] | None = None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.info.run_id

    @property
    def store(self) -> Store:
        """Where the run is kept."""
        return self.run.store


def begin(shell: InteractiveShell, info: ExecutionInfo, options: CellOptions, executed: Executed) -> TrackedCell:
    """Begin the run of a cell that is about to run."""
    source, offset = python_of(shell, info)
    plan = plan_cell(source) if options.capture else CellPlan()
    active_one = tracking.active_run() if options.nested else None
    parent = active_one.info.run_id if active_one else given_run.belongs_to()  # that of a project which runs this
    open_before = frozenset(run.info.run_id for run in active.open_runs())
    tags = {**options.tags, **({PARENT_TAG: parent} if parent else {})}
    params = [make_param(key, value) for key, value in options.params.items()]
    before = take_before(plan, shell.user_ns)
    read = guarded("looking at the data that the cell reads", resend=True)(take_read)(plan, shell.user_ns)
    run = _begin_run(options, tags)
    run.belong_to_cell()
    if not options.autolog:
        switch.leave_out_cell(run.info.run_id)
    sending = _log_options(run, params) if params else None
    key = _key(info, source, options.name)
    read = read or NOTHING_READ
    return TrackedCell(run, options, executed, key, source, offset, plan, before, read, open_before, sending=sending)


def _begin_run(options: CellOptions, tags: Mapping[str, str]) -> ActiveRun:
    """Begin the cell's run; where a server cannot be reached, one that is made later."""
    coming = state.take_coming()
    name = coming.run_name if coming else options.name
    new = tracking.describe_run(name, experiment_id="", tags={**tags, **(coming.tags if coming else {})})
    new = replace(new, run_id=coming.run_id if coming else None)
    info = create(get_store(), new, experiment=options.experiment, in_cell=True)
    data = RunData(tags={tag.key: tag.value for tag in new.tags})
    return tracking.opened(info, data, wanted=options.system_metrics or None)


def _log_options(run: ActiveRun, params: Sequence[Param]) -> Thread | None:
    """Log the params of the line; across a wire while the cell runs, in a thread that its end waits for."""
    write = partial(state.backlog.do, run.store.log_batch, run.info.run_id, params=params)
    if not is_server(run.store.uri):
        write()
        return None
    sending = Thread(target=guarded("logging the params of the line")(write), name="mltrack-options", daemon=True)
    sending.start()
    return sending


def python_of(shell: InteractiveShell, info: ExecutionInfo) -> tuple[str, int]:
    """Give the cell's Python after IPython's own transforms, and how many lines of the typed cell stand above it."""
    raw = info.raw_cell or ""
    transformed = getattr(info, "transformed_cell", None)
    source = transformed if isinstance(transformed, str) else shell.transform_cell(raw)
    inner = inner_source(source)
    if inner is not None:
        source = shell.transform_cell(inner[0])
    return source, max(0, len(raw.rstrip().splitlines()) - len(source.rstrip().splitlines()))


def _key(info: ExecutionInfo, source: str, run_name: str | None) -> str:
    """Name the cell through edits and kernels: by its id, else by its code without the literals and its run's name."""
    return f"id:{info.cell_id}" if info.cell_id else f"code:{structure_digest(source)}:{mask_text(run_name or '')}"


def end(shell: InteractiveShell, cell: TrackedCell, error: BaseException | None) -> str:
    """Write what the cell left and end its run; gives the status. Whatever fails, the run does not stay open."""
    status = status_of(error)
    left = CellEnd(cell.run_id)
    try:
        if cell.sending is not None:
            cell.sending.join(OPTIONS_SECONDS)
        if cell.options.capture:
            left = guarded("logging the data that the cell read")(_with_read)(shell, cell, left) or left
            left = _with_captured(shell, cell, error, left)
        if error is not None:
            left = replace(left, failure=failure_of(error, shell.user_ns))
        _write_left(cell, left)
    finally:
        _end_runs(cell, status)
    return status


def _write_left(cell: TrackedCell, left: CellEnd) -> None:
    """Write what a cell left; a server that cannot be reached is told later."""
    if cell.later is None or not is_server(cell.store.uri):
        state.backlog.do(end_cell, cell.store, left)
        return
    try:
        end_cell(cell.store, left)
    except UNREACHED:
        cell.later("keeping what a cell left", partial(end_cell, cell.store, left))


def status_of(error: BaseException | None) -> str:
    """Give the status of a cell that ended with this exception, or with none."""
    asyncio = sys.modules.get("asyncio")  # without it nothing was cancelled
    cancelled = asyncio is not None and isinstance(error, asyncio.CancelledError)
    return RunStatus.KILLED if cancelled else active.status_after(error)


def _end_runs(cell: TrackedCell, status: str) -> None:
    """End the cell's run, and before it every run that the cell began and left open."""
    for run in reversed(active.open_runs()):
        if run is not cell.run and run.info.run_id not in cell.open_before:
            run.end(run, status)
    if cell.run.is_open:
        cell.run.end(cell.run, status)


def _with_read(shell: InteractiveShell, cell: TrackedCell, left: CellEnd) -> CellEnd:
    """Add the data that the cell read; the store leaves what the user logged under that name and digest as it is."""
    inputs = tuple(inputs_of(cell.read, shell.user_ns))
    tags = (make_tag(LEFT_OUT_TAG, ", ".join(cell.read.left_out)),) if cell.read.left_out else ()
    return replace(left, inputs=inputs, tags=tags)


def _with_captured(shell: InteractiveShell, cell: TrackedCell, error: BaseException | None, left: CellEnd) -> CellEnd:
    """Add what the cell bound and read; the store leaves what the user logged under the same key as it is."""
    line = failed_line(error, shell.user_ns) if error is not None else None
    captured = take_after(cell.plan, cell.before, shell.user_ns, failed_line=line)
    names = [_placed(each, cell) for each in (*captured.params, *captured.metrics)]
    names += [CapturedName("param", name, "option") for name in cell.options.params]
    return replace(
        left,
        params=tuple(make_param(each.name, each.value) for each in captured.params),
        metrics=tuple(make_metric(each.name, each.value) for each in captured.metrics),
        captured=tuple(names),
    )


def _placed(value: CapturedValue, cell: TrackedCell) -> CapturedName:
    """Give a captured name with its place in the cell as typed; without one where IPython rewrote that line."""
    where = value.where
    if where.line is None or where.end_line is None:
        return where
    typed = cell.executed.source.splitlines()
    python = cell.source.splitlines()
    lines = range(where.line, where.end_line + 1)
    same = all(line + cell.offset <= len(typed) and typed[line + cell.offset - 1] == python[line - 1] for line in lines)
    if not same:
        return CapturedName(where.kind, where.name, where.origin)
    return CapturedName(
        where.kind,
        where.name,
        where.origin,
        where.line + cell.offset,
        where.column,
        where.end_line + cell.offset,
        where.end_column,
    )


def failed_line(error: BaseException, namespace: Mapping[str, Any]) -> int | None:
    """Give the line of the cell's own code at which an exception passed, or 0 when the cell never began."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_locals is namespace:
            return trace.tb_lineno
        trace = trace.tb_next
    return 0


def failure_of(error: BaseException, namespace: Mapping[str, Any]) -> Failure:
    """Give what is kept of an exception: its name, message, and the traceback from the cell's code on, masked."""
    name = type(error).__qualname__
    try:
        message = mask_text(str(error))
    except Exception as problem:
        message = f"<str() of it raised {type(problem).__name__}>"
    linecache.checkcache()
    trace = _from_cell(error.__traceback__, namespace)
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except Exception:
        text = "".join(traceback.format_tb(trace)) + f"{name}: {message}\n"
    return Failure(name, message[:TRACEBACK_LIMIT], mask_text(text[-TRACEBACK_LIMIT:]))


def _from_cell(trace: TracebackType | None, namespace: Mapping[str, Any]) -> TracebackType | None:
    """Skip the frames of IPython itself."""
    start = trace
    while start is not None and start.tb_frame.f_locals is not namespace:
        start = start.tb_next
    return start or trace
