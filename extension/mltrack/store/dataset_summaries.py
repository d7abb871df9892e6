"""Which datasets the runs of some experiments read, and what for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST = 1_000
CONTEXT_TAG = "mlflow.data.context"
_SUMMARIES = f"""
SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value FROM datasets d JOIN run_inputs i ON i.dataset_id = d.id
LEFT JOIN input_tags t ON t.run_id = i.run_id AND t.dataset_id = i.dataset_id AND t.key = '{CONTEXT_TAG}'
WHERE d.experiment_id IN (SELECT value FROM json_each(?))
ORDER BY d.experiment_id, d.name, d.digest, t.value NULLS FIRST LIMIT {MOST}
"""


class DatasetSummary(NamedTuple):
    """A dataset of an experiment, and in which context (such as ``training``) runs read it; None without one."""

    experiment_id: str
    name: str
    digest: str
    context: str | None


def read_summaries(connection: Connection, numbers: str) -> list[DatasetSummary]:
    """Give the datasets of experiments (a JSON list of numbers), each with each context once."""
    rows = connection.execute(_SUMMARIES, (numbers,))
    return [DatasetSummary(str(experiment), *rest) for experiment, *rest in rows]
