"""An evaluation in a cell: what was found, and the charts of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.settings import get_store
from mltrack_widgets.charts.model import table_chart, tables_chart
from mltrack_widgets.evaluation_card import evaluation_html, evaluation_text
from mltrack_widgets.html import join
from mltrack_widgets.model_view import chart_tables
from mltrack_widgets.panels.chart_panel import packed_columns
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.run_set import RunSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from ipywidgets import DOMWidget

    from mltrack.evaluation.result import EvaluationResult
    from mltrack_widgets.charts.look import Drawn
    from mltrack_widgets.html import Markup


class EvaluationPanel(Panel):
    """What ``mltrack.evaluate`` gave, in a cell: metrics, slices, the baseline, charts."""

    def __init__(self, result: EvaluationResult) -> None:
        super().__init__(RunSet(get_store(), {}))
        self._result = result
        tables = chart_tables(result)
        self._drawn: Drawn = tables_chart({name: each for name, each in tables.items() if table_chart(name, each)})

    def _make_view(self) -> DOMWidget:
        from ipywidgets import VBox  # with anywidget 35 ms, and only what is displayed needs it

        from mltrack_widgets.front.chart_view import ChartView  # as above
        from mltrack_widgets.front.html_view import HtmlView  # as above

        parts: list[DOMWidget] = [HtmlView(html=evaluation_html(self._result).html)]
        if not self._drawn.is_empty:
            data = {name: packed_columns(columns) for name, columns in self._drawn.columns.items()}
            parts.append(ChartView(spec=self._drawn.spec, data=data))
        return VBox(parts)

    def _body(self, picture: Markup) -> Markup:
        return join([evaluation_html(self._result), picture])

    @property
    def text(self) -> str:
        """What a terminal shows."""
        return evaluation_text(self._result)

    @property
    def chart(self) -> Any:
        """All charts as one Altair chart."""
        return self._drawn.chart

    def _picture_spec(self) -> Mapping[str, Any] | None:
        return None if self._drawn.is_empty else self._drawn.with_data()

    def to_dataframe(self) -> pd.DataFrame:
        """Give the metrics as a DataFrame: ``metric``, ``value``, and of a baseline its value and the difference."""
        import pandas as pd  # 0.3 s, for those who want a frame

        baseline = self._result.tables.get("baseline")
        metrics = self._result.metrics
        return (
            pd.DataFrame({"metric": list(metrics), "value": list(metrics.values())}) if baseline is None else baseline
        )
