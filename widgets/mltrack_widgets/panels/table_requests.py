"""What a user does in the run table's page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.keys import is_run_id
from mltrack_widgets.format import one_line
from mltrack_widgets.panels.page_requests import PageRequests
from mltrack_widgets.panels.table_fields import KINDS, PARAM, TAG, all_fields, field_of
from mltrack_widgets.run_card import NAME_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack_widgets.panels.run_table_panel import RunTablePanel
    from mltrack_widgets.panels.table_fields import Field

_NOUNS = dict(zip(KINDS, ("run", "params", "metrics", "tags"), strict=True))


class TableRequests(PageRequests):
    """Carries out what the run table's page asks for."""

    def __init__(self, panel: RunTablePanel) -> None:
        self._panel = panel
        kinds = {
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
        super().__init__(panel, kinds)

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
