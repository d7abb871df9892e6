"""Which runs a panel is about: those of some experiments that match a filter, in an order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltrack.entities import Run
from mltrack.exceptions import NotFoundError
from mltrack.frames import find_runs
from mltrack.lookup import find_experiment, find_run
from mltrack.settings import get_store
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mltrack.store.protocol import Store


@dataclass(frozen=True, slots=True)
class RunSet:
    """Runs of a store: ``experiments`` maps the ids of those looked at to their names; filter and order are texts."""

    store: Store
    experiments: Mapping[str, str]
    filter_string: str = ""
    order_by: tuple[str, ...] = ()

    def search(self, *, most: int = 1_000, token: str | None = None) -> Search:
        """Give the search that finds them."""
        ids = tuple(self.experiments)
        return Search(ids, self.filter_string, self.order_by, max_results=most, page_token=token)

    def first(self, most: int) -> tuple[Run, ...]:
        """Read the first of them."""
        return self.store.search_runs(self.search(most=most)).rows

    def all(self, most: int = 100_000) -> list[Run]:
        """Read all of them, page by page, at most so many."""
        found = find_runs(tuple(self.experiments), self.filter_string, order_by=self.order_by, max_results=most)
        return list(found)

    def filtered(self, filter_string: str) -> RunSet:
        """Give those that match another filter."""
        return replace(self, filter_string=filter_string.strip())

    def ordered(self, order_by: Sequence[str]) -> RunSet:
        """Give the same in another order."""
        return replace(self, order_by=tuple(order_by))


def run_set(
    filter_string: str = "", *, experiment: str | None = None, order_by: Sequence[str] = (), everywhere: bool = False
) -> RunSet:
    """Say which runs a panel is about.

    ``experiment`` is a name; without one it is that of the run that started last, or all with ``everywhere``.

    Raises
    ------
    NotFoundError
        When there is no experiment of that name.

    """
    store = get_store()
    found = [find_experiment(experiment)] if experiment is not None else list(store.list_experiments())
    if experiment is None and not everywhere:
        newest = store.search_runs(Search(tuple(each.experiment_id for each in found), max_results=1)).rows
        found = [each for each in found if not newest or each.experiment_id == newest[0].info.experiment_id]
    names = {each.experiment_id: each.name for each in found}
    return RunSet(store, names, filter_string.strip(), tuple(order_by))


def these_runs(runs: Iterable[str | Run]) -> list[Run]:
    """Find runs by what a person types (ids, first digits, names, "last") or as they are; each is there once.

    Raises
    ------
    NotFoundError
        When there is none for one of them, or none was named.

    """
    found = [each if isinstance(each, Run) else find_run(each) for each in runs]
    if not found:
        raise NotFoundError("No run was named; `mltrack runs` lists them.")
    return list({run.info.run_id: run for run in found}.values())


def set_of(runs: Sequence[Run]) -> RunSet:
    """Give exactly these runs as a set, as a search would find them."""
    store = get_store()
    ids = dict.fromkeys(run.info.experiment_id for run in runs)
    names = {each: store.get_experiment(each).name for each in ids}
    listed = ", ".join(f"'{run.info.run_id}'" for run in runs)
    return RunSet(store, names, f"attributes.run_id IN ({listed})")
