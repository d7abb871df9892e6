"""Parts of the store's SQL that PostgreSQL needs in another form: for its grammar, its locks, or its planner.

The keys are the very texts of SQLite's; a part that is changed there and not here is found by the tests.
"""

from __future__ import annotations

from mltrack.store.columns import IN_ORDER, LISTED
from mltrack.store.points import OF_HOP, OF_LIVE, WRITABLE
from mltrack.store.search_tables import LAST_OF_LIVE

# A condition that compares a row with a query's is asked of every row; what is LATERAL is asked of the index once.
_LAST = "ORDER BY l.step DESC, l.timestamp DESC, l.value DESC, l.special DESC LIMIT 1"
_LAST_OF = "CROSS JOIN LATERAL (SELECT l.* FROM metrics l WHERE l.run_id = {run} AND l.key_id = {key} {last}) m"
_NUMBER = "(SELECT id FROM metric_keys WHERE name = {key})"

REWRITTEN = {
    OF_HOP: _LAST_OF.format(run="hop.run_id", key="hop.key_id", last=_LAST),
    OF_LIVE: _LAST_OF.format(run="r.id", key="(SELECT id FROM key)", last=_LAST),
    WRITABLE: f"{WRITABLE} FOR NO KEY UPDATE",  # who writes to a run has it alone until its transaction ends
    # Joins may be made in any order, which then is the order of the rows.
    LISTED: "unnest(CAST(:numbers AS bigint[])) WITH ORDINALITY AS s (value, place) JOIN runs r ON r.id = s.value",
    IN_ORDER: "ORDER BY s.place",
    "(name = :text OR": "(left(name, 200) = left(:text, 200) AND name = :text OR",  # as the index has it
}
# The same around a name that is bound, ``{key}``.
KEYED = {
    f"CROSS JOIN metrics m ON m.run_id = o.id AND m.key_id = {_NUMBER} {LAST_OF_LIVE}": _LAST_OF.format(
        run="o.id", key=_NUMBER, last=_LAST
    ),
    # A query of words, and the text that must be among the words: in this order, next to each other.
    "f.code_index MATCH {key}": (
        "(f.words @@ CAST((CAST({key} AS text[]))[1] AS tsquery) AND strpos(f.line, (CAST({key} AS text[]))[2]) > 0)"
    ),
}
