"""The run table: runs side by side, a page at a time, sorted, filtered, grouped and chosen from."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.frames import to_frame
from mltrack_widgets.format import one_line
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.table_fields import METRIC, PARAM, TAG, field_of, usual_fields
from mltrack_widgets.panels.table_page import TableQuery, read_page
from mltrack_widgets.panels.table_requests import TableRequests
from mltrack_widgets.panels.table_state import TableLook, table_state
from mltrack_widgets.run_table import bare_run_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ipywidgets import DOMWidget

    from mltrack.entities import Run
    from mltrack.store.summaries import RunKeys
    from mltrack_widgets.bundle import Bundle
    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.run_set import RunSet
    from mltrack_widgets.panels.selection import Selection
    from mltrack_widgets.panels.table_fields import Field
    from mltrack_widgets.panels.table_page import TablePage

ROWS = 50
"""Rows of a page."""
_STALE_MS = 1_000
_PROBLEM_WIDTH = 300


def runs(
    filter_string: str = "",
    *,
    experiment: str | None = None,
    order_by: Sequence[str] = (),
    max_results: int = ROWS,
) -> RunTablePanel:
    """Show runs as a table, the last started first.

    Parameters
    ----------
    filter_string
        Such as ``"metrics.accuracy > 0.9 AND params.C = '0.5'"``.
    experiment
        The name of one experiment; default: all.
    order_by
        Such as ``["metrics.accuracy DESC"]``.
    max_results
        Rows of a page.

    Raises
    ------
    NotFoundError
        When there is no experiment of that name.
    InvalidParameterError
        For a filter or an order that does not parse.
    """
    wanted = run_set(filter_string, experiment=experiment, order_by=order_by, everywhere=True)
    return RunTablePanel(wanted, rows=max_results, everywhere=experiment is None)


class RunTablePanel(Panel):
    """A table of runs that holds one page of them; sorting, filtering, grouping and counting are the store's.

    ``rows`` is the size of a page. With ``everywhere``, experiments that are made later are looked at, too.
    """

    live = True

    def __init__(
        self, runs: RunSet, *, selection: Selection | None = None, rows: int = ROWS, everywhere: bool = False
    ) -> None:
        super().__init__(runs, selection=selection)
        self._everywhere = everywhere
        self._columns: tuple[Field, ...] | None = None
        self._problem = ""
        self._quiet = 0
        self._offered: list[dict[str, Any]] = []
        self._version: tuple[int, object] | None = None
        self._drawn: tuple[TablePage, Bundle] | None = None
        self._requests = TableRequests(self)
        self._show(TableQuery(runs, rows))

    # What is shown

    @property
    def columns(self) -> list[str]:
        """The columns by name, as ``params.C``, ``metrics.loss``, ``tags.stage``, ``status``; may be set.

        None sets those that the table chooses: who and when, the params that vary, the metrics.
        """
        return [each.key for each in self.fields]

    @columns.setter
    def columns(self, names: Sequence[str] | None) -> None:
        chosen = None if names is None else tuple(dict.fromkeys(field_of(name) for name in names))
        with self._lock:
            self._columns = chosen
        self.refresh()

    @property
    def fields(self) -> tuple[Field, ...]:
        """What the columns are about."""
        with self._lock:
            return usual_fields(self._page.runs) if self._columns is None else self._columns

    @property
    def filter(self) -> str:
        """The search that the shown runs match; may be set, and is refused when it does not parse."""
        return self._runs.filter_string

    @filter.setter  # noqa: A003 - the name that users know from searches
    def filter(self, filter_string: str) -> None:
        self.change(lambda query: query.of(query.runs.filtered(filter_string)))

    def sort(self, column: str | None = None, *, descending: bool = False) -> None:
        """Sort by a column; None is the usual order, the last started first.

        Raises
        ------
        InvalidParameterError
            When there is no such column, or the store cannot sort by it.

        """
        order = () if column is None else (f"{_sortable(column)} {'DESC' if descending else 'ASC'}",)
        self.change(lambda query: query.of(query.runs.ordered(order)))

    def keys(self) -> RunKeys:
        """Give the names of params, metrics and tags that may be columns."""
        wanted = self._runs
        return wanted.store.run_keys(tuple(wanted.experiments))

    def choose(self, run_ids: Sequence[str]) -> None:
        """Choose exactly these runs."""
        self._chosen.choose(run_ids)

    @property
    def group_by(self) -> str | None:
        """The param or tag by which runs are put together, as ``params.solver``; may be set, and None ends it."""
        group = self._query.group
        return None if group is None else group.key

    @group_by.setter
    def group_by(self, column: str | None) -> None:
        group = None if column is None else field_of(column)
        if group is not None and not (group.kind in (PARAM, TAG) and group.sought):
            raise InvalidParameterError(f"Runs are grouped by a param or a tag, as params.solver; got {column!r}.")
        self.change(lambda query: replace(query.of(query.runs), group=group, folded=False))

    @property
    def folded(self) -> bool:
        """Whether the runs of one cell are one row; see ``fold``."""
        return self._query.folded

    def fold(self, *, on: bool = True) -> None:
        """Make the runs of one cell one row, which opens to all of them, or show each on its own again."""
        self.change(lambda query: replace(query.of(query.runs), folded=on, group=None))

    @property
    def chart(self) -> Any:
        """The runs of the page as an Altair chart of texts."""
        from mltrack_widgets.charts.table import run_table_chart  # Altair takes a second, and the table needs none

        return run_table_chart(to_frame(self._page.runs))

    @property
    def text(self) -> str:
        """The page as a terminal shows it."""
        return self._static().text

    def _body(self, picture: Markup) -> Markup:
        del picture
        return self._static().html

    def _static(self) -> Bundle:
        with self._lock:
            page = self._page
            if self._drawn is None or self._drawn[0] is not page:
                self._drawn = page, self._drawing(page)
            return self._drawn[1]

    def _drawing(self, page: TablePage) -> Bundle:
        wanted = page.query.runs
        shown = page.runs if page.query.group is None else wanted.first(page.query.size)
        ids = {run.info.experiment_id for run in shown} or set(wanted.experiments)
        names = {each: name for each, name in wanted.experiments.items() if each in ids}
        total = wanted.store.count_runs(tuple(wanted.experiments))
        return bare_run_table(
            shown, experiment_names=names, total=total, filter_text=wanted.filter_string, now_ms=self._read_ms
        )

    def _data(self, *, live: bool, picture: bool) -> dict[str, Any]:
        if _now() - self._read_ms > _STALE_MS:
            self.refresh()
        return super()._data(live=live, picture=picture)

    # What goes on

    def refresh(self) -> None:
        """Read the page again if something was written to the store, and tell the widget what has changed.

        It may be called from any thread, and often: without news it costs about a millisecond. What goes wrong is
        said in the table.
        """
        if self._closed:
            return
        try:
            with self._lock:
                version = threading.get_ident(), self._runs.store.version()
                if version != self._version or self._runs is not self._page.query.runs:
                    self._show(self._query if self._runs is self._query.runs else self._query.of(self._runs))
                    self._version = version
            self._problem = ""
        except MltrackError as error:
            self._problem = one_line(str(error), _PROBLEM_WIDTH)
        self.push()

    def show_fault(self, error: Exception) -> None:
        """Say in the table why it is not kept up to date any more."""
        self._problem = one_line(f"Not kept up to date any more: {error}", _PROBLEM_WIDTH)
        self.push()

    def change(self, change: Callable[[TableQuery], TableQuery]) -> None:
        """Show what another query finds; when it is refused, everything stays as it is."""
        with self._lock:
            self._show(change(self._query))
        self.push()

    def turn(self, *, forward: bool) -> None:
        """Show the next page, or the one before."""
        with self._lock:
            token, tokens = self._page.token, self._query.tokens
            after = (*tokens, token) if forward and token is not None else tokens[:-1] if not forward else tokens
            self._show(replace(self._query, tokens=after))
        self.push()

    def _show(self, query: TableQuery) -> None:
        """Read a page and make it the present one, or raise and leave the one before."""
        if self._everywhere:
            names = {each.experiment_id: each.name for each in query.runs.store.list_experiments()}
            if names != query.runs.experiments:
                query = replace(query, runs=replace(query.runs, experiments=names), tokens=())
        metrics = None if self._columns is None else [each for each in self._columns if each.kind == METRIC]
        self._page, self._read_ms = read_page(query, metrics=metrics), _now()
        self._query, self._runs = query, query.runs

    def _selection_changed(self) -> None:
        self.push()

    def _make_view(self) -> DOMWidget:
        from mltrack_widgets.front.table_view import TableView  # ipywidgets, for who looks at widgets only

        view = TableView(state=self._state())
        view.on_msg(self._requests.handle)
        return view

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Send nothing meanwhile: what is done in several steps is shown once, when it is finished."""
        with self._lock:
            self._quiet += 1
        try:
            yield
        finally:
            with self._lock:
                self._quiet -= 1

    def offer(self, fields: list[dict[str, Any]]) -> None:
        """Say with the next state what may be a column or a group."""
        self._offered = fields

    def push(self) -> None:
        """Send the present state, if it is another than the page has."""
        with self._lock:
            if self._view is not None and not self._quiet:
                with self._view.hold_sync():
                    self._view.set_trait("state", self._state())
                    self._view.set_trait("fields", self._offered)

    def _state(self) -> dict[str, Any]:
        page = self._page
        look = TableLook(self.fields, self._chosen.ids, self._baseline_run(page), page.query.runs.experiments, _now())
        return table_state(page, look) | {"problem": self._problem} | self._requests.state

    def _baseline_run(self, page: TablePage) -> Run | None:
        """Give the baseline as it is now, which need not be on the page; None when it is gone."""
        run_id = self._chosen.baseline
        if run_id is None:
            return None
        on_page = next((run for run in page.runs if run.info.run_id == run_id), None)
        try:
            return on_page or page.query.runs.store.get_run(run_id)
        except MltrackError:  # it is gone, or the store is, which is said by what reads the page
            return None


def _sortable(column: str) -> str:
    sought = field_of(column).sought
    if not sought:
        raise InvalidParameterError(f"The store cannot sort by {column[:80]!r}; sort by a param, a metric or a time.")
    return sought


def _now() -> int:
    return time.time_ns() // 1_000_000
