"""Values of many runs side by side, and which of their params and metrics a person means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack_widgets.card_rows import telling_metrics
from mltrack_widgets.charts.columns import short_name
from mltrack_widgets.panels.near_names import check_names
from mltrack_widgets.panels.table_fields import METRIC, PARAM, field_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.store.summaries import RunKeys
    from mltrack_widgets.panels.run_set import RunSet

MOST_RUNS = 10_000
_NAME = "attributes.run_name"


@dataclass(frozen=True, slots=True)
class RunValues:
    """Runs by id and name, and columns of their values by keys such as ``params.C``; None where a run has none."""

    ids: Sequence[str] = ()
    names: Sequence[str] = ()
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def column(self, key: str) -> Sequence[Any]:
        """Give the values of a key, which are none for one that was not read."""
        return self.columns.get(key) or [None] * len(self.ids)


def read_values(runs: RunSet, keys: Sequence[str], *, most: int = MOST_RUNS) -> RunValues:
    """Read values of the first so many runs of a set."""
    sought = {key: field_of(key).sought for key in dict.fromkeys(keys)}  # a name with both quotes cannot be sought
    wanted = [_NAME, *filter(None, sought.values())]
    found = runs.store.run_columns(runs.search(most=most), wanted)
    columns = {key: found.columns[spelled] for key, spelled in sought.items() if spelled}
    return RunValues(found.run_ids, [str(name or "") for name in found.columns[_NAME]], columns)


def keys_of(names: RunKeys) -> list[str]:
    """List the params, then the metrics that say most first, as keys."""
    metrics = telling_metrics(dict.fromkeys(names.metrics, 0.0))
    return [*(f"{PARAM}.{name}" for name in names.params), *(f"{METRIC}.{name}" for name in metrics)]


def key_of(name: str, keys: Sequence[str], *, kind: str) -> str:
    """Give the key that a person means by a name with or without ``params.`` or ``metrics.``; ``kind`` goes first.

    Raises
    ------
    NotFoundError
        When there is none; the error tells near names.

    """
    order = (kind, PARAM if kind == METRIC else METRIC)
    for key in (*(f"{each}.{name}" for each in order), name):
        if key in keys:
            return key
    there = [short_name(key) for key in keys if key.startswith(f"{kind}.")]
    check_names([name], there, noun=kind[:-1])
    return name


def are_metrics(keys: Sequence[str]) -> list[str]:
    """Give those keys that are metrics."""
    return [key for key in keys if key.startswith(f"{METRIC}.")]


def are_params(keys: Sequence[str]) -> list[str]:
    """Give those keys that are params."""
    return [key for key in keys if key.startswith(f"{PARAM}.")]
