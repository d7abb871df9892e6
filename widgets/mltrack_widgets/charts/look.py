"""How charts look, and what a drawn chart is: a Vega-Lite specification, and the columns that it reads by name.

Specifications are written here as plain dictionaries, so that a panel draws without importing Altair; ``Drawn.chart``
makes Altair's objects of them. Names of fields, data sources and parameters are our own. What a user wrote stands in
them only as data, as an element of a scale's domain or as a title, none of which Vega evaluates. The colours of
axes and titles, and what is behind them, are left to the host.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.plain_text import visible
from mltrack_widgets.charts.statistics import SMALLEST
from mltrack_widgets.format import middle_cut
from mltrack_widgets.panels.colours import DASHES, PALETTE, UNCHOSEN, Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import altair as alt

    Columns = Mapping[str, Sequence[Any]]
    Spec = dict[str, Any]

WIDTH, HEIGHT, GAP = 320, 200, 12
BLUE = PALETTE[0]
RAMP = "cividis"
"""Colours of a quantity: as dark to light for the colour-blind as for others (Nuñez, Anderton, Renslow 2018)."""
NUMBER = ".4~g"
"""d3's format of four significant digits."""
LONGEST_TITLE, LONGEST_LABEL = 44, 32

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "title": {"anchor": "start", "frame": "group", "fontSize": 12, "subtitleFontSize": 11, "limit": WIDTH},
    "axis": {"labelAngle": 0, "gridColor": UNCHOSEN, "gridOpacity": 0.25, "domainOpacity": 0.5, "tickOpacity": 0.5}
    | {"labelFontSize": 10, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 110, "labelOverlap": True},
    # texts in a chart follow no theme of a host's, so they have the one grey that is read on white and on black
    "text": {"color": "#787878"},
    "scale": {"invalid": {"color": {"value": UNCHOSEN}}},
    "legend": {"labelFontSize": 10, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 220},
}


@dataclass(frozen=True, slots=True)
class ShownRun:
    """How a run is shown: its label, its line, and when it began (ms since 1970; None: at its first point)."""

    label: str
    line: Line
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart: ``spec`` is Vega-Lite over named data sources, ``columns`` what each of them holds, column by column.

    ``spec`` stays the same while only the data changes. ``words`` say what the picture shows or why there is none
    (then ``spec`` has an empty ``concat``).
    """

    spec: Spec
    columns: Mapping[str, Columns]
    words: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return self.spec.get("concat") == []

    def with_data(self) -> Spec:
        """Give the specification with its data in it, whole in itself."""
        return {**self.spec, "datasets": {name: rows_of(columns) for name, columns in self.columns.items()}}

    @property
    def chart(self) -> alt.ConcatChart:
        """The chart as an Altair chart with its data, to be restyled, saved or put beside others."""
        from mltrack_widgets.charts.altair_chart import altair_chart  # imports Altair, which takes over a second

        made: alt.ConcatChart = altair_chart(self.spec, self.columns)
        return made


@dataclass(frozen=True, slots=True)
class Parts:
    """What one chart of several adds to the whole."""

    spec: Spec
    columns: dict[str, Columns] = field(default_factory=dict)
    params: list[Spec] = field(default_factory=list)


def nothing(words: str) -> Drawn:
    """Give a chart without any content, and say why."""
    return Drawn({"config": CONFIG, "concat": []}, {}, words)


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    """Turn columns into rows, as Vega reads them."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def title(text: str, subtitle: str = "") -> Spec:
    """Give a title that is shown as it is written; a long one is cut in the middle."""
    made: Spec = {"text": label(text, LONGEST_TITLE)}
    return made | {"subtitle": subtitle} if subtitle else made


# What every object of JavaScript has: Vega keeps the expressions of titles in one, and would find these there. And what
# a saved page's tooltip takes for a heading and for the address of a picture, which it would ask for.
_TAKEN = frozenset(
    {
        *("title", "image"),
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString"),
        *("valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__proto__"),
    }
)


def label(text: str, width: int = LONGEST_LABEL) -> str:
    """Write a text on one line of at most so many characters; what is not seen is spelled out.

    Vega-Lite writes titles into expressions and escapes quotes in them but not the backslash before one (6.4), so a
    backslash becomes the sign for set difference, which looks like it.
    """
    cut = middle_cut(visible(" ".join(text.split())), width).replace("\\", "∖") or "(no name)"
    return f"{cut}\u00a0" if cut in _TAKEN else cut


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """Give each run a label that no other has: its name, with the first digits of its id where names are the same."""
    short = {run_id: label(name) for run_id, name in names.items()}
    count = Counter(short.values())
    return {run_id: f"{text} ({label(run_id[:8])})" if count[text] > 1 else text for run_id, text in short.items()}


def value_scale(values: Iterable[float], *, log: bool) -> Spec:
    """Give the scale that finite values have; where they are all but one, it reaches beyond them on both sides."""
    if log:
        return {"type": "log", "nice": False}
    found = list(values)
    low, high = min(found), max(found)
    most = max(abs(low), abs(high))
    if high - low > most * 1e-12 and most > SMALLEST:
        return {"zero": False}
    # digits end here: Vega would look for ticks between two numbers that have none between them
    around = most / 10 if most > SMALLEST else 1.0
    return {"zero": False, "domain": [low - around, high + around]}


def shown_runs(names: Mapping[str, str], lines: Mapping[str, Line] | None = None) -> dict[str, ShownRun]:
    """Say how runs are shown: ``names`` by run id, and ``lines`` by run id (else the palette, in order)."""
    texts, given = labels(names), lines or {}
    return {
        run_id: ShownRun(texts[run_id], given.get(run_id) or palette_line(place)) for place, run_id in enumerate(names)
    }


def palette_line(place: int) -> Line:
    """Give the line of the run at this place: eight colours, then the same with dashes."""
    return Line(PALETTE[place % len(PALETTE)], DASHES[place // len(PALETTE) % len(DASHES)])


def run_channels(runs: Iterable[ShownRun], *, legend: bool) -> Spec:
    """Encode the field ``run`` as colour and dashes: by label with a legend, else by the run's place."""
    shown = list(runs)
    domain: list[Any] = [run.label for run in shown] if legend else list(range(len(shown)))
    guide: Spec | None = {"title": None, "symbolType": "stroke", "symbolOpacity": 1} if legend else None
    colour = {"domain": domain, "range": [run.line.colour for run in shown]}
    channels: Spec = {"color": {"field": "run", "type": "nominal", "scale": colour, "legend": guide}}
    if len({tuple(run.line.dashes) for run in shown}) > 1:
        dashes = {"domain": domain, "range": [list(run.line.dashes) for run in shown]}
        channels["strokeDash"] = {"field": "run", "type": "nominal", "scale": dashes, "legend": guide}
    return channels
