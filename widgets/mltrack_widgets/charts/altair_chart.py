"""Specifications as Altair's charts; importing this module imports Altair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from mltrack_widgets.charts.look import rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack_widgets.charts.look import Columns, Spec


def altair_chart(spec: Spec, columns: Mapping[str, Columns]) -> Any:
    """Make an Altair chart of a specification, with the data that its parts read by name.

    Altair's own ``from_dict`` tries every kind of chart in turn (0.4 s for six small ones) and loses names of data.
    """
    inner = {name: value for name, value in spec.items() if name != "params"}
    chart = _part(inner, columns)
    if spec.get("params"):
        # set afterwards: the classes would try to name views that have names
        chart.params = [_param(each) for each in spec["params"]]
    return chart


def _part(spec: Spec, columns: Mapping[str, Columns]) -> Any:
    made = dict(spec)
    if "data" in made:
        # a tuple, since Altair copies lists again and again, row by row
        made["data"] = alt.InlineData(values=tuple(rows_of(columns.get(made["data"]["name"], {}))))
    if "config" in made:
        made["config"] = alt.Config(**made["config"])
    for kind, inside in (("concat", alt.ConcatChart), ("layer", alt.LayerChart)):
        if kind in made:
            made[kind] = [_part(each, columns) for each in made[kind]]
            return inside(**made)
    made["encoding"] = alt.FacetedEncoding(**made.get("encoding", {}))
    return alt.Chart(**made)


def _param(spec: Spec) -> Any:
    return alt.TopLevelSelectionParameter(**spec) if "select" in spec else alt.VariableParameter(**spec)
