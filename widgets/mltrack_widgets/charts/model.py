"""Charts of what a training left as tables: confusion matrices, ROC and precision-recall curves, importances.

Each is a pure function of the table's columns. Altair is imported by the first chart that is drawn, never by a fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack_widgets.charts.look import BLUE, CONFIG, GAP, HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

    from mltrack_widgets.charts.look import Columns

MOST_FEATURES = 20


def draw(title: str, columns: Columns) -> alt.Chart | alt.LayerChart | None:
    """Draw the chart that belongs to a table of these columns; None when none does."""
    names = set(columns)
    if not columns or not any(columns.values()):
        return None
    if names >= {"true", "predicted", "count"}:
        return confusion_matrix(title, columns)
    if names >= {"fpr", "tpr"}:
        return curve(title, columns, across="fpr", up="tpr")
    if names >= {"recall", "precision"}:
        return curve(title, columns, across="recall", up="precision")
    if "feature" in names and len(names) > 1:
        return importances(title, columns)
    return None


def confusion_matrix(title: str, columns: Columns) -> alt.LayerChart:
    """Draw counts by true and predicted class, ``columns`` being ``true``, ``predicted`` and ``count``."""
    import altair as alt  # over a second, so it waits for the first chart

    base = alt.Chart(_data(columns, "true", "predicted", "count"), title=title).encode(
        x=alt.X("predicted:N", axis=alt.Axis(labelAngle=0), title="predicted"), y=alt.Y("true:N", title="true")
    )
    cells = base.mark_rect().encode(color=alt.Color("count:Q", scale=alt.Scale(scheme="blues"), legend=None))
    middle = max(float(count or 0) for count in columns["count"]) / 2
    dark = alt.condition(alt.datum.count > middle, alt.value("white"), alt.value("black"))
    labels = base.mark_text().encode(text=alt.Text("count:Q", format="~g"), color=dark)
    few = len(columns["count"]) <= 400  # numbers in more cells than that overlap
    layers = (cells, labels) if few else (cells,)
    return alt.LayerChart(layer=list(layers), width=WIDTH, height=HEIGHT)


def curve(title: str, columns: Columns, *, across: str, up: str) -> alt.Chart:
    """Draw one rate against another, both from 0 to 1, in the order of the rows."""
    import altair as alt  # as in confusion_matrix

    scale = alt.Scale(domain=[0, 1])
    words = {"fpr": "false positive rate", "tpr": "true positive rate"}
    data = _data(columns, across, up)
    for number, row in enumerate(data.values):
        row["order"] = number
    chart: alt.Chart = (
        alt.Chart(data, title=title)
        .mark_line(color=BLUE, interpolate="linear" if across == "fpr" else "step-before")
        .encode(
            x=alt.X(f"{across}:Q", scale=scale, title=words.get(across, across)),
            y=alt.Y(f"{up}:Q", scale=scale, title=words.get(up, up)),
            order="order:Q",
            tooltip=[f"{across}:Q", f"{up}:Q"],
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    return chart


def importances(title: str, columns: Columns) -> alt.Chart:
    """Draw a bar for each feature, the largest first, at most 20; the value is the first column beside ``feature``."""
    import altair as alt  # as in confusion_matrix

    value = next(name for name in columns if name != "feature")
    pairs = [
        (str(feature), float(number))
        for feature, number in zip(columns["feature"], columns[value], strict=True)
        if isinstance(number, (int, float))
    ]
    pairs.sort(key=lambda pair: -abs(pair[1]))
    rows = [{"feature": feature, "value": number} for feature, number in pairs[:MOST_FEATURES]]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows), title=title)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("value:Q", title=value),
            y=alt.Y("feature:N", sort=None, title=None, axis=alt.Axis(labelLimit=160)),
            tooltip=["feature:N", "value:Q"],
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    return chart


def _data(columns: Columns, *names: str) -> Any:
    import altair as alt  # as in confusion_matrix

    rows = zip(*(columns[name] for name in names), strict=True)
    return alt.InlineData(values=[dict(zip(names, row, strict=True)) for row in rows])


def side_by_side(charts: Sequence[alt.Chart | alt.LayerChart]) -> alt.ConcatChart:
    """Put charts in rows of two, on whatever background the page has."""
    import altair as alt  # as in confusion_matrix

    together: alt.ConcatChart = alt.concat(*charts, columns=2, spacing=GAP).resolve_scale(color="independent")
    together.config = alt.Config(**CONFIG)
    return together
