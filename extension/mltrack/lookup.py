"""Finding the run that a person means, by id, its first digits, name or as the last, and the experiment, by name."""

from __future__ import annotations

import re
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mltrack.entities import LifecycleStage
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.entities import Experiment, Run
    from mltrack.store.protocol import Store

LAST = "last"
_WHOLE_ID = re.compile("[0-9a-f]{32}")


def find_run(text: str = LAST, store: Store | None = None) -> Run:
    """Give the run that ``text`` names: its id, the first digits of it, its name (the newest of that name), or "last".

    It is looked for in the store of this process, if no other is given.

    Raises
    ------
    NotFoundError
        When there is none.
    InvalidParameterError
        When the digits begin the ids of several runs.
    """
    store = store or get_store()
    if _WHOLE_ID.fullmatch(text):
        with suppress(NotFoundError):  # one look, where a search would be another; it may be a name, though
            found = store.get_run(text)
            if found.info.lifecycle_stage == LifecycleStage.ACTIVE:
                return found
    ids = store.find_run_ids(text)
    if not ids and text == LAST:
        everywhere = tuple(experiment.experiment_id for experiment in store.list_experiments())
        page = store.search_runs(Search(everywhere, max_results=1))
        if page.rows:
            return page.rows[0]
        raise NotFoundError("There are no runs in this store yet; put %%track_run on a cell and run it.")
    if not ids:
        raise NotFoundError(f"There is no run named {text!r}, nor one whose id begins so; `mltrack runs` lists them.")
    named = [run_id for run_id in ids if not run_id.startswith(text)]
    if not named and len(ids) > 1:  # the id of the run of that name may begin so, too
        named = [run_id for run_id in ids if store.get_run(run_id).info.run_name == text]
    return store.get_run(named[0] if named else _only(ids, text))


def whole_run_id(digits: str, *, stage: LifecycleStage = LifecycleStage.ACTIVE) -> str:
    """Give the id that begins with these digits, or, where none does, the digits as they are.

    Raises
    ------
    InvalidParameterError
        When the digits begin the ids of several runs.
    """
    ids = [run_id for run_id in get_store().find_run_ids(digits, stage=stage) if run_id.startswith(digits)]
    return _only(ids, digits) if ids else digits


def _only(ids: Sequence[str], digits: str) -> str:
    if len(ids) > 1:
        raise InvalidParameterError(
            f"{digits!r} begins the ids of {len(ids)} runs: {', '.join(ids[:5])}. Give more digits."
        )
    return ids[0]


def find_experiment(name: str) -> Experiment:
    """Give the active experiment of that name; NotFoundError, which tells a name that is near, when there is none."""
    active = {experiment.name: experiment for experiment in get_store().list_experiments()}
    if name in active:
        return active[name]
    near = get_close_matches(name, active, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise NotFoundError(f"There is no experiment named {name!r}; `mltrack experiments search` lists them.{hint}")
