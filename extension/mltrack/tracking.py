"""The fluent API: the active run and what is logged to it, with MLflow's names and arguments.

Each verb makes checked values of what it was given and becomes one ``Store.log_batch``; there is no layer between.
"""

from __future__ import annotations

import atexit
import getpass
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack import active, given_run, system_metrics
from mltrack.active import ActiveRun, cell_run, current_run, is_main_thread, own_run, push
from mltrack.async_logging import DONE
from mltrack.entities import Run, RunData, RunStatus
from mltrack.exceptions import InvalidParameterError, MltrackError, StateError
from mltrack.keys import (
    MAX_BATCH_METRICS,
    MAX_BATCH_PARAMS,
    MAX_BATCH_TAGS,
    NOTE_TAG,
    PARENT_TAG,
    RUN_NAME_TAG,
    SOURCE_NAME_TAG,
    SOURCE_TYPE_TAG,
    USER_TAG,
    check_name,
    check_run_id,
)
from mltrack.masking import mask_text
from mltrack.model_metrics import attributed
from mltrack.process import current_owner
from mltrack.run_creation import create
from mltrack.run_names import new_run_name
from mltrack.settings import flush, get_store, state
from mltrack.store.protocol import NewRun, RunChange
from mltrack.values import make_metric, make_metrics, make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.async_logging import RunOperations
    from mltrack.entities import Metric, Param, RunInfo, RunTag
    from mltrack.store.protocol import Store

__path__: list[str] = []  # MLflow has modules below one of this name; see mltrack.module_names


def __getattr__(name: str) -> Any:
    if name not in ("MlflowClient", "MltrackClient"):
        raise AttributeError(f"module 'mltrack.tracking' has no attribute {name!r}")
    from mltrack import client  # it is no part of the fluent API; MLflow's users look for it here

    return getattr(client, name)


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,  # noqa: FBT001 - MLflow's signature
) -> ActiveRun:
    """Begin a run and make it the active one; use it in a ``with`` statement, or end it with ``end_run``.

    Parameters
    ----------
    run_id
        Take up this run again instead of making one; in what a project runs the first call takes up the project's.
    experiment_id
        Default: the chosen experiment.
    run_name
        Default: an invented one.
    nested
        Allow it inside an active run, as that run's child. Inside a tracked cell it is always a child of the
        cell's run. In a notebook a run that a bare ``start_run`` left open is ended first.
    parent_run_id
        Make it a child of this run, active or not.
    tags, description
        Tags to begin with; the description is the tag ``mlflow.note.content``.
    log_system_metrics
        Sample the machine's use into ``system/…`` metrics; default: what ``MLTRACK_SYSTEM_METRICS`` says.

    Raises
    ------
    StateError
        When a run begun here is active and ``nested`` was not said; other threads, tasks and forks begin their own.
    NotFoundError
        When there is no run ``run_id`` or ``parent_run_id``.
    """
    if parent_run_id is not None:
        get_run(check_run_id(parent_run_id))  # a child of no one would be found nowhere
    found = dict(tags or {})
    if description is not None:
        found[NOTE_TAG] = description
    parent = _make_room(nested=nested or parent_run_id is not None)
    chosen = run_id if run_id is not None or parent or parent_run_id else given_run.take()
    if chosen is not None:
        return _take_up(check_run_id(chosen), run_name, found, wanted=log_system_metrics)
    parent_id = parent_run_id or (parent.info.run_id if parent else None)
    if parent_id:
        found.setdefault(PARENT_TAG, parent_id)
    return begin(run_name, experiment_id=experiment_id, tags=found, log_system_metrics=log_system_metrics)


def begin(
    run_name: str | None = None,
    *,
    experiment_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    log_system_metrics: bool | None = None,
    run_id: str | None = None,
) -> ActiveRun:
    """Make a run and the active one here, whatever else is active; ``run_id`` is a new id that was chosen before."""
    new = replace(describe_run(run_name, experiment_id=str(experiment_id or ""), tags=tags), run_id=run_id)
    data = RunData(tags={tag.key: tag.value for tag in new.tags})
    return opened(create(get_store(), new), data, wanted=log_system_metrics)


def opened(info: RunInfo, data: RunData, *, wanted: bool | None) -> ActiveRun:
    """Make a run of the store the active one; ``wanted``: whether its system metrics are."""
    run = ActiveRun(info, data, store=get_store(), end=_end)
    push(run)
    system_metrics.watch(run, wanted=wanted)
    return run


def describe_run(run_name: str | None, *, experiment_id: str, tags: Mapping[str, Any] | None = None) -> NewRun:
    """Give what a new run of this process is to be, with the tags that say where it comes from."""
    kept = [make_tag(key, value) for key, value in {**own_tags(), **(tags or {})}.items()]
    return NewRun(
        experiment_id=experiment_id,
        run_name=_chosen_name(run_name, tags),
        start_time=_now(),
        user_id=_user(),
        tags=tuple(kept),
        owner=str(current_owner()),
    )


def _make_room(*, nested: bool) -> ActiveRun | None:
    """Give the parent of a run that is about to begin, ending or refusing what is in its way."""
    mine = own_run()
    outer = mine or current_run()
    if outer is None:
        return None
    if nested or outer.is_cell:
        return outer
    if state.in_notebook and outer.is_leftover:
        _end(outer, RunStatus.FINISHED)
        return _make_room(nested=nested)
    if mine is None:
        return cell_run()  # the rest is another thread's, task's or process's, not ours to judge
    raise StateError(
        f"Run {mine.info.run_name!r} ({mine.info.run_id}) is active already. End it with end_run(), "
        "or begin a child of it with start_run(nested=True)."
    )


def _take_up(run_id: str, run_name: str | None, tags: Mapping[str, Any], *, wanted: bool | None) -> ActiveRun:
    if any(each.info.run_id == run_id for each in active.own_runs()):
        raise StateError(f"Run {run_id} is active already; log to it as it is.")
    store = get_store()
    kept = [make_tag(key, value) for key, value in tags.items()]
    name = _shown_name(run_name) if run_name else None
    info = store.update_run(run_id, RunChange(RunStatus.RUNNING, run_name=name, owner=str(current_owner())))
    if kept:
        store.log_batch(run_id, tags=kept)
    return opened(info, store.get_run(run_id).data, wanted=wanted)


def _shown_name(name: str) -> str:
    return mask_text(check_name(name, "run"))


def _chosen_name(name: str | None, tags: Mapping[str, Any] | None) -> str:
    given = name or (tags or {}).get(RUN_NAME_TAG)
    return _shown_name(str(given)) if given else new_run_name()


def own_tags() -> dict[str, str]:
    """Give the tags that say who and what makes the runs of this process."""
    name, kind = state.source or (_script_name(), "LOCAL")
    return {USER_TAG: _user(), SOURCE_NAME_TAG: name, SOURCE_TYPE_TAG: kind}


def _script_name() -> str:
    return os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c") else "python"


_user_name: list[str] = []


def _user() -> str:
    if not _user_name:
        try:
            _user_name.append(getpass.getuser())
        except (OSError, KeyError, ImportError):  # a uid without a name, as in some containers
            _user_name.append(str(os.getuid()) if hasattr(os, "getuid") else "unknown")
    return _user_name[0]


def _now() -> int:
    return time.time_ns() // 1_000_000


def end_run(status: str = "FINISHED") -> None:
    """End the active run with this status (FINISHED, FAILED or KILLED); without one nothing happens.

    A thread ends only a run that it began itself; so does a forked child.
    """
    run = own_run() or (current_run() if is_main_thread() else None)
    if run is None or run.is_inherited:
        return
    try:
        final = RunStatus(str(status))
    except ValueError:
        final = RunStatus.RUNNING
    if not final.is_final:
        raise InvalidParameterError(f"A run cannot end as {status!r}; FINISHED, FAILED and KILLED are ends.")
    _end(run, final)


def _end(run: ActiveRun, status: str) -> None:
    if not run.is_open:
        return
    run.close()
    if run.is_inherited:
        return
    try:
        run.do_last_work()
        system_metrics.finish(run.info.run_id)
    finally:  # an interrupt does not leave the run open
        state.backlog.drain(now=True)
        change = RunChange(status=status, end_time=max(_now(), run.info.start_time))
        state.backlog.do(run.store.update_run, run.info.run_id, change)


def active_run() -> ActiveRun | None:
    """Give the active run as seen from this thread and task, or None."""
    return current_run()


def last_active_run() -> Run | None:
    """Give the run that is active, else the last that was in this process, as it is in the store now; or None."""
    run = current_run() or active.last_run()
    return run.store.get_run(run.info.run_id) if run else None


def get_run(run_id: str) -> Run:
    """Give a run with its data as it is in the store now; NotFoundError when there is none."""
    return get_store().get_run(run_id)


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature; here every call is synchronous
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Log one point of a metric; when this returns, it survives the death of the process.

    Parameters
    ----------
    key
        Letters, digits, ``_ - . / :`` and spaces, at most 250.
    value
        Any real number: int, float, bool, Decimal, Fraction, a numpy or torch scalar, or the text of one. NaN and
        infinities are kept.
    step
        A 64-bit integer, default 0; a float without a fraction is taken for one.
    synchronous
        False gives an object whose ``wait`` returns at once, for code that waits.
    timestamp
        Ms since 1970, default now.
    run_id
        Default: the active run, begun if there is none.
    model_id
        The logged model that the point is of, too; default: the active model, else those the run made at that step.
    dataset
        The dataset that it was measured on; see ``log_input``.

    Raises
    ------
    InvalidParameterError
        When the key or a value is not allowed; the message names the key.
    """
    _write(run_id, metrics=(make_metric(key, value, step, timestamp),), of=(model_id, dataset))
    return DONE if synchronous is False else None


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature; here every call is synchronous
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Log one point of each of several metrics, all or none up to a thousand; see ``log_metric``."""
    _write(run_id, metrics=make_metrics(metrics, step, timestamp), of=(model_id, dataset))
    return DONE if synchronous is False else None


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:  # noqa: FBT001 - MLflow's
    """Log a param, as text of at most 6,000 characters, and give the value back.

    Raises
    ------
    InvalidParameterError
        When the key is not allowed, or the run has the param with another value.
    """
    _write(None, params=(make_param(key, value),))
    return DONE if synchronous is False else value


def log_params(
    params: Mapping[str, Any],
    synchronous: bool | None = None,  # noqa: FBT001 - MLflow's signature; here every call is synchronous
    run_id: str | None = None,
) -> RunOperations | None:
    """Log several params, all or none up to a hundred; see ``log_param``."""
    _write(run_id, params=[make_param(key, value) for key, value in params.items()])
    return DONE if synchronous is False else None


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:  # noqa: FBT001 - MLflow's
    """Set a tag of the active run, as text of at most 8,000 characters; an earlier value is overwritten."""
    _write(None, tags=(make_tag(key, value),))
    return DONE if synchronous is False else None


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:  # noqa: FBT001 - MLflow's
    """Set several tags of the active run, all or none."""
    _write(None, tags=[make_tag(key, value) for key, value in tags.items()])
    return DONE if synchronous is False else None


def _write(
    run_id: str | None,
    *,
    metrics: Sequence[Metric] = (),
    params: Sequence[Param] = (),
    tags: Sequence[RunTag] = (),
    of: tuple[str | None, Any] = (None, None),
) -> None:
    if run_id is None:
        run = current_run() or start_run()
        run_id, store = run.info.run_id, run.store
    else:
        store = get_store()
    if metrics:
        metrics = attributed(store, run_id, metrics, *of)
    do = state.backlog.do
    if len(params) <= MAX_BATCH_PARAMS and len(metrics) <= MAX_BATCH_METRICS and len(tags) <= MAX_BATCH_TAGS:
        do(store.log_batch, run_id, metrics=metrics, params=params, tags=tags)
        return
    for start in range(0, max(len(metrics), len(params), len(tags)), MAX_BATCH_PARAMS):
        part = slice(start, start + MAX_BATCH_PARAMS)
        do(store.log_batch, run_id, metrics=metrics[part], params=params[part], tags=tags[part])


def target_run() -> tuple[Store, str]:
    """Give the store and id of the active run, beginning one if there is none."""
    run = current_run() or start_run()
    return run.store, run.info.run_id


_EXIT_SECONDS = 5.0  # the longest wait for a server; what it has not by then is sent by the next process


def _at_exit() -> None:
    """Close what a script left open: as failed after an exception that nobody caught, else as finished."""
    error = None if state.in_notebook else getattr(sys, "last_value", None)
    for run in active.open_runs()[::-1]:
        try:
            _end(run, RunStatus.KILLED if run.is_cell else active.status_after(error))
        except MltrackError as problem:
            print(f"mltrack: run {run.info.run_id} could not be ended: {problem}", file=sys.stderr)
    state.backlog.drain(now=True)
    flush(_EXIT_SECONDS)
    if lost := len(state.backlog) + state.backlog.lost:
        print(f"mltrack: {lost} writes were lost: the store never took them.", file=sys.stderr)


atexit.register(_at_exit)
