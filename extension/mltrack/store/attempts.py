"""The runs of one cell seen together: each tracked cell by its newest run, and how often it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.store.filters import parse_filter, parse_order
from mltrack.store.grammars import RUNS
from mltrack.store.page_tokens import check_page_size, next_token, page_bounds
from mltrack.store.pages import Page
from mltrack.store.run_search import RunFinder
from mltrack.store.runs import read_run_ids
from mltrack.store.summaries import Attempts

if TYPE_CHECKING:
    from sqlite3 import Connection

    from mltrack.store.locator import Locator
    from mltrack.store.pages import Search


NOUN = "cell"
_SAME_CELL = """
SELECT r.id FROM runs r WHERE r.uuid = :uuid
UNION SELECT o.run_id FROM runs r JOIN snapshots s ON s.run_id = r.id JOIN snapshots o ON o.cell_key = s.cell_key
WHERE r.uuid = :uuid
"""


def find_attempts(connection: Connection, search: Search, locate: Locator) -> Page[Attempts]:
    """Give one page of the cells whose runs match, each by the newest of these, and of the runs of no cell."""
    expression = parse_filter(search.filter_string, RUNS)
    finder = RunFinder(connection, search, parse_order(search.order_by, RUNS), bound=locate.bound)  # type: ignore[arg-type]
    size, offset = page_bounds(search, NOUN)
    condition, values = finder.matching(expression)
    # The index of cells has their runs in the order they were made, which is what previous_run_of_cell goes by too.
    query = (
        "SELECT max(s.run_id), count(*) FROM snapshots s CROSS JOIN runs r ON r.id = s.run_id"
        f" WHERE {condition} GROUP BY s.cell_key"
    )
    counts: dict[int, int] = dict(connection.execute(query, values).fetchall())
    finder.keep_newest(list(counts))
    numbers = finder.first(expression, offset + size + 1)[offset:]
    ids = read_run_ids(connection, numbers[:size])
    rows = tuple(Attempts(run_id, counts.get(number, 1)) for number, run_id in zip(numbers, ids, strict=False))
    return Page(rows, next_token(search, NOUN, found=len(numbers)))


def find_runs_of_cell(connection: Connection, run_id: str, search: Search, locate: Locator) -> list[str]:
    """Give the ids of the runs of one run's cell that match, that one alone when it is of no cell."""
    expression = parse_filter(search.filter_string, RUNS)
    order = parse_order(search.order_by, RUNS)  # type: ignore[arg-type]
    numbers = [row[0] for row in connection.execute(_SAME_CELL, {"uuid": run_id})]
    finder = RunFinder(connection, search, order, bound=locate.bound)
    return read_run_ids(connection, finder.among(numbers, expression, count=check_page_size(search.max_results)))
