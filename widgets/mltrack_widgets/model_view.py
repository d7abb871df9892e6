"""``mltrack.charts``: the charts of a run's model, drawn from the tables that its training left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mltrack.artifacts.run_files import RunFiles
from mltrack.exceptions import MltrackError
from mltrack.lookup import LAST, find_run
from mltrack.plain_text import printable
from mltrack.settings import get_store
from mltrack.store.artifacts import safe_path
from mltrack_widgets.charts.model import draw, side_by_side

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    import altair as alt

    from mltrack.entities import FileInfo, Run

MOST_BYTES = 5_000_000
_TEXT = "text/plain"
# JupyterLab draws a specification of Vega-Lite 6 under the name of the last version that it knows by name.
_CHART = "application/vnd.vegalite.v5+json"


class ModelCharts:
    """The charts of one run's model: drawn where Vega-Lite is, listed where it is not."""

    def __init__(self, run_name: str, charts: Mapping[str, alt.Chart | alt.LayerChart]) -> None:
        self.charts = charts
        self._run_name = run_name

    @property
    def text(self) -> str:
        """What a terminal shows."""
        name = printable(self._run_name)
        if not self.charts:
            return (
                f"{name} has no tables to draw. A fit in a %%track_run cell, or after mltrack.autolog(), leaves them: "
                "confusion matrix, ROC and precision-recall curves, feature importances."
            )
        return "\n".join([f"Charts of {name}:", *(f"  {printable(title)}" for title in self.charts)])

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = {_TEXT: self.text}
        wanted = (include is None or _CHART in include) and (exclude is None or _CHART not in exclude)
        if self.charts and wanted:
            bundle[_CHART] = side_by_side(list(self.charts.values())).to_dict()
        return bundle

    def __repr__(self) -> str:
        return self.text


def charts(run: str | Run = LAST) -> ModelCharts:
    """Show the charts of a run's model; ``run`` is a Run, an id, the first digits of one, a name, or "last".

    They are drawn from the tables that autolog keeps with the run: confusion matrix, ROC and precision-recall curves,
    feature importances. ``.charts`` has each as an Altair chart, by its table's name.
    """
    found = find_run(run) if isinstance(run, str) else run
    files = RunFiles(get_store(), found.info.run_id)
    drawn = {}
    for each in _tables(files.entries(None)):
        columns = _columns(files, each.path)
        title = each.path.removesuffix(".json").replace("_", " ")
        chart = draw(title, columns) if columns else None
        if chart is not None:
            drawn[title] = chart
    return ModelCharts(found.info.run_name, drawn)


def _tables(files: Sequence[FileInfo]) -> list[FileInfo]:
    return [
        each for each in files if not each.is_dir and each.path.endswith(".json") and (each.file_size or 0) < MOST_BYTES
    ]


def _columns(files: RunFiles, path: str) -> dict[str, list[Any]]:
    """Read a table's columns; none of a file that is no table or has changed since it was logged."""
    try:
        document = json.loads(files.read(safe_path(path)))
        names, rows = document["columns"], document["data"]
        return {str(name): [row[number] for row in rows] for number, name in enumerate(names)}
    except (MltrackError, ValueError, TypeError, KeyError, IndexError, RecursionError):
        return {}
