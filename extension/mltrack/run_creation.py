"""The making of a run in the store of this process, where its experiment may be known by its name only.

A tracked cell, and what begins runs inside it, is not stopped by a server that cannot be reached: a store across a wire
(``begin_run``) has such a run made later. Elsewhere that is an error, as in MLflow: no script trains for nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mltrack import active, config
from mltrack.exceptions import UNREACHED
from mltrack.keys import check_name
from mltrack.settings import (
    DEFAULT_EXPERIMENT,
    current_experiment_id,
    given_experiment_id,
    named_experiment,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.entities import RunInfo
    from mltrack.store.protocol import NewRun, Store


def create(store: Store, new: NewRun, *, experiment: str | None = None, in_cell: bool = False) -> RunInfo:
    """Make a run in the experiment of a name, else in that of its id, else in the chosen one.

    ``in_cell``: a tracked cell begins it. What is begun while one runs is known to be in it.
    """
    begin = getattr(store, "begin_run", None) if in_cell or active.cell_run() is not None else None
    if begin is not None:
        return _begin(begin, new, experiment)
    named = named_experiment(experiment).experiment_id if experiment else None
    return store.create_run(replace(new, experiment_id=named or new.experiment_id or current_experiment_id()))


def _begin(begin: Callable[..., RunInfo], new: NewRun, experiment: str | None) -> RunInfo:
    """Make a run without a question before: a store that cannot answer is told the experiment's name."""
    if experiment:
        return begin(replace(new, experiment_id=""), experiment=check_name(experiment, "experiment"))
    place = new.experiment_id or state.experiment_id or _given_id()
    name = None if place else config.EXPERIMENT_NAME.get()
    if name is None:
        return begin(replace(new, experiment_id=place or DEFAULT_EXPERIMENT))
    found = begin(replace(new, experiment_id=""), experiment=check_name(name, "experiment"))
    state.experiment_id = found.experiment_id or None  # it has none while it waits to be made
    return found


def _given_id() -> str | None:
    try:
        return given_experiment_id()
    except UNREACHED:
        return None
