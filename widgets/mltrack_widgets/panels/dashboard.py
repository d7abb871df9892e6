"""The dashboard: table, comparison, curves, and params against metrics in one, linked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from mltrack.exceptions import MltrackError
from mltrack_widgets.bundle import styles
from mltrack_widgets.format import count, one_line
from mltrack_widgets.html import join, page, tag
from mltrack_widgets.panels.compare import ComparePanel
from mltrack_widgets.panels.curves import CurvesPanel
from mltrack_widgets.panels.importance import ImportancePanel
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.parallel import ParallelPanel
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.run_table_panel import RunTablePanel
from mltrack_widgets.panels.scatter import ScatterPanel
from mltrack_widgets.panels.selection import Selection
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import pandas as pd
    from ipywidgets import Box, DOMWidget

    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.chart_panel import ChartPanel
    from mltrack_widgets.panels.run_set import RunSet

CHOSEN_AT_FIRST = 3
ROWS = 25
_CHARTS: Mapping[str, Callable[[RunSet, Selection], ChartPanel]] = {
    "curves": lambda runs, chosen: CurvesPanel(runs, selection=chosen, legend=False),
    "scatter": lambda runs, chosen: ScatterPanel(runs, selection=chosen),
    "parallel": lambda runs, chosen: ParallelPanel(runs, selection=chosen),
    "importance": lambda runs, chosen: ImportancePanel(runs, selection=chosen),
}
TABS = (("scatter", "Scatter"), ("parallel", "Parallel coordinates"), ("importance", "Importance"))


def dashboard(filter_string: str = "", *, experiment: str | None = None) -> Dashboard:
    """Show table, comparison, curves, and params against metrics in one: what is chosen in one is chosen in all.

    Parameters
    ----------
    filter_string
        Such as ``"metrics.accuracy > 0.9 AND params.C = '0.5'"``.
    experiment
        The name of one; default: that of the last run.

    Raises
    ------
    NotFoundError
        When there is no experiment of that name.
    InvalidParameterError
        For a filter that does not parse.
    """
    return Dashboard(run_set(filter_string, experiment=experiment))


class _Table(RunTablePanel):
    """The table of a dashboard, which tells it what was changed in it."""

    def __init__(self, runs: RunSet, *, selection: Selection, changed: Callable[[], None]) -> None:
        self._tell = WeakMethod(changed)
        super().__init__(runs, selection=selection, rows=ROWS)

    @property
    def runs(self) -> RunSet:
        """The runs that match what was typed last."""
        return self._runs

    def push(self) -> None:
        """Send the present state, and tell the dashboard."""
        super().push()
        changed = self._tell()
        if changed is not None:
            changed()


class Dashboard(Panel):
    """Panels over the same runs with one selection; at first the three that started last are chosen.

    The filter of the table is that of all. The charts are made after the table is shown.
    """

    live = True

    def __init__(self, runs: RunSet) -> None:
        newest = [run.info.run_id for run in runs.first(CHOSEN_AT_FIRST)]
        super().__init__(runs, selection=Selection(newest))
        self.comparison = ComparePanel(runs, selection=self._chosen, curves=False)
        self._charts: dict[str, Any] = {}
        self._parts: dict[str, Any] = {}
        self.table = _Table(runs, selection=self._chosen, changed=self._table_changed)
        self._chosen.unobserve(self._selection_changed)  # told after the comparison, which knows the baseline's name
        self._chosen.observe(self._selection_changed)

    @property
    def curves(self) -> CurvesPanel:
        """The curves of the chosen runs."""
        found: CurvesPanel = self._chart_panel("curves")
        return found

    def _chart_panel(self, name: str) -> Any:
        """Give a panel with a chart, made when it is first looked at."""
        with self._lock:
            if name not in self._charts:
                self._charts[name] = _CHARTS[name](self._runs, self._chosen)
            return self._charts[name]

    # What it is about

    @property
    def filter(self) -> str:
        """The search that the shown runs match; may be set, and is refused when it does not parse."""
        return self.table.filter

    @filter.setter  # noqa: A003 - the name that users know from searches
    def filter(self, filter_string: str) -> None:
        self.table.filter = filter_string

    def to_dataframe(self) -> pd.DataFrame:
        """Give all runs that match as a DataFrame with MLflow's columns (at most 100,000)."""
        return self.table.to_dataframe()

    def _table_changed(self) -> None:
        runs = self.table.runs
        with self._lock:
            if runs == self._runs:
                return
            self._runs = runs
            panels = list(self._charts.values())
        for panel in panels:
            panel.look_at(runs)
        self._say()

    def refresh(self) -> None:
        """Read the store again and show what has changed; what is behind a tab is read when the tab is chosen."""
        tabs = self._parts.get("tabs")
        hidden = {name for name, _ in TABS if tabs is not None and name != tabs.chosen}
        seen = [panel for name, panel in list(self._charts.items()) if name not in hidden]
        for panel in (self.table, self.comparison, *seen):
            panel.refresh()
        self._say()

    def close(self) -> None:
        """End what goes on behind all parts; what they show stays as it is."""
        for panel in (self.table, self.comparison, *list(self._charts.values())):
            panel.close()
        super().close()

    def _selection_changed(self) -> None:
        self._say()

    # What is shown

    @property
    def words(self) -> str:
        """What is shown, in a sentence: ``12 of 340 runs of digits, 3 selected, baseline first try``."""
        runs, chosen = self._runs, self._chosen
        names = list(runs.experiments.values())
        total = runs.store.count_runs(tuple(runs.experiments))
        found = runs.store.count_matching(runs.search(), most=total) if runs.filter_string else total
        where = f" of {one_line(names[0], NAME_WIDTH)}" if len(names) == 1 else f" of {count(len(names), 'experiment')}"
        said = f"{found:,} of {count(total, 'run')}{where}" if found != total else f"{count(total, 'run')}{where}"
        baseline = self.comparison.baseline_name
        return f"{said}, {len(chosen.ids)} selected" + (f", baseline {baseline}" if baseline else "")

    @property
    def text(self) -> str:
        """What a terminal shows: the sentence, and the table."""
        return f"{self.words}\n\n{self.table.text}"

    @property
    def chart(self) -> Any:
        """The curves above the scatter, as one Altair chart."""
        import altair as alt  # over a second, so it waits for the first chart

        parts = [self._chart_panel(name).chart for name in ("curves", "scatter")]
        config = parts[0].config
        for part in parts:
            part.config = alt.Undefined  # one for the whole
        return alt.vconcat(*parts, config=config).resolve_scale(color="independent")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole dashboard as one ``.html`` file, or its charts as ``.png``, ``.svg`` or ``.json``."""
        place = Path(path)
        if place.suffix.lower() != ".html":
            return super().save(place)
        body = self._body(self.image())
        place.write_text(page(self.words, styles("style.css"), body).html, encoding="utf-8")
        return place

    def _body(self, picture: Markup) -> Markup:
        parts = [self.table.kept(), self.comparison.kept(), picture]
        return join([tag("div", {"class": "mt-dim"}, self.words), *parts])

    def image(self) -> Markup:
        """Give the pictures of the curves and of the scatter."""
        return join(self._chart_panel(name).image() for name in ("curves", "scatter"))

    def _is_unfinished(self) -> bool:
        return True

    def _picture_spec(self) -> Mapping[str, Any] | None:
        return None

    # The widget

    def _make_view(self) -> DOMWidget:
        from ipywidgets import Box, VBox  # with anywidget 35 ms, and only what is displayed needs it

        from mltrack_widgets.front.html_view import HtmlView  # as above
        from mltrack_widgets.front.tabs_view import TabsView  # as above

        words = HtmlView()
        tabs = TabsView(tabs=TABS, chosen=TABS[0][0], label="What to draw")
        tabs.observe(self._tab_chosen, "chosen")
        top = _box(Box, "mt-dashboard-top", [self.table.view, self.comparison.view])
        curves, below = _box(VBox, "mt-dashboard-part"), _box(VBox, "mt-dashboard-part")
        self._parts = {"words": words, "tabs": tabs, "curves": curves, "below": below}
        self._say()
        return _box(VBox, "mt-dashboard", [words, top, curves, tabs, below])

    def _ipython_display_(self) -> None:
        super()._ipython_display_()
        if self._parts:
            self._parts["curves"].children = [self.curves.view]
            self._show_tab(self._parts["tabs"].chosen)

    def _tab_chosen(self, change: Any) -> None:
        name = change["new"]
        try:
            if name in self._charts:
                self._charts[name].refresh()
            self._show_tab(name)
        except MltrackError as error:
            self._show_words(str(error))

    def _show_tab(self, name: str) -> None:
        if name in dict(TABS) and self._parts:
            self._parts["below"].children = [self._chart_panel(name).view]

    def _let_go(self) -> None:
        super()._let_go()
        self._parts = {}
        for panel in (self.table, self.comparison, *self._charts.values()):
            panel._let_go()

    def show_fault(self, error: Exception) -> None:
        """Say above the table why it is not kept up to date any more."""
        self._show_words(f"Not kept up to date any more: {error}")

    def _say(self) -> None:
        if self._parts:
            self._show_words(self.words)

    def _show_words(self, words: str) -> None:
        if self._parts:
            self._parts["words"].html = tag("div", {"class": "mltrack mt-dim"}, words).html


def _box(kind: type[Box], css: str, children: list[Any] | None = None) -> Box:
    box = kind(children or [])
    box.add_class(css)
    return box
