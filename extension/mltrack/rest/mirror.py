"""A copy of what an MLflow server knows of some experiments, in a private file of this process, for panels to ask.

MLflow's wire can give runs, and a metric's points; it cannot group, count, thin or lay side by side. So the runs of
the experiments that are asked for are fetched once, then those that may have changed: after a short while the ones that
ended or began since, and the ones under way; after a longer one all of them again, since nothing on the wire tells of a
tag that was changed or a run that was deleted. Of experiments with more runs than ``MOST_RUNS``, the newest are here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mltrack.backlog import warn
from mltrack.entities import RunStatus, ViewType
from mltrack.exceptions import NotFoundError
from mltrack.store.base import now_ms
from mltrack.store.mirror_rows import MirrorRows
from mltrack.store.pages import Search
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mltrack.entities import Experiment, Metric, Run
    from mltrack.store.protocol import Store

_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")
MOST_RUNS = 10_000
"""Runs that are copied of the experiments that are asked for together, the newest."""
FRESH_SECONDS = 2.0
"""So long a copy is taken for what the server has; what this process changed is fetched at once."""
WHOLE_SECONDS = 60.0
"""After so long, or twenty times what it took, all runs are fetched again."""
_PAGE = 1000
_AT_ONCE = 8
_SINGLY = 20  # changed runs that are fetched one by one
_MANY = 500  # histories: of more than so many, those of metrics whose last step is 0 are taken for one point
_SKEW_MS = 60_000  # between the clocks of those who log


@dataclass(slots=True)
class _Look:
    """What was seen of an experiment, and when."""

    whole_at: float = -1e9
    whole_took: float = 0.0
    looked_at: float = -1e9
    since: int = 0  # ms since 1970: the last look, on this clock
    runs: dict[str, int] = field(default_factory=dict)  # what each was, as a number
    open: set[str] = field(default_factory=set)

    def is_due(self, now: float) -> bool:
        return now - self.whole_at > max(WHOLE_SECONDS, 20 * self.whole_took)


class _History(NamedTuple):
    """The last point of a metric when its history was fetched, and when it may be fetched again."""

    mark: str
    due_at: float


class Mirror:
    """The copy; usable from any thread. A forked child begins another one."""

    def __init__(self, store: Store) -> None:
        self._origin = store
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._copy: SqliteStore | None = None
        self._looks: dict[str, _Look] = {}
        self._changed: set[str] = set()
        self._is_due = False
        self._histories: dict[tuple[str, str], _History] = {}
        self._has_said = False
        self.generation = 0

    def of(self, experiment_ids: Iterable[str]) -> SqliteStore:
        """Give the store that has the runs of these experiments as they were a moment ago."""
        with self._lock:
            copy = self._opened()
            wanted = [each for each in dict.fromkeys(experiment_ids) if self._is_known(each)]
            now, is_due, self._is_due = time.monotonic(), self._is_due, False
            whole = [each for each in wanted if self._looks[each].is_due(now)]
            if whole:
                self._fetch_whole(whole)
            due = [each for each in wanted if is_due or now - self._looks[each].looked_at > FRESH_SECONDS]
            if due := [each for each in due if each not in whole]:
                self._fetch_new(due)
            self._fetch_changed()
            return copy

    def of_runs(self, run_ids: Sequence[str]) -> SqliteStore:
        """Give the store that has these runs, whatever their experiments."""
        with self._lock:
            copy = self._opened()
            changed = set(self._changed)
            settled = {run_id for look in self._looks.values() for run_id in look.runs.keys() - look.open}
            missing = [each for each in dict.fromkeys(run_ids) if each not in settled or each in changed]
            self._changed -= set(missing)
            self._put(self._singly(missing))
            return copy

    def take(self, run: Run, experiment: Experiment) -> None:
        """Take up a run that was fetched in this moment."""
        self.know([experiment])
        with self._lock:
            self._changed.discard(run.info.run_id)
            self._put([run])

    def outlines(self, run_id: str) -> dict[str, tuple[int, tuple[float, ...]]]:
        """Give the outlines of a run that was taken up; see ``Store.metric_outlines``."""
        self.fetch_histories([run_id])
        return self._opened().metric_outlines(run_id)

    def look(self) -> int:
        """Look for what is new of the experiments that are copied; gives a number that grows when there is."""
        self.of(list(self._looks))
        return self.generation

    def note_change(self, run_id: str | None) -> None:
        """Note that this process changed a run, or made one, on the server; whoever logs never waits here."""
        if run_id is None:
            self._is_due = True
        else:
            self._changed.add(run_id)

    def know(self, experiments: Sequence[Experiment]) -> None:
        """Take up experiments that are known already."""
        with self._lock:
            new = [each for each in experiments if each.experiment_id not in self._looks]
            if new:
                MirrorRows(self._opened()).put_experiments(new)
                self._looks.update({each.experiment_id: _Look() for each in new})

    def fetch_histories(self, run_ids: Sequence[str], keys: Sequence[str] | None = None) -> None:
        """Fetch the points of metrics of runs that are here, where there are new ones."""
        with self._lock:
            copy, wanted = self._opened(), []
            for run_id in dict.fromkeys(run_ids):
                with suppress(NotFoundError):
                    latest = copy.get_run(run_id).data.latest
                    wanted += [(run_id, each) for each in latest if keys is None or each.key in keys]
            wanted = [each for each in wanted if self._has_news(*each)]
            rows = MirrorRows(copy)
            if len(wanted) > _MANY:
                for run_id, point in [each for each in wanted if not each[1].step]:
                    rows.put_points(run_id, point.key, [point])
                wanted = [each for each in wanted if each[1].step]
            for (run_id, point), points in self._fetched(self._history, wanted):
                rows.put_points(run_id, point.key, points)

    def _has_news(self, run_id: str, last: Metric) -> bool:
        known = self._histories.get((run_id, last.key))
        mark = repr((last.step, last.timestamp, last.value))  # as text, NaN is NaN
        return known is None or (known.mark != mark and time.monotonic() > known.due_at)

    def _history(self, which: tuple[str, Metric]) -> list[Metric]:
        run_id, last = which
        began = time.monotonic()
        points = list(self._origin.metric_history(run_id, last.key))
        now = time.monotonic()
        mark = repr((last.step, last.timestamp, last.value))
        self._histories[run_id, last.key] = _History(mark, now + 10 * (now - began))
        return points

    def _fetched(self, fetch: Callable[[_Asked], _Found], asked: Sequence[_Asked]) -> list[tuple[_Asked, _Found]]:
        """Ask for several things at the same time."""
        if not asked:
            return []
        with ThreadPoolExecutor(min(_AT_ONCE, len(asked)), "mltrack-mirror") as pool:
            return list(zip(asked, pool.map(fetch, asked), strict=True))

    def _opened(self) -> SqliteStore:
        if self._copy is None:
            folder = Path(tempfile.mkdtemp(prefix="mltrack-mirror-"))  # of this user alone
            weakref.finalize(self, _remove, folder, os.getpid())
            self._copy = SqliteStore(folder / "mirror.db")
        return self._copy

    def _is_known(self, experiment_id: str) -> bool:
        if experiment_id not in self._looks:
            try:
                found = self._origin.get_experiment(experiment_id)
            except NotFoundError:
                return False
            MirrorRows(self._opened()).put_experiments([found])
            self._looks[experiment_id] = _Look()
        return True

    def _fetch_whole(self, experiment_ids: Sequence[str]) -> None:
        began, since = time.monotonic(), now_ms()
        found, is_cut = self._searched(experiment_ids, None)
        if is_cut and not self._has_said:
            self._has_said = True
            warn(
                f"There are over {MOST_RUNS:,} runs on {self._origin.uri}, an MLflow server: panels show the newest "
                f"{MOST_RUNS:,} of the experiments they look at."
            )
        looks = [self._looks[each] for each in experiment_ids]
        gone = {run_id for look in looks for run_id in look.runs} - {run.info.run_id for run in found}
        if gone:
            MirrorRows(self._opened()).drop_runs(gone)
            self.generation += 1
        self._put(found)
        now = time.monotonic()
        for look in looks:
            look.open -= gone
            look.runs = {run_id: what for run_id, what in look.runs.items() if run_id not in gone}
            look.whole_at, look.looked_at, look.whole_took, look.since = now, now, now - began, since

    def _searched(self, experiment_ids: Sequence[str], filter_string: str | None) -> tuple[list[Run], bool]:
        """Give the newest runs that match, and whether there are more."""
        found: list[Run] = []
        order, token = ("attributes.start_time DESC",), None
        while len(found) < MOST_RUNS:
            size = min(_PAGE, MOST_RUNS - len(found))
            wanted = Search(tuple(experiment_ids), filter_string, order, ViewType.ALL, size, token)
            page = self._origin.search_runs(wanted)
            found += page.rows
            token = page.token
            if token is None:
                return found, False
        return found, True

    def _fetch_new(self, experiment_ids: Sequence[str]) -> None:
        """Fetch what ended or began since the last look, and what is under way, all at once."""
        looks, now = [self._looks[each] for each in experiment_ids], now_ms()
        since = min(each.since for each in looks) - _SKEW_MS
        filters = (
            f"attributes.end_time >= {since}",
            f"attributes.start_time >= {since}",
            f"attributes.status = '{RunStatus.RUNNING}'",
        )
        was_open = {run_id for look in looks for run_id in look.open}
        answers = self._fetched(lambda text: self._searched(experiment_ids, text)[0], filters)
        found = {run.info.run_id: run for _, runs in answers for run in runs}
        self._put(found.values())
        self._put(self._singly([each for each in was_open if each not in found][:_SINGLY]))
        for look in looks:
            look.looked_at, look.since = time.monotonic(), now

    def _fetch_changed(self) -> None:
        changed, self._changed = self._changed, set()
        known = {run_id for look in self._looks.values() for run_id in look.runs}
        wanted = [each for each in list(changed) if each in known]
        if len(wanted) > _SINGLY:
            self._fetch_whole(list(self._looks))
        else:
            self._put(self._singly(wanted))

    def _singly(self, run_ids: Sequence[str]) -> list[Run]:
        def fetch(run_id: str) -> Run | None:
            with suppress(NotFoundError):
                return self._origin.get_run(run_id)
            return None

        return [run for _, run in self._fetched(fetch, run_ids) if run is not None]

    def _put(self, runs: Iterable[Run]) -> None:
        """Copy runs that are not as they were, the oldest first: the copies' numbers are then in their order."""
        new = []
        for run in runs:
            info = run.info
            if not self._is_known(info.experiment_id):
                continue
            look = self._looks[info.experiment_id]
            (look.open.add if info.status == RunStatus.RUNNING else look.open.discard)(info.run_id)
            print_of = hash(repr(run))
            if look.runs.get(info.run_id) != print_of:
                look.runs[info.run_id] = print_of
                new.append(run)
        if new:
            self.generation += 1
            MirrorRows(self._opened()).put_runs(sorted(new, key=lambda run: run.info.start_time))

    def forget_parent(self) -> None:
        """In a forked child: begin another copy."""
        self._begin()

    def close(self) -> None:
        """Let go of the copy."""
        with self._lock:
            if self._copy is not None:
                self._copy.close()
            self._begin()


def _remove(folder: Path, pid: int) -> None:
    if pid == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
