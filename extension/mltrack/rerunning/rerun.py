"""``mltrack.rerun``: a run's cells again, with other values, in a clean kernel, in this one, or many times."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, StateError
from mltrack.keys import SWEEP_OF_TAG
from mltrack.lookup import LAST, find_run
from mltrack.rerunning import inside
from mltrack.rerunning.attempt import Attempt
from mltrack.rerunning.grids import as_grid, combinations
from mltrack.rerunning.handles import Rerun
from mltrack.rerunning.recipe import recipe_of, tracked_run
from mltrack.rerunning.sweep import Sweep, grid_of, sweep
from mltrack.settings import get_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import Run
    from mltrack.rerunning.grids import Grid
    from mltrack.rerunning.recipe import Recipe


def rerun(
    run: str | Run,
    values: Mapping[str, Any] | None = None,
    *,
    here: bool = False,
    jobs: int = 1,
    trust: bool = False,
    **more: Any,
) -> Rerun | Sweep | Run:
    """Run the cells that a run depends on again, with other values for its parameters.

    It comes back at once; ``wait()`` waits for the end, ``result()`` of a single rerun for its run. The new run is a
    child of the first. Lists (and ranges) of values make a sweep: a run for each combination, children of one that is
    a child of the first. A sweep that did not come to its end goes on when it is asked for again, or when it is given
    as ``run``: what has finished is not run again.

    Parameters
    ----------
    run
        A run, its id, the first digits of it, its name, or "last".
    values
        The values by parameter; also by keyword, as ``C=0.1``. A tuple is one value.
    here
        Run the cells in this kernel, which changes the notebook's variables, and give the new run.
    jobs
        Worker processes at once.
    trust
        Run them though somebody else has recorded them.

    Raises
    ------
    InvalidParameterError
        When a parameter cannot be changed; the message names those that can.
    NotFoundError
        When there is no such run, or it has no notebook.
    StateError
        When its cells cannot be run, or should not without ``trust``.
    """
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise InvalidParameterError(f"jobs must be a whole number from 1; got {jobs!r}.")
    first = _meant(run) if isinstance(run, str) else run
    grid = as_grid({**(values or {}), **more})
    own_grid = grid_of(first)
    if own_grid is not None:
        if grid:
            raise InvalidParameterError("A sweep is taken up with its own values; give it without any, or its run.")
        first, grid = find_run(first.data.tags[SWEEP_OF_TAG]), own_grid
    return _begin(recipe_of(first, trust=trust), grid, here=here, jobs=jobs)


def _meant(text: str) -> Run:
    """Find the run that is meant: a sweep that is named by its own name or id, else the run that was tracked."""
    run = find_run(text)
    return run if grid_of(run) is not None and text != LAST else tracked_run(text)


def _begin(recipe: Recipe, grid: Grid, *, here: bool, jobs: int) -> Rerun | Sweep | Run:
    is_one = all(len(each) == 1 for each in grid.values())
    if not here and not is_one:
        return sweep(recipe, grid, jobs=jobs)
    if not is_one:
        raise InvalidParameterError("A sweep runs in kernels of its own; leave --here out, or give one value of each.")
    attempt = Attempt(get_store(), recipe.checked(combinations(grid)[0]))
    if here:
        return _run_here(recipe, attempt)
    return Rerun(recipe, attempt).start(1)


def _run_here(recipe: Recipe, attempt: Attempt) -> Run:
    """Run the cells in this kernel; the exception of one that fails is shown by IPython, and ends it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        raise StateError("There is no notebook here whose kernel could run the cells; leave here=True out.")
    job = attempt.job(recipe, parent_id=recipe.run.info.run_id)
    for number, source in enumerate(job.sources):
        if number == len(job.sources) - 1:
            inside.arrange(job)
        outcome = shell.run_cell(source, store_history=False)
        if not outcome.success:
            error = outcome.error_in_exec or outcome.error_before_exec
            raise StateError(
                f"Cell {number + 1} of {len(job.sources)} failed with {type(error).__name__}: {error}"
            ) from None
    run = attempt.run
    if run is None:
        raise StateError("The cells ran, but no run was made; is the extension loaded (%load_ext mltrack)?")
    return run


__all__ = ["Rerun", "Sweep", "rerun"]
