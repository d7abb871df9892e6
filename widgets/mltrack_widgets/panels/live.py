"""A run's curves under the cell that trains, growing while it does: ``mltrack.live()`` and ``%%track_run --live``."""

from __future__ import annotations

import atexit
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from mltrack.entities import Run
from mltrack.exceptions import InvalidParameterError
from mltrack.frames import to_frame
from mltrack.lookup import find_run
from mltrack.settings import get_store
from mltrack_widgets.format import count, one_line
from mltrack_widgets.html import NOTHING, short_text, tag
from mltrack_widgets.panels import host
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.colours import run_colours
from mltrack_widgets.panels.live_follow import RunFollower
from mltrack_widgets.panels.live_numbers import lines_of, table_of
from mltrack_widgets.panels.live_picture import picture, width_of
from mltrack_widgets.panels.live_progress import Progress, Steps, words
from mltrack_widgets.panels.pace import Pace
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.pictures import embedded
from mltrack_widgets.panels.run_set import RunSet, set_of
from mltrack_widgets.run_card import NAME_WIDTH, status_mark, status_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from mltrack_widgets.front.live_view import LiveView
    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.live_reader import LiveReader

Item = TypeVar("Item")

REDRAW_SECONDS = 0.25
WORDS_SECONDS = 1.0
"""So often at least the time in the panel goes on."""

WHOLE_SECONDS, BEGINNING_SECONDS = 10.0, 3.0
"""So often the page is sent everything; at the beginning always, since what comes before it listens is lost."""

THREAD_NAME = "mltrack-live"
STOP_SECONDS = 2.0
_NO_RUN = "Waiting for a run: begin one with mltrack.start_run(), or put %%track_run on the cell."
_NO_METRIC = 'Waiting for the first metric: mltrack.log_metric("loss", loss, step=step).'
_NOTHING_LOGGED = 'No metric was logged; mltrack.log_metric("loss", loss, step=step) does.'


class LivePanel(Panel):
    """A run as it is written: how it stands, its progress where the length is known, and its metrics as small charts.

    A thread of its own reads what is new and sends it to the page, at most four times a second and for at most half a
    percent of the time. When the run and the cell have ended, the outputs hold a picture and a table instead.
    """

    def __init__(self, follower: RunFollower, *, total: int | None = None) -> None:
        super().__init__(RunSet(get_store(), {}))
        self.progress = Progress(total=total)
        self.is_over = False
        self.message = host.message_id()
        self.cell = host.cell_key()
        self.pace = Pace(shortest=REDRAW_SECONDS)
        self._follower = follower
        self._fault = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.time()
        self._whole_at = self._said_at = 0.0
        self._turn = 0
        self._is_saved = False

    # What goes on

    def begin(self) -> None:
        """Show the panel under the cell that is being executed, and keep it up to date until the run's end."""
        cell_events.listen()
        _open.append(self)
        with self._lock:
            self._follower.read()
        if not host.has_kernel():
            return
        live = host.shows_widgets()
        self._publish(self._data(live=live, picture=False), update=False)
        if live:
            self._note_cell()
            self._thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
            self._thread.start()

    def refresh(self) -> None:
        """Read what is new and show it."""
        with self._lock:
            is_new = self._follower.read()
            self._is_saved = self._is_saved and not is_new
            if self._view is not None and (is_new or time.monotonic() - self._said_at >= WORDS_SECONDS):
                self._send()

    def cell_ended(self) -> None:
        """Put the state into the cell's output as it is at the cell's end; it is the final one when the run is over."""
        self.refresh()
        if self._follower.shown is None:
            return
        if self._follower.is_over:
            self.finish()
        elif not self._is_saved:
            self.show_again()

    def finish(self) -> None:
        """End what goes on, and leave the final picture."""
        self.close()
        with self._lock:
            self._follower.read()
            self.is_over = self._is_html = True
            if self._view is not None:
                self._send(whole=True)
        self.show_again()

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        super().close()
        self._stop.set()
        if self in _open:
            _open.remove(self)
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_SECONDS)

    def _root_view(self) -> LiveView:
        return self._live_view  # which finds its place by itself, while the kernel is too busy to be told anything

    def _data(self, *, live: bool, picture: bool) -> dict[str, Any]:
        # JupyterLab shows an error in the place of a widget that was saved and has no kernel any more. At the end the
        # output is HTML alone; in the page that drew the widget it takes the place of that HTML (see slot.js).
        return super()._data(live=live and not self._is_html, picture=picture or self.is_over)

    def show_again(self) -> None:
        """Put the present state, with its picture, into the outputs that show the panel."""
        self._is_saved = True
        if host.has_kernel():
            super().show_again()
        elif host.shell() is not None and self._follower.shown is not None:
            print(self.text)

    def show_fault(self, error: Exception) -> None:
        """Say in the panel why it does not go on."""
        self._fault = f"The curves are not drawn any more: {type(error).__name__}: {error}"
        with self._lock:
            if self._view is not None:
                self._send(whole=True)

    def _work(self) -> None:
        try:
            while not self._stop.wait(self.pace.pause):
                with self.pace:
                    self.refresh()
                # At the cell's end its own thread does it, whose picture is then a part of what the cell showed.
                if not (cell_events.is_busy or cell_events.is_ending) and self._follower.is_over:
                    self.finish()
        except Exception as error:
            self.show_fault(error)

    def _send(self, *, whole: bool = False) -> None:
        now = time.monotonic()
        if whole or now - self._whole_at >= WHOLE_SECONDS or time.time() - self._began < BEGINNING_SECONDS:
            self._whole_at = now
            news, points = self._news(whole=True)
            with self._live_view.hold_sync():
                self._live_view.news, self._live_view.points = news, points
        else:
            news, points = self._news(whole=False)
            self._live_view.send(news, [points])
        self._said_at = now

    @property
    def _live_view(self) -> LiveView:
        return cast("LiveView", self.view)

    # What it shows

    @property
    def run(self) -> Run | None:
        """The run that is shown, as it is in the store now; None while there is none."""
        shown = self._follower.shown
        return shown.store.get_run(shown.run_id) if shown is not None else None

    def to_dataframe(self) -> pd.DataFrame:
        """Give the run as a DataFrame with MLflow's columns."""
        return to_frame([self.run] if self.run is not None else [])

    @property
    def chart(self) -> Any:
        """The Altair chart of the run's curves, with its data, to be restyled."""
        from mltrack_widgets.panels.curves import CurvesPanel  # brings Altair, over a second: not while one trains

        if self.run is None or self._shown is None or not self._shown.series:
            raise InvalidParameterError("There is no curve to draw yet; log a metric first.")
        keys = [each.key for each in self._shown.series]
        return CurvesPanel(set_of([self.run], self._shown.store), metrics=keys, only=[self._shown.run_id]).chart

    @property
    def text(self) -> str:
        """What a terminal shows: a line on the run and one for each metric."""
        if self._shown is None or self._shown.news is None:
            return _NO_RUN
        news = self._shown.news
        head = f"● {status_word(news.status)}  {one_line(news.run_name, NAME_WIDTH)}   {self._words()}"
        return "\n".join(filter(None, [head, *lines_of(self._shown.series), self._more()]))

    @property
    def _shown(self) -> LiveReader | None:
        return self._follower.shown

    def _make_view(self) -> LiveView:
        from mltrack_widgets.front.live_view import LiveView  # with anywidget 35 ms, when a panel is first shown

        news, points = self._news(whole=True)
        return LiveView(slot=self._slot, news=news, points=points)

    def _news(self, *, whole: bool) -> tuple[dict[str, Any], bytes]:
        self._turn += 1
        shown = self._shown
        news = shown.news if shown is not None else None
        series = shown.series if shown is not None else []
        charts, points = [], []
        for each in series:
            if whole:
                each.forget_sent()
            kept, across, up = each.addition()
            charts.append({"key": each.key, "by_time": each.by_time, "keep": kept, "add": len(up)})
            points += [across.tobytes(), up.tobytes()]
        stand = self._stand()
        return {
            "turn": self._turn,
            "status": status_word(news.status) if news else "waiting",
            "tone": news.status.lower() if news else "",
            "name": one_line(news.run_name, 1_000) if news else "",
            "colour": run_colours.line(shown.run_id).colour if shown else "",
            "words": self._words(),
            "fraction": stand.fraction if stand else None,
            "more": self._more(),
            "charts": charts,
        }, b"".join(points)

    def _stand(self) -> Any:
        news = self._shown.news if self._shown is not None else None
        return self.progress.stand(self._shown.series, news.params) if self._shown and news else None

    def _words(self) -> str:
        news = self._shown.news if self._shown is not None else None
        if news is None:
            return ""
        until = news.end_time / 1000 if news.end_time is not None else time.time()
        return words(self._stand(), until - news.start_time / 1000, is_over=news.end_time is not None)

    def _more(self) -> str:
        if self._fault:
            return self._fault
        if self._shown is None:
            return _NO_RUN
        if not self._shown.series:
            moment = time.time() - self._began > 1
            return _NOTHING_LOGGED if not self._shown.is_open else _NO_METRIC if moment else ""
        others = self._shown.others
        return f"and {count(others, 'more metric')}; live(metrics=[…]) chooses" if others > 0 else ""

    def image(self) -> Markup:
        """Give the picture that stays; nothing when there is no metric yet."""
        if self._shown is None or not self._shown.series:
            return NOTHING
        drawn = picture(self._shown.series, run_colours.line(self._shown.run_id).colour)
        width = {"style": f"max-width:{width_of(self._shown.series)}px"}
        return tag("div", width, embedded(drawn, words=self.text.partition("\n")[0]))

    def _body(self, image: Markup) -> Markup:
        if self._shown is None or self._shown.news is None:
            return tag("div", {"class": "mt-dim"}, _NO_RUN)
        news = self._shown.news
        name = short_text(news.run_name, NAME_WIDTH, css="mt-name")
        said = tag("span", {"class": "mt-dim"}, self._words())
        head = tag("div", {"style": "display:flex;flex-wrap:wrap;gap:0 12px"}, status_mark(news.status), name, said)
        more = tag("div", {"class": "mt-dim"}, self._more())
        return tag("div", None, head, image, table_of(self._shown.series), more)


_open: list[LivePanel] = []


# A text is a run's name, no letters to go through: mypy sees an overlap there. Each public name has its line: D418.
@overload
def live(  # type: ignore[overload-overlap]  # noqa: D418
    what: Run | str | None = None, *, metrics: Sequence[str] = (), total: int | None = None
) -> LivePanel:
    """Draw the metrics of a run."""


@overload
def live(  # noqa: D418
    what: Iterable[Item], *, metrics: Sequence[str] = (), total: int | None = None
) -> Steps[Item]:
    """Draw the metrics of the active run, and how far a loop is."""


def live(
    what: Run | str | Iterable[Item] | None = None, *, metrics: Sequence[str] = (), total: int | None = None
) -> LivePanel | Steps[Item]:
    """Draw the metrics of the active run under this cell while it trains.

    Parameters
    ----------
    what
        A run, its id or its name; default: the active run, whichever it is. Or what a loop goes through
        (``for batch in mltrack.live(batches)``): it is given back, and the panel shows how far the loop is.
    metrics
        The metrics to draw; default: the first six that appear, without those of the machine.
    total
        How many steps the training has, for the progress bar; default: the length of what is gone through, else what a
        param such as ``epochs`` or ``n_estimators`` says.

    Raises
    ------
    NotFoundError
        When there is no such run.
    InvalidParameterError
        When the total is not a positive whole number.

    """
    if total is not None and (not isinstance(total, int) or total < 1):
        raise InvalidParameterError(f"live(total=…) is a positive whole number of steps; got {total!r}.")
    if what is None or isinstance(what, (str, Run)):
        return _panel(what, metrics, total=total)
    steps = Steps(what, total=total)
    if host.shell() is not None:
        panel = _panel(None, metrics)
        steps.begin, steps.end = panel.progress.begin, panel.progress.end  # type: ignore[assignment]
    return steps


def _panel(run: str | Run | None, metrics: Sequence[str], *, total: int | None = None) -> LivePanel:
    """Give the cell's panel, making it when there is none."""
    metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    message = host.message_id()
    for panel in _open:
        if run is None and not metrics and message and panel.message == message:
            panel.progress.total = total or panel.progress.total
            return panel
    named = None if run is None else (get_store(), run if isinstance(run, Run) else find_run(run))
    for waiting in [each for each in _open if each._shown is None]:  # what they wait for is the new one's
        waiting.close()
    panel = LivePanel(RunFollower(named=named, metrics=metrics), total=total)
    panel.begin()
    return panel


def _cell_began(key: str) -> None:
    """A cell that is executed again shows new panels in the place of the old; one may be there already."""
    message = host.message_id()
    for panel in [each for each in _open if key and each.cell == key and each.message != message]:
        panel.close()


def _cell_ended() -> None:
    for panel in _open.copy():  # those that are over leave it
        panel.cell_ended()


def _stop_all() -> None:
    for panel in _open.copy():
        panel.close()


cell_events.at_begin(_cell_began)
cell_events.at_end(_cell_ended)
atexit.register(_stop_all)  # a thread inside SQLite when the interpreter is taken apart could crash it
