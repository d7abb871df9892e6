"""What panels ask of an SQLite store: curves, columns, groups and attempts, and the names that there are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mltrack.store import attempts, columns, curves, groups, run_keys, search
from mltrack.store.base import SqlitePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.pages import Page, Search
    from mltrack.store.summaries import Attempts, Curve, CurveQuery, RunColumns, RunGroup, RunKeys


class SqliteSummaries(SqlitePart):
    """Sums up runs, so that what is drawn of very many is little; what is wrong is an InvalidParameterError."""

    _group_reader = groups.GroupReader

    def count_matching(self, wanted: Search, *, most: int) -> int:
        """Count the runs that match, whatever the page; it stops at ``most``."""
        self._sweep()
        return self._database.read(search.count_matching, wanted, most, self._locate)

    def search_attempts(self, wanted: Search) -> Page[Attempts]:
        """Give one page of the cells whose runs match, each by its newest run; runs of no cell stand for themselves.

        The order is the search's, of these newest runs; the tokens are this search's own.
        """
        self._sweep()
        return self._database.read(attempts.find_attempts, wanted, self._locate)

    def runs_of_cell(self, run_id: str, wanted: Search) -> list[str]:
        """Give the ids of the runs of the same cell that match, in the search's order, up to ``max_results``.

        A run of no cell stands for itself, and of an unknown run there are none. The page's token does not matter.
        """
        return self._database.read(attempts.find_runs_of_cell, run_id, wanted, self._locate)

    def group_runs(self, wanted: Search, key: str, *, metrics: Sequence[str], most: int) -> list[RunGroup]:
        """Put the runs that match into groups by the value of ``params.KEY`` or ``tags.KEY``, the largest first.

        ``metrics`` are bare names; at most ``most`` groups are given. The page does not matter.
        """
        self._sweep()
        grouping = groups.Grouping(key, metrics, most)
        return self._database.read(
            partial(groups.find_groups, reader=self._group_reader), wanted, grouping, self._locate
        )

    def run_columns(self, wanted: Search, names: Sequence[str]) -> RunColumns:
        """Give some values of all the runs that match, up to ``max_results``, in the search's order.

        Metrics are numbers, times ms since 1970, all else texts; each column goes by its name as it was asked for.
        """
        self._sweep()
        return self._database.read(columns.read_columns, wanted, names, self._locate)

    def run_keys(self, experiment_ids: Sequence[str]) -> RunKeys:
        """Give the names of params, metrics and tags that the active runs of these experiments have."""
        return self._database.read(run_keys.read_run_keys, experiment_ids)

    def curve_keys(self, run_ids: Sequence[str]) -> list[str]:
        """Give the metrics of which one of these runs has more than one point, those of most runs first."""
        return self._database.read(curves.read_curve_keys, run_ids)

    def metric_curves(self, wanted: CurveQuery) -> list[Curve]:
        """Give metrics of runs as curves, by the order of runs and keys asked for.

        What is not there is left out: unknown and deleted runs, names, series without a point in the range. Long
        series are read on two threads.
        """
        return curves.read_curves(self._database, wanted)
