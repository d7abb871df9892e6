"""What panels that compare many runs by their values have in common: reading them, and choosing runs by dragging."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import number_of, short_name
from mltrack_widgets.charts.look import label, nothing
from mltrack_widgets.format import count, number, param_value
from mltrack_widgets.panels.chart_panel import ChartPanel
from mltrack_widgets.panels.colours import PALETTE, Line, run_colours
from mltrack_widgets.panels.curve_words import no_runs
from mltrack_widgets.panels.run_values import RunValues, are_metrics, keys_of, read_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.charts.look import Drawn
    from mltrack_widgets.panels.run_set import RunSet
    from mltrack_widgets.panels.selection import Selection

MOST_COLOURED, MOST_NAMED, MOST_ROWS = 32, 6, 20
_MANY = Line(PALETTE[0], (1, 0))


class ValuesPanel(ChartPanel):
    """Many runs by their params and metrics. What a person drags over in the chart is chosen.

    Without ``names``, which a panel has that stands for itself, the chosen runs are named elsewhere.
    """

    def __init__(self, runs: RunSet, *, selection: Selection | None = None, names: bool = True) -> None:
        super().__init__(runs, selection=selection)
        self._says_names = names
        self._drawn = nothing("")
        self._keys: Sequence[str] = ()
        self._values = RunValues()

    def _read(self) -> None:
        self._keys = keys_of(self._runs.store.run_keys(tuple(self._runs.experiments)))
        metrics = are_metrics(self._keys)
        if metrics:
            self._read_values(metrics)
        else:
            self._values, self._drawn, self._settings = read_values(self._runs, ()), nothing(""), {}

    def _read_values(self, metrics: Sequence[str]) -> None:
        """Read and draw what is shown, where there are metrics; those that say most are first."""
        raise NotImplementedError

    def _lines(self) -> dict[str, Line]:
        """Give how chosen runs are drawn: each in its colour, very many in one."""
        chosen = self.selection
        return run_colours.lines(chosen) if len(chosen) <= MOST_COLOURED else dict.fromkeys(chosen, _MANY)

    def _choose(self, places: Sequence[int]) -> None:
        self._chosen.choose([self._values.ids[place] for place in places])

    # What is said

    def _words_of(self, drawn: Drawn, metric: str | None) -> str:
        if not self._values.ids:
            return no_runs(self._runs)
        if metric is None:
            return f"{count(len(self._values.ids), 'run')} without metrics. Log one: mltrack.log_metric('loss', value)"
        return "\n".join(filter(None, [drawn.words, self._chosen_words() if self._says_names else ""]))

    def _chosen_words(self) -> str:
        chosen = self.selection
        if not chosen:
            return ""
        names = dict(zip(self._values.ids, self._values.names, strict=True))
        named = ", ".join(label(names.get(each, each[:8])) for each in chosen[:MOST_NAMED])
        more = f" and {len(chosen) - MOST_NAMED:,} more" if len(chosen) > MOST_NAMED else ""
        return f"{len(chosen):,} {'run' if len(chosen) == 1 else 'runs'} selected: {named}{more}"

    def _best_rows(self, keys: Sequence[str]) -> list[list[str]]:
        """Give the table that stays: the runs with the highest values of the last key, 20 at most."""
        values = self._values
        by = [number_of(value) for value in values.column(keys[-1])]
        order = sorted((at for at, value in enumerate(by) if math.isfinite(value)), key=lambda at: -by[at])
        if not order:
            return []
        columns = [values.column(key) for key in keys]
        rows = [[label(values.names[at]), *(_cell(column[at]) for column in columns)] for at in order[:MOST_ROWS]]
        return [["run", *(label(short_name(key)) for key in keys)], *rows]

    def _metric_options(self) -> list[tuple[str, str]]:
        return [option(key) for key in are_metrics(self._keys)]


def option(key: str) -> tuple[str, str]:
    """Give a key as one of the options of a control."""
    return key, label(short_name(key), 60)


def chosen_of(drawn: Drawn, lines: Mapping[str, Line], ids: Sequence[str], *, source: str) -> Drawn:
    """Put other chosen runs into a chart that is drawn of ``source``, whose column ``i`` holds places in ``ids``."""
    columns = drawn.columns[source]
    rows = [row for row, place in enumerate(columns["i"]) if ids[place] in lines]
    own: dict[str, list[Any]] = {name: [values[row] for row in rows] for name, values in columns.items()}
    own["stroke"] = [lines[ids[place]].colour for place in own["i"]]
    return replace(drawn, columns={**drawn.columns, "chosen": own})


def inside(columns: Mapping[str, Sequence[Any]], ranges: Mapping[str, Any]) -> list[int]:
    """Give the places (column ``i``) of what lies in all ranges: two numbers each, or some of an axis's texts."""
    tests = [(columns[name], _test(columns[name], wanted)) for name, wanted in ranges.items() if name in columns]
    if not tests or len(tests) < len(ranges):
        return []
    return [at for row, at in enumerate(columns["i"]) if all(test(values[row]) for values, test in tests)]


def _test(values: Sequence[Any], wanted: Any) -> Any:
    if any(isinstance(value, str) for value in values):
        texts = {each for each in wanted if isinstance(each, str)} if isinstance(wanted, list) else set()
        return texts.__contains__
    if not isinstance(wanted, list) or len(wanted) != 2 or not all(isinstance(each, (int, float)) for each in wanted):
        return lambda _: False
    low, high = min(wanted), max(wanted)
    return lambda value: value is not None and low <= value <= high


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, float) else label(param_value(str(value)))
