"""``mltrack.charts``: the charts of a run's model, drawn from the tables that its training left."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mltrack.artifacts.run_files import RunFiles
from mltrack.evaluation.result import EvaluationResult
from mltrack.exceptions import MltrackError
from mltrack.lookup import LAST, find_run
from mltrack.plain_text import printable
from mltrack.settings import get_store
from mltrack.store.artifacts import safe_path
from mltrack_widgets.charts.model import draw, table_chart, tables_chart

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    import altair as alt

    from mltrack.entities import FileInfo, Run
    from mltrack_widgets.charts.look import Columns, Drawn

MOST_BYTES = 5_000_000
_TEXT = "text/plain"
# JupyterLab draws a specification of Vega-Lite 6 under the name of the last version that it knows by name.
_CHART = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


class ModelCharts:
    """The charts of one run's model: drawn where Vega-Lite is, listed where it is not.

    ``tables`` are what they are drawn of, by their titles; those without a chart are left out.
    """

    def __init__(self, name: str, tables: Mapping[str, Columns]) -> None:
        self._name = name
        self._tables = {title: columns for title, columns in tables.items() if table_chart(title, columns)}

    @cached_property
    def charts(self) -> dict[str, alt.Chart | alt.LayerChart]:
        """Each as an Altair chart, by its table's name, to be restyled."""
        drawn = {title: draw(title, columns) for title, columns in self._tables.items()}
        return {title: chart for title, chart in drawn.items() if chart is not None}

    @property
    def drawn(self) -> Drawn:
        """All of them in rows of two, as a specification and its data."""
        return tables_chart(self._tables)

    @property
    def text(self) -> str:
        """What a terminal shows."""
        name = printable(self._name)
        if not self._tables:
            return (
                f"{name} has no tables to draw. A fit in a %%track_run cell, or after mltrack.autolog(), leaves them: "
                "confusion matrix, ROC and precision-recall curves, feature importances; so does mltrack.evaluate."
            )
        return "\n".join([f"Charts of {name}:", *(f"  {printable(title)}" for title in self._tables)])

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = {_TEXT: self.text}
        wanted = (include is None or _CHART in include) and (exclude is None or _CHART not in exclude)
        if self._tables and wanted:
            bundle[_CHART] = {"$schema": _SCHEMA, **self.drawn.with_data()}
        return bundle

    def __repr__(self) -> str:
        return self.text


def charts(run: str | Run | EvaluationResult = LAST) -> ModelCharts:
    """Show the charts of a run's model; ``run`` is a Run, an id, the first digits of one, a name, or "last".

    They are drawn from the tables that autolog and ``evaluate`` keep with the run: confusion matrix, ROC,
    precision-recall and calibration curves, residuals, feature importances. Of what ``evaluate`` gave they are its own.
    ``.charts`` has each as an Altair chart, by its table's name.
    """
    if isinstance(run, EvaluationResult):
        return ModelCharts(f"the evaluation of {run.about.model or 'a model'}", chart_tables(run))
    found = find_run(run) if isinstance(run, str) else run
    files = RunFiles(get_store(), found.info.run_id)
    columns = {each.path: _columns(files, each.path) for each in _tables(files.entries(None))}
    return ModelCharts(found.info.run_name, {_title(path): table for path, table in columns.items()})


def chart_tables(result: EvaluationResult) -> dict[str, dict[str, list[Any]]]:
    """Give the tables of an evaluation, charts or not, by the titles that their charts have."""
    return {_title(name): columns for name, columns in result.columns().items()}


def _title(name: str) -> str:
    return name.removesuffix(".json").replace("_", " ")


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
