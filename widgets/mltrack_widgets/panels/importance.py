"""The importance panel: which params explain a metric, and from how many runs that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import short_name
from mltrack_widgets.charts.importance import Importances, draw_importances, explain
from mltrack_widgets.charts.look import label, nothing
from mltrack_widgets.format import number
from mltrack_widgets.front import controls
from mltrack_widgets.panels.chart_panel import Shown
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.run_values import are_params, key_of, read_values
from mltrack_widgets.panels.table_fields import METRIC
from mltrack_widgets.panels.values_panel import ValuesPanel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from mltrack_widgets.panels.run_set import RunSet

MOST_RUNS = 2_000
"""Runs that are looked at, the first of the set; more would not change what they say."""


def importance(metric: str, *, filter_string: str = "", experiment: str | None = None) -> ImportancePanel:
    """Show which params explain a metric: by a random forest (with scikit-learn), and by rank correlation.

    Parameters
    ----------
    metric
        Its name.
    filter_string, experiment
        Which runs, and of which experiment; default: that of the last run.

    Raises
    ------
    NotFoundError
        When there is no such experiment or metric.
    InvalidParameterError
        For a filter that does not parse.
    """
    return ImportancePanel(run_set(filter_string, experiment=experiment), metric=metric)


class ImportancePanel(ValuesPanel):
    """The params that vary as bars, those that explain the metric most first.

    Without a ``metric`` it is the one that says most.
    """

    live = False

    def __init__(self, runs: RunSet, *, metric: str | None = None, **shared: Any) -> None:
        super().__init__(runs, **shared)
        self._metric = metric
        self.refresh()

    def _read(self) -> None:
        super()._read()
        if not self._settings:
            self._table = Importances("", 0, ())

    def _read_values(self, metrics: Sequence[str]) -> None:
        params = are_params(self._keys)
        key = key_of(self._metric, self._keys, kind=METRIC) if self._metric else metrics[0]
        self._settings = {"metric": key}
        self._values = read_values(self._runs, [key, *params], most=MOST_RUNS)
        columns = {short_name(each): self._values.column(each) for each in params}
        self._table = explain(columns, (short_name(key), self._values.column(key)))

    def _arrange(self) -> Shown:
        table = self._table
        drawn = draw_importances(table) if table.rows else nothing(table.words)
        key = self._settings.get("metric")
        offered = [controls.choice("metric", "metric", value=key, options=self._metric_options())] if key else []
        rows = [[label(row.param), _share(row.importance), _share(row.correlation), f"{row.n:,}"] for row in table.rows]
        head = ["param", "importance", "correlation", "runs"]
        return Shown(drawn, self._words_of(drawn, key), controls=offered, rows=[head, *rows] if rows else [])

    def _chosen_words(self) -> str:
        return ""

    def _selection_changed(self) -> None:
        """Choose as one may: all runs count."""

    def _set(self, name: str, value: Any) -> None:
        if name == "metric":
            self._metric = value
            self._read()

    def to_dataframe(self) -> pd.DataFrame:
        """Give the params as a DataFrame: ``param``, ``importance`` (0 to 1), ``correlation`` (-1 to 1), ``n``."""
        return self._table.to_dataframe()


def _share(value: float) -> str:
    return "" if value != value else number(round(value, 2))  # noqa: PLR0124 - NaN
