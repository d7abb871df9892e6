"""What panels ask of an MLflow server: answered by a copy of its runs (see ``mirror``), or by searches of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.entities import ViewType
from mltrack.keys import is_run_id
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.rest.mirror import Mirror
    from mltrack.store.news import NewsQuery, RunNews
    from mltrack.store.pages import Page
    from mltrack.store.protocol import Store
    from mltrack.store.summaries import Attempts, Curve, CurveQuery, RunColumns, RunGroup, RunKeys

_MOST_EXPERIMENTS = 1000


class ForeignPanels:
    """Asks the copy what MLflow's wire cannot answer."""

    def __init__(self, store: Store, mirror: Mirror) -> None:
        self._store = store
        self._mirror = mirror

    def count_matching(self, wanted: Search, *, most: int) -> int:
        """Count the runs that match, whatever the page; it stops at ``most``."""
        return self._mirror.of(wanted.experiment_ids).count_matching(wanted, most=most)

    def search_attempts(self, wanted: Search) -> Page[Attempts]:
        """Give one page of the cells whose runs match, each by its newest run."""
        return self._mirror.of(wanted.experiment_ids).search_attempts(wanted)

    def runs_of_cell(self, run_id: str, wanted: Search) -> list[str]:
        """Give the ids of the runs of the same cell that match, in the search's order."""
        return self._mirror.of(wanted.experiment_ids).runs_of_cell(run_id, wanted)

    def group_runs(self, wanted: Search, key: str, *, metrics: Sequence[str], most: int) -> list[RunGroup]:
        """Put the runs that match into groups by the value of ``params.KEY`` or ``tags.KEY``, the largest first."""
        return self._mirror.of(wanted.experiment_ids).group_runs(wanted, key, metrics=metrics, most=most)

    def run_columns(self, wanted: Search, names: Sequence[str]) -> RunColumns:
        """Give some values of all the runs that match, in the search's order."""
        return self._mirror.of(wanted.experiment_ids).run_columns(wanted, names)

    def run_keys(self, experiment_ids: Sequence[str]) -> RunKeys:
        """Give the names of params, metrics and tags that the active runs of these experiments have."""
        return self._mirror.of(experiment_ids).run_keys(experiment_ids)

    def curve_keys(self, run_ids: Sequence[str]) -> list[str]:
        """Give the metrics of which one of these runs has more than one point, those of most runs first."""
        copy = self._mirror.of_runs(run_ids)
        self._mirror.fetch_histories(run_ids)
        return copy.curve_keys(run_ids)

    def metric_curves(self, wanted: CurveQuery) -> list[Curve]:
        """Give metrics of runs as curves, in the order of runs and keys asked for."""
        copy = self._mirror.of_runs(wanted.run_ids)
        self._mirror.fetch_histories(wanted.run_ids, wanted.keys)
        return copy.metric_curves(wanted)

    def metric_outlines(self, run_id: str, *, width: int = 20) -> dict[str, tuple[int, tuple[float, ...]]]:
        """Give (number of points, values at some ``width`` evenly spaced steps) of each metric with several points."""
        copy = self._mirror.of_runs([run_id])
        self._mirror.fetch_histories([run_id])
        return copy.metric_outlines(run_id, width=width)

    def run_news(self, wanted: NewsQuery) -> RunNews:
        """Give how a run stands and what was logged to it since somebody last looked."""
        copy = self._mirror.of_runs([wanted.run_id])
        self._mirror.fetch_histories([wanted.run_id])
        return copy.run_news(wanted)

    def count_runs(self, experiment_ids: Sequence[str] | None = None) -> int:
        """Count the active runs of these experiments; default: of the server."""
        ids = self._experiments() if experiment_ids is None else list(experiment_ids)
        return self._mirror.of(ids).count_runs(ids)

    def find_run_ids(self, text: str, *, limit: int = 20, stage: str = "active") -> list[str]:
        """Give the ids of runs whose id begins with, or whose name is, ``text``, newest first."""
        view = ViewType.DELETED_ONLY if str(stage) == "deleted" else ViewType.ACTIVE_ONLY
        found: dict[str, int] = {}
        experiments = self._experiments()
        for said in _filters(text):
            wanted = Search(experiments, said, ("attributes.start_time DESC",), view, min(limit, 1000))
            found.update({run.info.run_id: run.info.start_time for run in self._store.search_runs(wanted).rows})
        return sorted(found, key=lambda run_id: (-found[run_id], run_id))[:limit]

    def version(self) -> object:
        """Give what is another value once something that a panel looks at was written."""
        return self._mirror.look()

    def _experiments(self) -> tuple[str, ...]:
        wanted = Search(max_results=_MOST_EXPERIMENTS)
        found = self._store.search_experiments(wanted).rows
        self._mirror.know(found)
        return tuple(each.experiment_id for each in found)


def _filters(text: str) -> list[str]:
    """Give the searches that find runs by the beginning of their id or by their name."""
    found = []
    quote = "'" if "'" not in text else '"'
    if quote not in text:
        found.append(f"attributes.run_name = {quote}{text}{quote}")
    if text and is_run_id(text) and "_" not in text:
        found.append(f"attributes.run_id LIKE '{text}%'")
    return found
