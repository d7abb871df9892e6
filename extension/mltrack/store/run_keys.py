"""The names of params, metrics and tags that runs have."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from mltrack.store.experiments import existing_numbers
from mltrack.store.points import HOP
from mltrack.store.summaries import RunKeys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

SAMPLE = 500  # runs whose names are counted; of more, every so many-th
PROBE = 2_000  # runs that are looked at for whether one of those that have a name is asked about
MLFLOWS = "mlflow."

_SCOPE = "r.experiment_id IN (SELECT value FROM json_each(:experiments)) AND r.lifecycle_stage = 'active'"
_COUNTS = """
SELECT k.name, c.runs FROM (SELECT t.key_id, count(*) AS runs FROM json_each(:sample) s
CROSS JOIN {table} t ON t.run_id = s.value GROUP BY t.key_id) c CROSS JOIN {keys} k ON k.id = c.key_id
"""
# Names that the sample lacks: whether one of the first runs that have one is of the experiments; None: cannot say.
# PostgreSQL, which takes every name for a frequent one, would go through the table for those that no run has.
_PROBES = """
SELECT k.id, k.name, CASE
WHEN coalesce((SELECT min(t.key_id) FROM {table} t WHERE t.key_id >= k.id), -1) <> k.id THEN 0
WHEN EXISTS (SELECT 1 FROM (SELECT run_id FROM {table} t WHERE t.key_id = k.id LIMIT :probe) t
CROSS JOIN runs r ON r.id = t.run_id WHERE {scope}) THEN 1
WHEN NOT EXISTS (SELECT 1 FROM {table} t WHERE t.key_id = k.id LIMIT 1 OFFSET :probe) THEN 0 END
FROM {keys} k WHERE k.name NOT IN (SELECT value FROM json_each(:known))
"""
_THROUGH_ALL = """
SELECT DISTINCT k.name FROM runs r CROSS JOIN {table} t ON t.run_id = r.id CROSS JOIN {keys} k ON k.id = t.key_id
WHERE {scope} AND +t.key_id IN (SELECT value FROM json_each(:open))
"""
# The + keeps all runs of the experiments from being gone through for the few that are live.
_LIVE = f"""
{HOP.format(which=f"r.live = 1 AND +{_SCOPE}")}
SELECT k.name, count(*) FROM hop JOIN metric_keys k ON k.id = hop.key_id GROUP BY k.name
"""


def read_run_keys(connection: Connection, experiment_ids: Sequence[str]) -> RunKeys:
    """Give the names that active runs of these experiments have, those of most runs first, then by name.

    In experiments of more than some hundred runs, how many have a name is known of a sample; every name is found.
    """
    values: dict[str, object] = {"experiments": json.dumps(existing_numbers(experiment_ids)), "probe": PROBE}
    (count,) = connection.execute(f"SELECT count(*) FROM runs r WHERE {_SCOPE}", values).fetchone()
    every = -(-count // SAMPLE) or 1
    # Numbers are mixed (Knuth's factor), since those of one experiment may be a regular choice of all.
    query = f"SELECT r.id FROM runs r WHERE {_SCOPE} AND ((r.id * 2654435761) >> 8) % {every} = 0"
    values["sample"] = json.dumps([row[0] for row in connection.execute(query, values)])
    params = _names(connection, values, table="params", keys="text_keys", is_whole=every == 1)
    tags = _names(connection, values, table="run_tags", keys="text_keys", is_whole=every == 1)
    metrics = _names(connection, values, table="latest_metrics", keys="metric_keys", is_whole=every == 1)
    metrics.update(dict(connection.execute(_LIVE, values).fetchall()))
    own_tags = Counter({name: count for name, count in tags.items() if not name.startswith(MLFLOWS)})
    return RunKeys(_ranked(params), _ranked(metrics), _ranked(own_tags))


def _names(
    connection: Connection, values: Mapping[str, object], *, table: str, keys: str, is_whole: bool
) -> Counter[str]:
    """Count how many runs of the sample have each name; those that only others have count 0."""
    tables = {"table": table, "keys": keys, "scope": _SCOPE}
    counts = Counter(dict(connection.execute(_COUNTS.format(**tables), values).fetchall()))
    if is_whole:
        return counts
    known = {**values, "known": json.dumps(list(counts))}
    probed = connection.execute(_PROBES.format(**tables), known).fetchall()
    counts.update({name: 0 for _, name, verdict in probed if verdict})
    if undecided := [number for number, _, verdict in probed if verdict is None]:
        rows = connection.execute(_THROUGH_ALL.format(**tables), {**values, "open": json.dumps(undecided)})
        counts.update({row[0]: 0 for row in rows})
    return counts


def _ranked(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))
