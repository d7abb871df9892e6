"""What tests of charts share: values as a frame, hostile texts, and what of a chart is really drawn."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import vl_convert

from mltrack_widgets.panels.pictures import vega_lite_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.charts.look import Drawn

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><!--",
    "datum['x'] + event.view",
    '{"expr": "1+1"}',
    '{"signal": "width"}',
    "a.b[0]",
    "x:Q",
    "datum.x",
    '\\" + (1+1) + \\"',
    "C:\\data\\new",
    "' + datum.value + '",
    "toString",
    "hasOwnProperty",
    "__proto__",
    "constructor",
    "\u202egnp.exe",
    "line\nbreak\x1b[31m",
    "",
    "[link](javascript:alert(1))",
    "n" * 500,
]


def curve_rows(series: Mapping[tuple[str, str], Sequence[float]]) -> dict[str, list[Any]]:
    """Columns as the charts take them, from values by (run, metric), one a second."""
    rows = [
        (run, run, metric, step, 1_700_000_000_000 + 1_000 * step, value)
        for (run, metric), values in series.items()
        for step, value in enumerate(values)
    ]
    names = ("run", "run_id", "metric", "step", "timestamp", "value")
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def sweep(count: int) -> dict[str, list[Any]]:
    """Runs of which the accuracy rises with the logarithm of C."""
    costs = [10 ** (-3 + 5 * at / max(1, count - 1)) for at in range(count)]
    return {
        "run_id": [f"{at:032x}" for at in range(count)],
        "tags.mlflow.runName": [f"run {at}" for at in range(count)],
        "params.C": [str(cost) for cost in costs],
        "params.solver": [("lbfgs", "saga")[at % 2] for at in range(count)],
        "params.fixed": ["1"] * count,
        "metrics.accuracy": [0.5 + 0.05 * math.log10(cost) + 0.01 * (at % 2) for at, cost in enumerate(costs)],
    }


def svg_of(spec: dict[str, Any]) -> ElementTree.Element:
    drawn = vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version(), allowed_base_urls=[])
    return ElementTree.fromstring(drawn)


def shape(svg: ElementTree.Element) -> list[tuple[str, tuple[str, ...]]]:
    """Give elements and the names of their attributes, in order: what texts must not change."""
    return [(each.tag, tuple(sorted(each.attrib))) for each in svg.iter()]


def texts(svg: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in svg.iter(f"{SVG}text")]


def marks(svg: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    """Give what was drawn for each item of a kind of mark (``line``, ``symbol``, ``rect``…), legends left out."""
    found = []
    for group in svg.iter(f"{SVG}g"):
        names = group.get("class", "").split()
        if f"mark-{kind}" in names and "role-mark" in names:
            found += [each for each in group if each.tag == f"{SVG}path"]
    return found


def vertices(path: ElementTree.Element) -> int:
    return len(re.findall("[ML]", path.get("d", "")))


def written(drawn: Drawn) -> str:
    """The whole as JSON, in which no NaN is allowed."""
    return json.dumps(drawn.with_data(), allow_nan=False)
