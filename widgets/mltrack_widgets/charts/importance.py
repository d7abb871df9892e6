"""Which parameters explain a metric: by a random forest, and by rank correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.columns import column, columns_of, number_of, numeric, short_name, text_of
from mltrack_widgets.charts.forest import forest_importances
from mltrack_widgets.charts.look import BLUE, CONFIG, GAP, WIDTH, Drawn, label, nothing
from mltrack_widgets.charts.statistics import ranks, spearman
from mltrack_widgets.format import count
from mltrack_widgets.panels.colours import UNCHOSEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt
    import pandas as pd

    from mltrack_widgets.charts.columns import Frame
    from mltrack_widgets.charts.look import Spec

FEW_RUNS = 10
MOST_PARAMS, MOST_RUNS, MOST_BARS = 50, 1_000, 20


@dataclass(frozen=True, slots=True)
class Importance:
    """What one parameter has to do with the metric.

    ``importance`` is its share in the forest, from 0 to 1 (NaN: there was no forest); ``correlation`` is Spearman's rho
    (NaN for categories and where either is constant), over ``n`` runs that have both.
    """

    param: str
    importance: float
    correlation: float
    n: int


@dataclass(frozen=True, slots=True)
class Importances:
    """The parameters that vary, those that explain the metric most first; ``n`` runs have the metric."""

    metric: str
    n: int
    rows: tuple[Importance, ...]
    words: str = ""

    def to_dataframe(self) -> pd.DataFrame:
        """Give the rows as a DataFrame: param, importance, correlation, n."""
        import pandas as pd  # 0.3 s, for those who want a frame

        names = ("param", "importance", "correlation", "n")
        return pd.DataFrame({name: [getattr(row, name) for row in self.rows] for name in names})


_SAME = "The metric is the same in all {} runs: there is nothing to explain."


def importances(frame: Frame, *, metric: str, params: Sequence[str] = ()) -> Importances:
    """Say which parameters explain a metric.

    Parameters
    ----------
    frame
        A DataFrame, or a dict of columns, with a row a run, such as ``mltrack.search_runs()`` gives.
    metric
        The column to explain; runs without a finite value are left out.
    params
        The columns to explain it by; default: all ``params.*``. Those that do not vary are left out.

    Raises
    ------
    InvalidParameterError
        For a column that is missing.

    """
    columns = columns_of(frame)
    names = params or [name for name in columns if name.startswith("params.")]
    chosen = {short_name(name): column(columns, name) for name in names}
    return explain(chosen, (short_name(metric), column(columns, metric)))


def explain(params: Mapping[str, Sequence[Any]], metric: tuple[str, Sequence[Any]]) -> Importances:
    """Say which of these parameters explain a metric, given by its name and values; see :func:`importances`.

    Of more than 1,000 runs the forest sees 1,000, evenly chosen; of more than 50 params the 50 that go with it most.
    """
    name, given = metric
    numbers = [number_of(value) for value in given]
    kept = [at for at, value in enumerate(numbers) if math.isfinite(value)]
    values = [numbers[at] for at in kept]
    seen = {key: [each[at] for at in kept] for key, each in params.items()}
    varying = most_telling(seen, values, most=MOST_PARAMS)
    every = math.ceil(len(kept) / MOST_RUNS) or 1
    shares = forest_importances({key: each[::every] for key, each in varying.items()}, values[::every])
    rows = [_row(key, each, values, (shares or {}).get(key, math.nan)) for key, each in varying.items()]
    rows.sort(key=lambda row: (-_first(row.importance), -abs(_first(row.correlation))))
    same = len(set(values)) == 1 < len(values)
    words = _SAME.format(len(kept)) if same else _words(len(kept), rows, forest=shares is not None)
    return Importances(name, len(kept), tuple(rows), words)


def _row(param: str, values: Sequence[Any], metric: Sequence[float], share: float) -> Importance:
    numbers = [number_of(value) for value in values] if numeric(values) else [math.nan] * len(values)
    rho, n = spearman(numbers, metric)
    return Importance(param, share, rho, n if numeric(values) else sum(value is not None for value in values))


def _first(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _words(n: int, rows: Sequence[Importance], *, forest: bool) -> str:
    if not rows:
        return "No run has the metric." if n == 0 else f"No parameter varies between {count(n, 'run')}."
    said = [f"From {count(n, 'run')}."]
    if n < FEW_RUNS:
        said = [f"From {count(n, 'run')} only: with fewer than {FEW_RUNS} this is little more than chance."]
    if not forest:
        said.append("Correlation alone; scikit-learn adds the importance (pip install scikit-learn).")
    return " ".join(said)


def most_telling(
    params: Mapping[str, Sequence[Any]], metric: Sequence[Any], *, most: int | None = None
) -> dict[str, Sequence[Any]]:
    """Give the parameters that vary, those that go most with the metric by rank first (judged on up to 500 runs)."""
    numbers = [number_of(value) for value in metric]
    kept = [at for at, value in enumerate(numbers) if math.isfinite(value)]
    some = kept[:: math.ceil(len(kept) / 500) or 1]
    ranked = ranks([numbers[at] for at in some])
    varying = {name: each for name, each in params.items() if len({text_of(each[at]) for at in kept}) > 1}
    strength = {name: _strength([each[at] for at in some], ranked) for name, each in varying.items()}
    order = sorted(varying, key=lambda name: -strength[name])
    return {name: varying[name] for name in order[:most]}


def _strength(values: Sequence[Any], ranked: Sequence[float]) -> float:
    """Give |rho| of numbers, and of categories the square root of epsilon squared (Kelley, 1935), from 0 to 1."""
    if numeric(values):
        return abs(_first(spearman([number_of(value) for value in values], ranked).rho))
    groups: dict[str, list[float]] = {}
    for value, rank in zip(values, ranked, strict=True):
        groups.setdefault(text_of(value), []).append(rank)
    n, mean = len(ranked), math.fsum(ranked) / (len(ranked) or 1)
    total = math.fsum((rank - mean) ** 2 for rank in ranked)
    if total == 0 or n <= len(groups):
        return 0.0
    within = math.fsum((rank - math.fsum(each) / len(each)) ** 2 for each in groups.values() for rank in each)
    return math.sqrt(max(0.0, 1 - within / total * (n - 1) / (n - len(groups))))


def importance_chart(table: Importances) -> alt.ConcatChart:
    """Draw importances as bars, correlations beside them with their sign; the 20 first parameters."""
    return draw_importances(table).chart


def draw_importances(table: Importances) -> Drawn:
    """Draw importances; reads ``params`` (param, importance, correlation, n, and the numbers as texts)."""
    if not table.rows:
        return nothing(table.words)
    rows = table.rows[:MOST_BARS]
    columns: dict[str, list[Any]] = {
        "param": _distinct([label(row.param, 24) for row in rows]),
        "importance": [_first(row.importance) for row in rows],
        "correlation": [_first(row.correlation) for row in rows],
        "importance_text": [_text(row.importance) for row in rows],
        "correlation_text": [_text(row.correlation, sign="+") for row in rows],
        "n": [row.n for row in rows],
    }
    forest = any(not math.isnan(row.importance) for row in rows)
    wanted = (("importance", [0, 1]), ("correlation", [-1, 1]))[0 if forest else 1 :]
    charts = [_bars(name, domain, place=place, rows=len(rows)) for place, (name, domain) in enumerate(wanted)]
    spec: Spec = {"config": CONFIG, "concat": charts, "columns": 2, "spacing": GAP}
    return Drawn(spec, {"params": columns}, table.words)


def _distinct(names: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        found.setdefault(name if name not in found else f"{name} ({len(found) + 1})")
    return list(found)


def _text(value: float, *, sign: str = "") -> str:
    return "" if math.isnan(value) else f"{value:{sign}.2f}"


def _bars(name: str, domain: list[int], *, place: int, rows: int) -> Spec:
    y: Spec = {"field": "param", "type": "nominal", "sort": None, "title": None}
    y["axis"] = None if place else {"ticks": False, "domain": False, "labelLimit": 160}
    x = {"field": name, "type": "quantitative", "title": None, "scale": {"domain": domain}, "axis": {"tickCount": 4}}
    tips = [
        {"field": "param", "type": "nominal", "title": "param"},
        {"field": f"{name}_text", "type": "nominal", "title": name},
        {"field": "n", "type": "quantitative", "title": "runs"},
    ]
    text = {"x": {"value": WIDTH // 2 + 34}, "y": y, "text": {"field": f"{name}_text", "type": "nominal"}}
    return {
        "title": name,
        "width": WIDTH // 2,
        "height": max(40, 20 * rows),
        "data": {"name": "params"},
        "layer": [
            {"mark": {"type": "bar", "color": BLUE, "height": 12}, "encoding": {"x": x, "y": y, "tooltip": tips}},
            {"mark": {"type": "rule", "color": UNCHOSEN}, "encoding": {"x": {"datum": 0}}},
            {"mark": {"type": "text", "align": "right", "fontSize": 10}, "encoding": text},
        ],
    }
