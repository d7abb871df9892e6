"""What panels with a chart have in common: controls above it, its picture, and what the page says of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError
from mltrack_widgets.charts.look import nothing
from mltrack_widgets.format import aligned, one_line
from mltrack_widgets.front.columns import packed, texts
from mltrack_widgets.front.controls import is_allowed
from mltrack_widgets.html import join, tag
from mltrack_widgets.panels.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.charts.look import Columns, Drawn
    from mltrack_widgets.front.chart_view import ChartView
    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.run_set import RunSet
    from mltrack_widgets.panels.selection import Selection


MOST_UNFOLDED = 12
"""As many rows of the table that stays are seen at once."""
_PROBLEM_WIDTH = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """What a panel shows now: a chart, a line of words, controls, and what the page needs to follow lines in it.

    ``legend``, ``lines`` and ``span`` are as ``ChartView`` takes them. ``rows`` are what the table that stays has: its
    head, then a row for each of what is drawn, all texts.
    """

    drawn: Drawn
    words: str
    controls: Sequence[dict[str, Any]] = ()
    legend: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Sequence[str]] = ()


class ChartPanel(Panel):
    """A panel that is one chart with controls above it.

    A subclass reads the store in ``_read`` and keeps what it read; ``_arrange`` says what is shown of it.
    """

    live = True

    def __init__(self, runs: RunSet, *, selection: Selection | None = None) -> None:
        super().__init__(runs, selection=selection)
        self._settings: dict[str, Any] = {}
        self._span: dict[str, Any] = {}
        self._serials: dict[str, int] = {}
        self._shown = Shown(nothing(""), "")
        self._packed: dict[str, tuple[Columns, dict[str, Any]]] = {}

    # What each panel says for itself

    def _read(self) -> None:
        """Read from the store what is shown; called with the lock held."""
        raise NotImplementedError

    def _arrange(self) -> Shown:
        """Say what is shown of what was read; called with the lock held."""
        raise NotImplementedError

    def _set(self, name: str, value: Any) -> None:
        """Take over what a control was set to, which is one of those that it offers; called with the lock held."""
        self._settings[name] = value

    def _brush(self, name: str, ranges: Mapping[str, Any]) -> None:
        """Choose what a person has dragged over; called without the lock, since others are told of it."""

    def _zoom(self, span: tuple[float, float] | None) -> None:
        """Show a part of x, or all of it; called with the lock held."""

    # What they share

    def refresh(self) -> None:
        """Read the store again and show what has changed."""
        with self._lock:
            self._read()
            self._show()

    def _show(self, **also: Any) -> None:
        """Work out what is shown, and send what of it has changed."""
        self._shown = self._arrange()
        view = self._view
        if view is not None:
            view.show(**self._state(), **also)

    def _selection_changed(self) -> None:
        with self._lock:
            self._show()

    def _make_view(self) -> ChartView:
        from mltrack_widgets.front.chart_view import ChartView  # loads ipywidgets, which only what is displayed needs

        view = ChartView(**self._state())
        view.on_msg(self._told)
        return view

    def _state(self) -> dict[str, Any]:
        shown = self._shown
        return {
            "spec": {} if shown.drawn.is_empty else shown.drawn.spec,
            "data": self._packed_data(shown.drawn.columns),
            "controls": list(shown.controls),
            "words": shown.words,
            "legend": dict(shown.legend),
            "lines": dict(shown.lines),
            "range": dict(self._span),
        }

    def _packed_data(self, sources: Mapping[str, Columns]) -> dict[str, Any]:
        """Pack columns for the page; those that were packed before are not packed again."""
        before, self._packed = self._packed, {}
        for name, columns in sources.items():
            old = before.get(name)
            self._packed[name] = old if old and old[0] is columns else (columns, packed_columns(columns))
        return {name: packed for name, (_, packed) in self._packed.items()}

    def _told(self, view: object, message: Any, buffers: object) -> None:
        """Do what the page says; it may say it late, twice or in another order, and whatever it likes."""
        del view, buffers
        serial = message.get("serial") if isinstance(message, dict) else None
        if not isinstance(serial, int) or self._closed:
            return
        about = f"{message.get('kind')} {message.get('name')}"
        with self._lock:
            last = self._serials.get(about, 0)
            is_late, self._serials[about] = serial < last, max(serial, last)
        try:
            if not is_late:
                self._do(message, serial)
        except MltrackError as error:
            self._say(str(error))
        except Exception as error:  # whatever it is, the user who dragged is told, in one line
            self._say(one_line(f"{type(error).__name__}: {error}", _PROBLEM_WIDTH))
        finally:
            if self._view is not None:
                self._view.answered = max(self._view.answered, serial)

    def _do(self, message: dict[str, Any], serial: int) -> None:
        kind, name = message.get("kind"), message.get("name")
        if kind == "brush" and isinstance(name, str) and isinstance(message.get("ranges"), dict):
            self._brush(name, message["ranges"])
        with self._lock:
            if kind == "control" and is_allowed(self._shown.controls, name, message.get("value")):
                self._set(str(name), message["value"])
                self._show()
            elif kind == "zoom":
                span = span_of(message.get("range"))
                self._span = {"serial": serial, "range": list(span) if span else None}
                self._zoom(span)
                self._show()

    def _say(self, words: str) -> None:
        if self._view is not None:
            self._view.words = words

    # What stays

    @property
    def chart(self) -> Any:
        """The Altair chart of what is shown, with its data, to be restyled."""
        return self._shown.drawn.chart

    def _picture_spec(self) -> Mapping[str, Any] | None:
        drawn = self._shown.drawn
        return None if drawn.is_empty else drawn.with_data()

    def _body(self, picture: Markup) -> Markup:
        shown = self._shown
        return join([tag("div", None, shown.words), picture, *_table(shown.rows)])

    @property
    def text(self) -> str:
        """The words, and the table as a terminal shows it."""
        return "\n".join([self._shown.words, *aligned(self._shown.rows)])


def span_of(range_: object) -> tuple[float, float] | None:
    """Read two numbers in their order, as the page gives them; None for anything else."""
    if not isinstance(range_, (list, tuple)) or len(range_) != 2:
        return None
    ends = [
        each for each in range_ if isinstance(each, (int, float)) and not isinstance(each, bool) and abs(each) < 1e300
    ]
    return (float(min(ends)), float(max(ends))) if len(ends) == 2 else None


def packed_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Pack the columns of one data source as ``ChartView`` takes them."""
    made: dict[str, Any] = {}
    for name, values in columns.items():
        if all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values):
            made[name] = packed(values)
        else:
            made[name] = texts(values) if all(isinstance(value, str) for value in values) else list(values)
    return made


def _table(rows: Sequence[Sequence[str]]) -> list[Markup]:
    """Give the table; a long one is folded up."""
    if not rows:
        return []
    sides = [_RIGHT if all(map(_is_number, column[1:])) else None for column in zip(*rows, strict=True)]
    cells = [[tag("td", side, each) for each, side in zip(row, sides, strict=True)] for row in rows[1:]]
    head = [tag("th", {"scope": "col", **(side or {})}, each) for each, side in zip(rows[0], sides, strict=True)]
    body = tag("tbody", None, *(tag("tr", None, *row) for row in cells))
    table = tag(
        "div", {"style": "overflow-x:auto"}, tag("table", None, tag("thead", None, tag("tr", None, *head)), body)
    )
    if len(cells) <= MOST_UNFOLDED:
        return [table]
    return [tag("details", None, tag("summary", {"style": "cursor:pointer"}, f"{len(cells)} rows of values"), table)]


_RIGHT = {"style": "text-align:right"}


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "") or 0)
    except ValueError:
        return False
    return True
