"""Finding the one run that a person means: by id, by the first digits of one, by name, or the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from mltrack.entities import Run

LAST = "last"


def find_run(text: str = LAST) -> Run:
    """Give the run that ``text`` names: its id, the first digits of it, its name (the newest of that name), or "last".

    Raises
    ------
    NotFoundError
        When there is none.
    InvalidParameterError
        When the digits begin the ids of several runs.
    """
    store = get_store()
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
    if len(ids) > 1 and not named:
        raise InvalidParameterError(
            f"{text!r} begins the ids of {len(ids)} runs: {', '.join(ids[:5])}. Give more digits."
        )
    return store.get_run(named[0] if named else ids[0])
