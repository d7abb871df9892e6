"""A model's server in a cell: how it is, what it answers, its log, and its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn, cast

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.plain_text import visible
from mltrack.settings import get_store
from mltrack_widgets.format import strip_ansi
from mltrack_widgets.panels.cell_events import cell_events
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.run_set import RunSet
from mltrack_widgets.panels.server_call import description
from mltrack_widgets.panels.server_card import facts_of, server_html, server_text
from mltrack_widgets.panels.server_form import Form
from mltrack_widgets.panels.server_snippets import curl, python
from mltrack_widgets.panels.server_trial import try_out
from mltrack_widgets.panels.server_watch import DOING, Reading, watch_of

if TYPE_CHECKING:
    import pandas as pd

    from mltrack.serving.handles import Server
    from mltrack_widgets.front.server_view import ServerView
    from mltrack_widgets.html import Markup

LOG_LINES = 60


class ServerPanel(Panel):
    """A server, in a cell: its state and numbers as they change, a form to try it, lines to call it, its log, buttons.

    What a button or the form asks for is done on a thread of its own. While a cell runs, most kernels hear of it only
    after that cell; the page says so then.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(RunSet(get_store(), {}))
        self._server = server
        self._watch = watch_of(server)
        self._form = Form()
        self._of: tuple[object, ...] | None = None  # what the form is of
        self._kept: tuple[object, ...] | None = None  # what the outputs say
        self._shows_log = False
        self.refresh()

    # What goes on

    def refresh(self) -> None:
        """Look at the server, and show what has changed."""
        self.show(self._watch.look())

    def show(self, reading: Reading) -> None:
        """Show what was found of the server."""
        with self._lock:
            is_new = self._read_form(reading)
            if self._view is None:
                return
            view = self._server_view
            view.news = self._news(reading)
            if is_new:
                view.form = self._form_of_page()
            if self._shows_log:
                view.log = self._log()
        if not cell_events.is_busy:
            self.keep()

    def keep(self) -> None:
        """Bring what is saved of the panel up to date, if it says something else of the server."""
        reading = self._watch.reading
        if self._watch.is_watching(self) and not reading.doing and self._state(reading) != self._kept:
            self.show_again()

    def _state(self, reading: Reading) -> tuple[object, ...]:
        return reading.stats["state"], reading.stats["serving"], self._server.url

    def _read_form(self, reading: Reading) -> bool:
        """Ask a server what it takes, once for each model; tell whether that may have changed."""
        wanted = (reading.stats["serving"], self._server.pid, self._server.url)
        if reading.stats["state"] != "ready" or wanted == self._of:
            return False
        try:
            self._form = Form.read(description(self._server))
        except MltrackError:  # it is asked for again at the next look
            return False
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # of a server of another version
            self._form = Form()
        self._of = wanted
        return True

    def _told(self, view: object, message: object, buffers: object) -> None:
        """Do what the page asks for; what it says may be anything."""
        del view, buffers
        if not isinstance(message, dict):
            return
        self._server_view.send({"kind": "heard", "id": message.get("id")})
        kind, name = message.get("kind"), message.get("name")
        if kind == "do" and isinstance(name, str) and name in DOING:
            self._watch.do(name)
        elif kind == "log":
            self._shows_log = message.get("open") is True
            if self._shows_log:
                self._server_view.log = self._log()
        elif kind == "try":
            threading.Thread(target=self._try, args=(message,), name="mltrack-server-try", daemon=True).start()

    def _try(self, message: dict[str, Any]) -> None:
        answer = try_out(self._server, self._form, message)
        self._server_view.send({"kind": "answer", "id": message.get("id"), **answer})
        self._watch.tell()

    # How it is shown

    def _ipython_display_(self) -> None:
        self.refresh()
        super()._ipython_display_()
        if self._root is not None and not self._closed:
            self._watch.add(self)

    def _publish(self, data: dict[str, Any], *, update: bool) -> None:
        self._kept = self._state(self._watch.reading)
        super()._publish(data, update=update)

    def _let_go(self) -> None:
        super()._let_go()
        self._shows_log = False
        self._watch.remove(self)

    def rest(self) -> None:
        """End what goes on behind the panel, until it is displayed again."""
        self._watch.remove(self)

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        super().close()
        self._watch.remove(self)

    @property
    def _server_view(self) -> ServerView:
        return cast("ServerView", self.view)

    def _make_view(self) -> ServerView:
        from mltrack_widgets.front.server_view import ServerView  # with anywidget 35 ms, when a panel is first shown

        view = ServerView(news=self._news(self._watch.reading), form=self._form_of_page())
        view.on_msg(self._told)
        return view

    def _news(self, reading: Reading) -> dict[str, Any]:
        said = facts_of(self._server, reading)
        is_over = said.state == "stopped"
        can = {"stop": not is_over, "restart": True, "reload": said.state == "ready", "try": said.state == "ready"}
        return {
            **said._asdict(),
            "served": said.served,
            "rates": reading.rates,
            "note": reading.note,
            "at": reading.at,
            "can": {} if reading.doing else can,
            "begin": "Start" if is_over else "Restart",
        }

    def _form_of_page(self) -> dict[str, Any]:
        body = self._form.sample
        snippets = [["curl", curl(self._server, body)], ["Python", python(self._server, body)]]
        return {**self._form.to_page(), "snippets": snippets}

    def _log(self) -> str:
        return visible(strip_ansi(self._server.logs(LOG_LINES)))

    def _body(self, picture: Markup) -> Markup:
        del picture
        return server_html(self._server, self._watch.reading, self._form.sample)

    @property
    def text(self) -> str:
        """What a terminal shows: the state, the model, the address, and a line that calls it."""
        return server_text(self._server, self._watch.reading, self._form.sample)

    @property
    def chart(self) -> NoReturn:
        """There is none: a server's figures are in ``server.stats()``."""
        raise InvalidParameterError("The panel of a server has no chart; its figures are in server.stats().")

    def to_dataframe(self) -> pd.DataFrame:
        """Give the figures of the server as a DataFrame of one row."""
        import pandas as pd  # 0.3 s, for those who want a frame

        return pd.DataFrame([dict(self._watch.look().stats)])
