"""The parallel coordinates panel: an axis for each param and the metric, a line for each run, chosen on the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.charts.columns import short_name
from mltrack_widgets.charts.importance import most_telling
from mltrack_widgets.charts.parallel import MOST_AXES, MOST_RUNS, draw_parallel
from mltrack_widgets.front import controls
from mltrack_widgets.panels.chart_panel import Shown, span_of
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.run_values import are_params, key_of, read_values
from mltrack_widgets.panels.table_fields import METRIC, PARAM
from mltrack_widgets.panels.values_panel import ValuesPanel, chosen_of, inside, option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.front.controls import Control
    from mltrack_widgets.panels.run_set import RunSet

HINT = "drag along an axis to select runs, click on it to select by the others"
_USUAL_AXES, _FEW_PARAMS = 6, 60


def parallel(*params_and_metric: str, filter_string: str = "", experiment: str | None = None) -> ParallelPanel:
    """Draw each run as a line across its params and a metric.

    Parameters
    ----------
    params_and_metric
        Names, the metric last; a metric alone is drawn with the params that go with it most.
    filter_string, experiment
        Which runs, and of which experiment; default: that of the last run.

    Raises
    ------
    NotFoundError
        When there is no such experiment, param or metric.
    InvalidParameterError
        For no name at all, or a filter that does not parse.
    """
    if not params_and_metric:
        raise InvalidParameterError("Name a metric, and params before it if you like: parallel('C', 'accuracy').")
    *params, metric = params_and_metric
    return ParallelPanel(run_set(filter_string, experiment=experiment), params=params, metric=metric)


class ParallelPanel(ValuesPanel):
    """Runs as lines across axes. Dragging along axes chooses the runs that are inside of all these parts.

    Without a ``metric`` it is the one that says most; without ``params`` those that go with it most.
    """

    def __init__(self, runs: RunSet, *, params: Sequence[str] = (), metric: str | None = None, **shared: Any) -> None:
        super().__init__(runs, **shared)
        self._params, self._metric = tuple(params), metric
        self._axes: dict[str, tuple[float, float]] = {}
        self.refresh()

    # Reading

    def _read_values(self, metrics: Sequence[str]) -> None:
        metric = key_of(self._metric, self._keys, kind=METRIC) if self._metric else metrics[0]
        params = [key_of(name, self._keys, kind=PARAM) for name in self._params]
        # more than are drawn, since some may lack the metric
        self._values = read_values(
            self._runs, [*(params or are_params(self._keys)[:_FEW_PARAMS]), metric], most=2 * MOST_RUNS
        )
        params = params or self._telling(metric)
        self._settings = {"params": params, "metric": metric}
        columns = {short_name(key): self._values.column(key) for key in params}
        self._drawn = draw_parallel(self._values.ids, columns, metric=(short_name(metric), self._values.column(metric)))

    def _telling(self, metric: str) -> list[str]:
        params = {key: self._values.column(key) for key in are_params(self._keys)[:_FEW_PARAMS]}
        return list(most_telling(params, self._values.column(metric), most=_USUAL_AXES))

    # Showing

    def _arrange(self) -> Shown:
        drawn, set_to = self._drawn, self._settings
        lines: dict[str, Any] = {}
        if not drawn.is_empty:
            drawn = chosen_of(drawn, self._lines(), self._values.ids, source="runs")
            lines = {"axes": len(drawn.columns["axes"]["axis"]), "hint": HINT}
        words = self._words_of(drawn, set_to.get("metric"))
        rows = self._best_rows([*set_to["params"], set_to["metric"]]) if set_to else []
        return Shown(drawn, words, controls=self._controls(), lines=lines, rows=rows)

    def _controls(self) -> list[Control]:
        if not self._settings or not self._values.ids:
            return []
        params = [option(key) for key in are_params(self._keys)]
        return [
            controls.several("params", "params", value=self._settings["params"], options=params),
            controls.choice("metric", "metric", value=self._settings["metric"], options=self._metric_options()),
        ]

    def _set(self, name: str, value: Any) -> None:
        if name == "params":
            self._params = tuple(value[:MOST_AXES])
        else:
            self._metric = value
        self._axes.clear()  # what was dragged belongs to other axes
        self._read()

    def _brush(self, name: str, ranges: Mapping[str, Any]) -> None:
        axis = name.removeprefix("axis_")
        with self._lock:
            if self._drawn.is_empty or not axis.isdecimal():
                return
            span = span_of(ranges.get("place"))
            self._axes.pop(axis, None)
            if span:
                self._axes[axis] = span
            places = inside(self._drawn.columns["runs"], {f"d{at}": list(span) for at, span in self._axes.items()})
        self._choose(places)
