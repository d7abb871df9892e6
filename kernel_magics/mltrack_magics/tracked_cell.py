"""One tracked cell from its beginning to its end: a run, what the cell bound and read, how it ended, and its card."""

from __future__ import annotations

import linecache
import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack import active, tracking
from mltrack.autologging import switch
from mltrack.entities import CapturedName, RunStatus
from mltrack.keys import PARENT_TAG
from mltrack.masking import mask_text
from mltrack.settings import named_experiment, state
from mltrack.store.protocol import Failure
from mltrack.values import make_metric, make_param, make_tag
from mltrack_magics.capture import Before, CellPlan, inner_source, plan_cell, structure_digest, take_after, take_before
from mltrack_magics.guard import guarded
from mltrack_magics.read_data import LEFT_OUT_TAG, NOTHING_READ, inputs_of, take_read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from mltrack.active import ActiveRun
    from mltrack.store.protocol import Store
    from mltrack_magics.capture import CapturedValue
    from mltrack_magics.cell_line import CellOptions
    from mltrack_magics.environment import GitState
    from mltrack_magics.read_data import ReadData
    from mltrack_magics.recorder import Executed

TRACEBACK_LIMIT = 100_000


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
    parent = tracking.active_run() if options.nested else None
    open_before = frozenset(run.info.run_id for run in active.open_runs())
    experiment = named_experiment(options.experiment).experiment_id if options.experiment else None
    tags = {**options.tags, **({PARENT_TAG: parent.info.run_id} if parent else {})}
    params = [make_param(key, value) for key, value in options.params.items()]
    before = take_before(plan, shell.user_ns)
    read = guarded("looking at the data that the cell reads", resend=True)(take_read)(plan, shell.user_ns)
    run = tracking.begin(
        options.name, experiment_id=experiment, tags=tags, log_system_metrics=options.system_metrics or None
    )
    run.belong_to_cell()
    if not options.autolog:
        switch.leave_out_cell(run.info.run_id)
    if params:
        state.backlog.do(run.store.log_batch, run.info.run_id, params=params)
    key = _key(info, source, options.name)
    read = read or NOTHING_READ
    return TrackedCell(run, options, executed, key, source, offset, plan, before, read, open_before)


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
    try:
        if cell.options.capture:
            guarded("logging the data that the cell read")(_log_read)(shell, cell)
            _log_captured(shell, cell, error)
        if error is not None:
            cell.store.record_failure(cell.run_id, failure_of(error, shell.user_ns))
    finally:
        _end_runs(cell, status)
    return status


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


def _log_read(shell: InteractiveShell, cell: TrackedCell) -> None:
    """Log the data that the cell read; the store leaves what the user logged under that name and digest as it is."""
    if inputs := inputs_of(cell.read, shell.user_ns):
        state.backlog.do(cell.store.log_inputs, cell.run_id, inputs)
    if cell.read.left_out:
        tag = make_tag(LEFT_OUT_TAG, ", ".join(cell.read.left_out))
        state.backlog.do(cell.store.log_batch, cell.run_id, tags=[tag])


def _log_captured(shell: InteractiveShell, cell: TrackedCell, error: BaseException | None) -> None:
    """Log what the cell bound and read, leaving what the user logged under the same key as it is."""
    line = failed_line(error, shell.user_ns) if error is not None else None
    captured = take_after(cell.plan, cell.before, shell.user_ns, failed_line=line)
    known = cell.store.get_run(cell.run_id).data
    params = [each for each in captured.params if each.name not in known.params]
    metrics = [each for each in captured.metrics if each.name not in known.metrics]
    if params or metrics:
        do = state.backlog.do
        for start in range(0, max(len(params), len(metrics)), 100):
            part = slice(start, start + 100)
            do(
                cell.store.log_batch,
                cell.run_id,
                metrics=[make_metric(each.name, each.value) for each in metrics[part]],
                params=[make_param(each.name, each.value) for each in params[part]],
            )
    names = [_placed(each, cell) for each in (*params, *metrics)]
    names += [CapturedName("param", name, "option") for name in cell.options.params]
    if names:
        state.backlog.do(cell.store.record_captured, cell.run_id, names)


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
