"""Which runs a panel is about: those of some experiments that match a filter, in an order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltrack.entities import Run
from mltrack.exceptions import NotFoundError
from mltrack.frames import PAGE
from mltrack.keys import is_run_id
from mltrack.lookup import find_experiment, find_run
from mltrack.settings import get_store
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mltrack.store.protocol import Store

MOST_NAMED = 400
_MOST_LETTERS = 14_000  # of ids in one filter, which has a longest length


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
        found: list[Run] = []
        token: str | None = None
        while len(found) < most:
            page = self.store.search_runs(self.search(most=min(PAGE, most - len(found)), token=token))
            found += page.rows
            token = page.token
            if token is None:
                break
        return found

    def by_id(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Read the active runs of these ids, whatever the filter; those that are not there are left out."""
        there: dict[str, Run] = {}
        for ids in _in_filters(run_ids):
            named = replace(self, filter_string=_these(ids), order_by=())
            there |= {run.info.run_id: run for run in named.first(len(ids))}
        return there

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


def these_runs(runs: Iterable[str | Run], store: Store | None = None) -> list[Run]:
    """Find runs by what a person types (ids, first digits, names, "last") or as they are; each is there once.

    They are looked for in the store of this process, if no other is given.

    Raises
    ------
    NotFoundError
        When there is none for one of them, or none was named.

    """
    found = [each if isinstance(each, Run) else find_run(each, store) for each in runs]
    if not found:
        raise NotFoundError("No run was named; `mltrack runs` lists them.")
    return list({run.info.run_id: run for run in found}.values())


def set_of(runs: Sequence[Run], store: Store | None = None) -> RunSet:
    """Give these runs as a set, as a search would find them: as many as a filter can name."""
    store = store or get_store()
    ids = dict.fromkeys(run.info.experiment_id for run in runs)
    names = {each: store.get_experiment(each).name for each in ids}
    return RunSet(store, names, _these(next(_in_filters(run.info.run_id for run in runs), [])))


def _these(run_ids: Sequence[str]) -> str:
    listed = ", ".join(f"'{each}'" for each in run_ids)
    return f"attributes.run_id IN ({listed})"


def _in_filters(run_ids: Iterable[str]) -> Iterator[list[str]]:
    """Give those that are run ids (a page may say anything), as many at once as one filter can name."""
    some: list[str] = []
    letters = 0
    for each in filter(is_run_id, run_ids):
        if some and (len(some) == MOST_NAMED or letters + len(each) > _MOST_LETTERS):
            yield some
            some, letters = [], 0
        some.append(each)
        letters += len(each)
    if some:
        yield some
