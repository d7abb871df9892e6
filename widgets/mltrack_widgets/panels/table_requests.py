"""What a user does in the run table's page: messages that come at any time, on any thread, or never."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import is_run_id
from mltrack_widgets.format import one_line
from mltrack_widgets.panels.table_fields import KINDS, PARAM, TAG, all_fields, field_of
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack_widgets.panels.run_table_panel import RunTablePanel
    from mltrack_widgets.panels.table_fields import Field

_MOST_PAGES = 16
_PROBLEM_WIDTH = 300
_NOUNS = dict(zip(KINDS, ("run", "params", "metrics", "tags"), strict=True))


class TableRequests:
    """Carries out what the page asks for.

    Each message has a ``kind``, the ``page`` it comes from (a text of its own for each load of the browser's page) and
    a ``serial`` that counts up there. The state says which serial was answered last, so that a page that waits for a
    later one does not show what is older.
    """

    def __init__(self, panel: RunTablePanel) -> None:
        self._panel = panel
        self._lock = threading.Lock()
        self._answered: dict[str, int] = {}
        self._refused: tuple[str, str, str] | None = None
        self._problem = ""
        self._kinds: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "filter": self._filter,
            "sort": self._sort,
            "page": self._page,
            "group": self._group,
            "fold": self._fold,
            "open": self._open,
            "select": self._select,
            "baseline": self._baseline,
            "column": self._column,
            "fields": self._fields,
        }

    @property
    def state(self) -> dict[str, Any]:
        """What the page is told of its requests; a filter that was refused stays in its box, with the reason."""
        with self._lock:
            told: dict[str, Any] = {"answered": dict(self._answered)}
            if self._problem:
                told["problem"] = self._problem
            if self._refused is not None and self._refused[2] == self._panel.filter:
                told |= {"typed": self._refused[0], "refusal": self._refused[1]}
            return told

    def handle(self, _widget: object, content: Any, _buffers: object) -> None:
        """Do what one message asks for; what fails is said in the table."""
        if not isinstance(content, dict):
            return
        problem, refused = "", self._refused
        try:
            with self._panel.quiet():
                self._kinds[content["kind"]](content)
            refused = None if content["kind"] == "filter" else refused
        except InvalidParameterError as error:
            if content["kind"] == "filter":
                refused = str(content.get("text", "")), str(error), self._panel.filter
            else:
                problem = str(error)
        except Exception as error:  # whatever it is, the user who clicked is told, in one line
            problem = f"{type(error).__name__}: {error}"
        with self._lock:
            self._problem, self._refused = one_line(problem, _PROBLEM_WIDTH), refused
            self._note(content)
        self._panel.push()

    def _note(self, content: Mapping[str, Any]) -> None:
        """Remember what was answered; called under the lock."""
        page, serial = str(content.get("page", "")), content.get("serial")
        if isinstance(serial, int):
            self._answered[page] = max(serial, self._answered.pop(page, 0))
        while len(self._answered) > _MOST_PAGES:  # of pages that were left
            del self._answered[next(iter(self._answered))]

    def _filter(self, content: Mapping[str, Any]) -> None:
        self._panel.filter = str(content["text"])

    def _sort(self, content: Mapping[str, Any]) -> None:
        order = content["order"]
        self._panel.sort(None if order == "none" else str(content["column"]), descending=order == "descending")

    def _page(self, content: Mapping[str, Any]) -> None:
        if content["to"] == "first":
            self._panel.change(lambda query: replace(query, tokens=()))
        else:
            self._panel.turn(forward=content["to"] == "next")

    def _group(self, content: Mapping[str, Any]) -> None:
        self._panel.group_by = str(content["column"]) or None

    def _fold(self, content: Mapping[str, Any]) -> None:
        self._panel.fold(on=bool(content["on"]))

    def _open(self, content: Mapping[str, Any]) -> None:
        key = {str(content["row"])}
        self._panel.change(
            lambda query: replace(query, opened=query.opened | key if content["on"] else query.opened - key)
        )

    def _select(self, content: Mapping[str, Any]) -> None:
        """Choose runs: ``drop`` and ``add`` are ids; with ``only``, none but those added stay."""
        dropped = set(map(str, content.get("drop", ())))
        kept = [] if content.get("only") else [each for each in self._panel.selection if each not in dropped]
        self._panel.choose([*kept, *filter(is_run_id, map(str, content.get("add", ())))])

    def _baseline(self, content: Mapping[str, Any]) -> None:
        self._panel.baseline = str(content["run"]) if content["run"] else None

    def _column(self, content: Mapping[str, Any]) -> None:
        """Show a column or hide it; without a name show the usual ones again."""
        key = content.get("column")
        if not key:
            self._panel.columns = None
            return
        wanted, shown = field_of(str(key)), list(self._panel.fields)
        if content["on"]:
            place = max((index + 1 for index, each in enumerate(shown) if _rank(each) <= _rank(wanted)), default=0)
            shown.insert(place, wanted)
        else:
            shown = [each for each in shown if each != wanted]
        self._panel.columns = [each.key for each in shown]

    def _fields(self, content: Mapping[str, Any]) -> None:
        """Tell what may be a column or a group."""
        del content
        self._panel.offer([_named(each) for each in all_fields(self._panel.keys())])


def _rank(field: Field) -> int:
    return KINDS.index(field.kind)


def _named(field: Field) -> dict[str, Any]:
    return {
        "key": field.key,
        "title": one_line(field.name, NAME_WIDTH),
        "kind": _NOUNS[field.kind],
        "group": field.kind in (PARAM, TAG),
    }
