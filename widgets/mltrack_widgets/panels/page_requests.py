"""Messages from a panel's page: they come at any time, on any thread, or never, and each is answered."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack_widgets.format import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

PROBLEM_WIDTH = 300
_MOST_PAGES = 16


class Asked(Protocol):
    """A panel that is asked for something by its page."""

    @property
    def filter(self) -> str:
        """The search that the shown rows match."""

    def quiet(self) -> AbstractContextManager[None]:
        """Send nothing meanwhile."""

    def push(self) -> None:
        """Send the present state."""


class PageRequests:
    """Carries out what the page asks for.

    Each message has a ``kind``, the ``page`` it comes from (a text of its own for each load of the browser's page) and
    a ``serial`` that counts up there. The state says which serial was answered last, so that a page that waits for a
    later one does not show what is older.
    """

    def __init__(self, panel: Asked, kinds: Mapping[str, Callable[[Mapping[str, Any]], None]]) -> None:
        self._asked = panel
        self._kinds = kinds
        self._lock = threading.Lock()
        self._answered: dict[str, int] = {}
        self._refused: tuple[str, str, str] | None = None
        self._problem = ""

    @property
    def state(self) -> dict[str, Any]:
        """What the page is told of its requests; a filter that was refused stays in its box, with the reason."""
        with self._lock:
            told: dict[str, Any] = {"answered": dict(self._answered)}
            if self._problem:
                told["problem"] = self._problem
            if self._refused is not None and self._refused[2] == self._asked.filter:
                told |= {"typed": self._refused[0], "refusal": self._refused[1]}
            return told

    def handle(self, _widget: object, content: Any, _buffers: object) -> None:
        """Do what one message asks for; what fails is said in the panel."""
        if not isinstance(content, dict):
            return
        problem, refused = "", self._refused
        try:
            with self._asked.quiet():
                self._kinds[content["kind"]](content)
            refused = None if content["kind"] == "filter" else refused
        except InvalidParameterError as error:
            if content["kind"] == "filter":
                refused = str(content.get("text", "")), str(error), self._asked.filter
            else:
                problem = str(error)
        except MltrackError as error:
            problem = str(error)
        except Exception as error:  # whatever it is, the user who clicked is told, in one line
            problem = f"{type(error).__name__}: {error}"
        with self._lock:
            self._problem, self._refused = one_line(problem, PROBLEM_WIDTH), refused
            self._note(content)
        self._asked.push()

    def _note(self, content: Mapping[str, Any]) -> None:
        """Remember what was answered; called under the lock."""
        page, serial = str(content.get("page", "")), content.get("serial")
        if isinstance(serial, int):
            self._answered[page] = max(serial, self._answered.pop(page, 0))
        while len(self._answered) > _MOST_PAGES:  # of pages that were left
            del self._answered[next(iter(self._answered))]
