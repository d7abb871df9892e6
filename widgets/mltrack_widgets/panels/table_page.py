"""The rows of the run table: one page of runs, of cells with their attempts, or of groups, read from the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltrack.store.filters import parse_order
from mltrack_widgets.format import count
from mltrack_widgets.panels.table_fields import METRIC, PARAM, narrowed, natural, usual_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.entities import Run
    from mltrack.store.pages import Search
    from mltrack.store.summaries import RunGroup
    from mltrack_widgets.panels.run_set import RunSet
    from mltrack_widgets.panels.table_fields import Field

MOST_COUNTED = 1_000_000
MOST_GROUPS = 200


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which rows are wanted: runs as they are, ``folded`` by their cells, or in groups by the values of a field.

    ``tokens`` are those of the page and of the pages before it, without the first, which has none; ``opened`` holds the
    keys of groups and cells whose runs are shown.
    """

    runs: RunSet
    size: int
    group: Field | None = None
    folded: bool = False
    opened: frozenset[str] = frozenset()
    tokens: tuple[str, ...] = ()

    @property
    def search(self) -> Search:
        """The search for the page."""
        return self.runs.search(most=self.size, token=self.tokens[-1] if self.tokens else None)

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return self.size * len(self.tokens)

    def of(self, runs: RunSet) -> TableQuery:
        """Give the query for the first page of other runs, or of the same in another order."""
        return replace(self, runs=runs, tokens=(), opened=frozenset())


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: a run, perhaps for ``attempts`` of one cell, a group of runs, or a note about what is not shown.

    ``level`` is 2 for the runs of an opened group or cell; ``is_open`` is None where there is nothing to open.
    """

    key: str
    run: Run | None = None
    group: RunGroup | None = None
    note: str = ""
    attempts: int = 1
    level: int = 1
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class TablePage:
    """What was read: the rows, how many runs match in all, and the token of the next page (None on the last).

    ``metrics`` are those that groups were averaged over.
    """

    query: TableQuery
    rows: tuple[TableRow, ...]
    total: int
    token: str | None = None
    metrics: tuple[Field, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs among the rows."""
        return tuple(row.run for row in self.rows if row.run is not None)

    @property
    def parents(self) -> int:
        """How many rows there are without those inside opened ones."""
        return sum(row.level == 1 for row in self.rows)


def read_page(query: TableQuery, *, metrics: Sequence[Field] | None = None) -> TablePage:
    """Read the rows; ``metrics`` are what groups are averaged over, by default those that say most.

    Raises
    ------
    InvalidParameterError
        For a filter or an order that does not parse.

    """
    if query.group is not None:
        return _groups(query, query.group, metrics)
    return _cells(query) if query.folded else _runs(query)


def _runs(query: TableQuery) -> TablePage:
    page = query.runs.store.search_runs(query.search)
    rows = tuple(TableRow(run.info.run_id, run) for run in page.rows)
    return TablePage(query, rows, _total(query), page.token)


def _total(query: TableQuery) -> int:
    runs = query.runs
    if not runs.filter_string:
        return runs.store.count_runs(tuple(runs.experiments))
    return runs.store.count_matching(runs.search(), most=MOST_COUNTED)


# Attempts


def _cells(query: TableQuery) -> TablePage:
    page = query.runs.store.search_attempts(query.search)
    runs = query.runs.by_id([each.run_id for each in page.rows])
    rows: list[TableRow] = []
    for each in page.rows:
        if each.run_id in runs:
            is_open = each.run_id in query.opened if each.count > 1 else None
            rows.append(TableRow(each.run_id, runs[each.run_id], attempts=each.count, is_open=is_open))
            rows += _other_attempts(query, each.run_id) if is_open else []
    return TablePage(query, tuple(rows), _total(query), page.token)


def _other_attempts(query: TableQuery, run_id: str) -> Iterator[TableRow]:
    ids = [each for each in query.runs.store.runs_of_cell(run_id, query.runs.search()) if each != run_id]
    runs = query.runs.by_id(ids[: query.size])
    yield from (TableRow(each, runs[each], level=2) for each in ids if each in runs)
    if len(ids) > query.size:
        yield TableRow(f"more {run_id}", note=f"and {count(len(ids) - query.size, 'more attempt')}", level=2)


# Groups


def _groups(query: TableQuery, group: Field, metrics: Sequence[Field] | None) -> TablePage:
    store = query.runs.store
    keys = store.run_keys(tuple(query.runs.experiments))
    chosen = usual_metrics(keys.metrics) if metrics is None else tuple(metrics)
    search, names = query.runs.search(), [each.name for each in chosen]
    groups = store.group_runs(search, group.sought, metrics=names, most=MOST_GROUPS + 1)
    rows: list[TableRow] = []
    for each in _ordered(groups[:MOST_GROUPS], group, query.runs.order_by):
        key = group_key(each.value)
        rows.append(TableRow(key, group=each, is_open=key in query.opened))
        rows += _members(query, group, each.value) if key in query.opened else []
    if len(groups) > MOST_GROUPS:
        rows.append(TableRow("more groups", note=f"These are the {MOST_GROUPS} largest groups; there are more."))
    return TablePage(query, tuple(rows), _total(query), metrics=chosen)


def _ordered(groups: Sequence[RunGroup], field: Field, order_by: Sequence[str]) -> Sequence[RunGroup]:
    """Sort groups by their value or by the mean of a metric, if the table is sorted so; those without come last."""
    order = next(iter(parse_order(order_by)), None)
    if order is None:
        return groups
    name = str(order.key)
    values = {id(each): _sorted_by(each, name, field) for each in groups}
    lacking = [each for each in groups if values[id(each)] is None]
    present = [each for each in groups if values[id(each)] is not None]
    return [*sorted(present, key=lambda each: values[id(each)] or (), reverse=order.descending), *lacking]


def _sorted_by(group: RunGroup, name: str, field: Field) -> tuple[object, ...] | None:
    if name == field.key:
        return None if group.value is None else natural(group.value)
    amount, mean, _ = group.metrics.get(name.removeprefix(f"{METRIC}."), (0, 0.0, 0.0))
    return (mean,) if amount else None


def group_key(value: str | None) -> str:
    """Name the row of a group."""
    return "no group" if value is None else f"group {value}"


def _members(query: TableQuery, field: Field, value: str | None) -> Iterator[TableRow]:
    found = query.runs.filtered(narrowed(query.runs.filter_string, field, value))
    page = query.runs.store.search_runs(found.search(most=query.size))
    runs = [run for run in page.rows if _value(run, field) == value]
    yield from (TableRow(run.info.run_id, run, level=2) for run in runs)
    if page.token is not None:
        note = f"These are the first {query.size}; filter by {field.key} to see all."
        yield TableRow(f"more {group_key(value)}", note=note, level=2)


def _value(run: Run, field: Field) -> str | None:
    return (run.data.params if field.kind == PARAM else run.data.tags).get(field.name)
