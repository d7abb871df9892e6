"""The comparison: runs side by side, their curves, and what changed in the notebook between two of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.entities import Run
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.store.summaries import CurveQuery
from mltrack_widgets.bundle import styles
from mltrack_widgets.charts.curve_look import CurveLook
from mltrack_widgets.charts.curves import draw_curves
from mltrack_widgets.charts.look import shown_runs
from mltrack_widgets.comparison import MOST_RUNS, compare_runs
from mltrack_widgets.comparison_text import comparison_text
from mltrack_widgets.comparison_view import comparison_view
from mltrack_widgets.format import count, one_line
from mltrack_widgets.html import NOTHING, join, page, tag
from mltrack_widgets.notebook_diff import diff_runs
from mltrack_widgets.notebook_diff_view import notebook_diff_view
from mltrack_widgets.panels.colours import run_colours
from mltrack_widgets.panels.curve_data import chosen_metrics, metric_names
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.run_set import run_set, these_runs
from mltrack_widgets.panels.selection import Selection
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from ipywidgets import DOMWidget, VBox

    from mltrack_widgets.charts.look import Drawn
    from mltrack_widgets.comparison import Comparison
    from mltrack_widgets.front.html_view import HtmlView
    from mltrack_widgets.html import Markup
    from mltrack_widgets.notebook_diff import NotebookDiff
    from mltrack_widgets.panels.curves import CurvesPanel
    from mltrack_widgets.panels.run_set import RunSet

LARGEST_KEPT_DIFF = 200_000
"""Characters of a notebook diff's HTML that are kept in the saved notebook; a larger one is said in words."""
_NOTEBOOK = "Notebook"
_CHOOSE = "Choose two runs or more to compare them."


def compare(
    *runs: str | Run | Iterable[str | Run], baseline: str | Run | None = None, selection: Selection | None = None
) -> ComparePanel:
    """Put runs side by side: what differs in params, metrics, data, environment, artifacts and the notebook.

    Parameters
    ----------
    runs
        Two to ten: ids, their first digits, names, "last", Runs, or a list of those. None, when there is a selection:
        what is chosen in it.
    baseline
        The run that the others are compared with; default: the first.
    selection
        Shared with other panels: the comparison follows what is chosen in them.

    Raises
    ------
    NotFoundError
        When there is no such run.
    InvalidParameterError
        When one run only is named.
    """
    wanted = list(_named(runs))
    chosen = selection or Selection()
    if not wanted and selection is not None:
        return ComparePanel(run_set(everywhere=True), selection=chosen)
    found = these_runs(wanted)
    first = None if baseline is None else these_runs([baseline])[0]
    if len({run.info.run_id for run in [*found, *([first] if first else [])]}) < 2:
        raise InvalidParameterError(
            f"A comparison needs two runs; got only {one_line(found[0].info.run_name, NAME_WIDTH)!r}."
            " `mltrack runs` lists them."
        )
    chosen.choose([run.info.run_id for run in found])
    if first is not None:
        chosen.compare_with(first.info.run_id)
    return ComparePanel(run_set(everywhere=True), selection=chosen)


def _named(runs: Iterable[str | Run | Iterable[str | Run]]) -> Iterator[str | Run]:
    for given in runs:
        if isinstance(given, str | Run):
            yield given
        else:
            yield from given


class Parts(NamedTuple):
    """The widgets of a comparison."""

    box: VBox
    tables: HtmlView
    notebook: HtmlView


class ComparePanel(Panel):
    """Runs side by side; those that are chosen, the baseline first.

    The baseline is the selection's, or the first run that was chosen. More than ten are not compared. Without
    ``curves`` something beside the panel draws them.
    """

    live = True

    def __init__(self, runs: RunSet, *, selection: Selection | None = None, curves: bool = True) -> None:
        super().__init__(runs, selection=selection)
        self._draws_curves = curves
        self._shown: tuple[Run, ...] = ()
        self._comparison: Comparison | None = None
        self._notes: list[str] = []
        self._other = ""
        self._diffs: dict[tuple[str, str], NotebookDiff] = {}
        self._keeps_notebook = False
        self._drawn = Selection()  # those of the chosen runs that are compared, whose curves are drawn
        self._curves: CurvesPanel | None = None
        self._parts: Parts | None = None
        self._is_open = False
        self._read()

    @property
    def comparison(self) -> Comparison:
        """What differs, as data.

        Raises
        ------
        InvalidParameterError
            When fewer than two runs are chosen.

        """
        if self._comparison is None:
            raise InvalidParameterError(_CHOOSE)
        return self._comparison

    @property
    def baseline_name(self) -> str:
        """The name of the run that the others are compared with; empty when none is chosen."""
        return one_line(self._shown[0].info.run_name, NAME_WIDTH) if self._shown else ""

    @property
    def notebook_diff(self) -> NotebookDiff:
        """What changed in the notebook from the baseline to the run that is chosen beside it, at first the second.

        Raises
        ------
        NotFoundError
            When one of the two has no notebook.
        InvalidParameterError
            When fewer than two runs are chosen.

        """
        with self._lock:
            pair = self.comparison.runs[0].info.run_id, self._other
            if pair not in self._diffs:
                self._diffs[pair] = diff_runs(self._runs.store, *pair)
            return self._diffs[pair]

    def to_dataframe(self) -> pd.DataFrame:
        """Give a row for each name (``params.C``, ``metrics.loss``…) and a column for each run."""
        return self.comparison.to_dataframe()

    @property
    def chart(self) -> Any:
        """The curves of the compared runs as an Altair chart; where there are none, a bar for each metric and run."""
        drawn = self._drawing(self._metrics()[0], CurveLook(legend=True))
        if drawn.is_empty:
            raise InvalidParameterError("There is nothing to draw: none of these runs has metrics.")
        return drawn.chart

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole comparison as one ``.html`` file, or its chart as ``.png``, ``.svg`` or ``.json``."""
        place = Path(path)
        if place.suffix.lower() != ".html":
            return super().save(place)
        with self._lock:
            body = join([self._tables(height="none"), self.image(), self._notebook(most=None)])
        place.write_text(
            page(self.text.partition("\n")[0], styles("style.css"), styles("compare.css"), body).html, encoding="utf-8"
        )
        return place

    @property
    def text(self) -> str:
        """What differs, as a terminal shows it."""
        with self._lock:
            heading = self._heading()
            return heading if self._comparison is None else comparison_text(self._comparison, [heading, *self._notes])

    # What is read

    def refresh(self) -> None:
        """Read the runs again and show what has changed."""
        if self._closed:
            return
        with self._lock:
            ended = {run.info.run_id for run in self._shown if run.info.end_time is not None}
            self._diffs = {pair: diff for pair, diff in self._diffs.items() if ended.issuperset(pair)}
            self._read()
            self._push()
            if self._curves is not None:
                self._curves.refresh()

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        super().close()
        if self._curves is not None:
            self._curves.close()

    def _selection_changed(self) -> None:
        with self._lock:
            self._read()
            self._push()

    def _read(self) -> None:
        wanted = list(self._chosen.ids)
        first = self._chosen.baseline or next(iter(wanted), None)
        ids = list(dict.fromkeys([*([first] if first else []), *wanted]))
        found = [run for run in map(self._find, ids[:MOST_RUNS]) if run is not None]
        self._notes = _notes(len(ids), len(found))
        self._shown = tuple(found)
        self._comparison = compare_runs(self._runs.store, found) if len(found) > 1 else None
        if self._other not in [run.info.run_id for run in found[1:]]:
            self._other = found[1].info.run_id if len(found) > 1 else ""

    def _find(self, run_id: str) -> Run | None:
        try:
            return self._runs.store.get_run(run_id)
        except NotFoundError:
            return None

    # What is shown

    def _heading(self) -> str:
        runs = self._shown
        if len(runs) < 2:
            chosen = f" {one_line(runs[0].info.run_name, NAME_WIDTH)} is chosen." if runs else ""
            return _CHOOSE + chosen
        return f"{count(len(runs), 'run')}, compared with {one_line(runs[0].info.run_name, NAME_WIDTH)}"

    def _tables(self, *, height: str = "600px") -> Markup:
        if self._comparison is None:
            return join([tag("div", None, self._heading()), tag("pre", None, 'mltrack.compare("last", "…")')])
        lines = run_colours.lines(run.info.run_id for run in self._shown)
        return comparison_view(self._comparison, lines, notes=self._notes, height=height)

    def _body(self, picture: Markup) -> Markup:
        notebook = self._notebook(most=LARGEST_KEPT_DIFF) if self._keeps_notebook else NOTHING
        return join([styles("compare.css"), self._tables(), picture, notebook])

    def _data(self, *, live: bool, picture: bool) -> dict[str, Any]:
        with self._lock:
            # the notebooks are compared after the cell, with the picture: it may take a second
            self._keeps_notebook = picture
            return super()._data(live=live, picture=picture)

    def _is_unfinished(self) -> bool:
        return self._comparison is not None

    def _notebook(self, *, most: int | None) -> Markup:
        """Draw the notebook diff folded, or say in words why it is not there."""
        if self._comparison is None:
            return NOTHING
        try:
            words, drawn = self.notebook_diff.words, self._diff_view()
        except MltrackError as error:
            return tag("div", {"class": "mt-dim"}, str(error))
        if most is not None and len(drawn.html) > most:
            words = f"{words}; too large to be kept here, `mltrack.compare(…)` shows it"
            return tag("div", {"class": "mt-dim"}, f"{_NOTEBOOK}: {words}")
        summary = tag("summary", {"style": "cursor:pointer"}, f"{_NOTEBOOK}: {words}")
        return tag("details", {"class": "mt-same mt-of-notebook"}, summary, drawn)

    def _diff_view(self) -> Markup:
        names = {run.info.run_id: run.info.run_name for run in self._shown}
        return notebook_diff_view(self.notebook_diff, (self._shown[0].info.run_name, names[self._other]))

    # Curves

    def _metrics(self) -> tuple[list[str], bool]:
        """Give the metrics that are drawn, and whether any of them is a curve."""
        keys, curves = metric_names(self._runs.store, self._shown)
        return chosen_metrics(keys, curves, asked=()), curves > 0

    def _drawing(self, keys: Sequence[str], look: CurveLook) -> Drawn:
        ids = [run.info.run_id for run in self._shown]
        runs = shown_runs({run.info.run_id: run.info.run_name for run in self._shown}, run_colours.lines(ids))
        curves = self._runs.store.metric_curves(CurveQuery(tuple(ids), tuple(keys))) if keys else ()
        return draw_curves(curves, runs, look=look)

    def _picture_spec(self) -> Mapping[str, Any] | None:
        if self._comparison is None or not self._draws_curves:
            return None
        metrics, are_curves = self._metrics()
        drawn = self._drawing(metrics if are_curves else (), CurveLook().for_picture())
        return None if drawn.is_empty else drawn.with_data()

    def _curves_view(self) -> list[DOMWidget]:
        """Give the curves of the runs that are shown, if they have any."""
        if not (self._draws_curves and self._comparison and self._metrics()[1]):
            return []
        ids = [run.info.run_id for run in self._shown]
        self._drawn.choose(ids)
        if self._curves is None:
            from mltrack_widgets.panels.curves import CurvesPanel  # its controls load ipywidgets, as in _make_view

            self._curves = CurvesPanel(self._runs, selection=self._drawn, legend=False)
        return [self._curves.view]

    # The widget

    def _make_view(self) -> DOMWidget:
        from ipywidgets import VBox  # with anywidget 35 ms, and only what is displayed needs it

        from mltrack_widgets.front.html_view import HtmlView  # as above

        tables, notebook = HtmlView(), HtmlView(title=_NOTEBOOK, label="compared with")
        notebook.on_msg(self._told)
        notebook.observe(self._other_chosen, "chosen")
        self._parts = Parts(VBox(), tables, notebook)
        self._push()
        return self._parts.box

    def _let_go(self) -> None:
        super()._let_go()
        self._parts, self._is_open = None, False
        if self._curves is not None:
            self._curves._let_go()

    def show_fault(self, error: Exception) -> None:
        """Say above the tables why they are not kept up to date any more."""
        if self._parts is not None:
            words = tag("div", {"class": "mt-dim"}, f"Not kept up to date any more: {error}")
            self._parts.tables.html = join([words, self._tables()]).html

    def _push(self) -> None:
        """Tell the widget what is shown."""
        if self._parts is None:
            return
        box, tables, notebook = self._parts
        tables.html = self._tables().html
        others = [(run.info.run_id, one_line(run.info.run_name, NAME_WIDTH)) for run in self._shown[1:]]
        with notebook.hold_sync():
            notebook.choices, notebook.chosen = others, self._other
            if self._is_open and self._comparison:
                notebook.title, notebook.html = self._opened_notebook()
        shown = [tables, *self._curves_view(), *([notebook] if self._comparison else [])]
        if list(box.children) != shown:
            box.children = shown

    def _opened_notebook(self) -> tuple[str, str]:
        try:
            return f"{_NOTEBOOK}: {self.notebook_diff.words}", self._diff_view().html
        except MltrackError as error:
            return _NOTEBOOK, tag("div", {"class": "mt-dim"}, str(error)).html

    def _told(self, view: object, message: Any, buffers: object) -> None:
        """Compare the notebooks when the page says that somebody wants to see it."""
        del view, buffers
        if isinstance(message, dict) and message.get("kind") == "open" and not self._closed:
            with self._lock:
                self._is_open = True
                self._push()

    def _other_chosen(self, change: Any) -> None:
        with self._lock:
            chosen = change["new"]
            if chosen != self._other and chosen in [run.info.run_id for run in self._shown[1:]]:
                self._other = chosen
                self._push()


def _notes(wanted: int, found: int) -> list[str]:
    looked_at = min(wanted, MOST_RUNS)
    notes = [f"The first {MOST_RUNS} of {wanted} chosen runs are compared."] if wanted > MOST_RUNS else []
    if found < looked_at:
        notes.append(
            f"{count(looked_at - found, 'chosen run')} {'is' if looked_at - found == 1 else 'are'} gone for good."
        )
    return notes
