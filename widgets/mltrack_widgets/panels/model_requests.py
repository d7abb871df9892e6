"""What a user does in the models' page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.panels.model_actions import describe, promote, remove_alias, set_alias
from mltrack_widgets.panels.model_pages import sorted_by
from mltrack_widgets.panels.page_requests import PageRequests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack_widgets.panels.model_versions import ModelsPanel

MOST_TYPED = 10_000


class ModelRequests(PageRequests):
    """Carries out what the models' page asks for; what it says of versions names them, whatever was chosen since."""

    def __init__(self, panel: ModelsPanel) -> None:
        self._panel = panel
        kinds = {
            "find": self._find,
            "show": self._show,
            "filter": self._filter,
            "sort": self._sort,
            "page": self._page,
            "select": self._select,
            "compare": self._compare,
            "promote": self._promote,
            "alias": self._alias,
            "unalias": self._unalias,
            "describe": self._describe,
            "check": self._check,
        }
        super().__init__(panel, kinds)

    # What is looked at

    def _find(self, content: Mapping[str, Any]) -> None:
        self._panel.list_models(lambda listing: replace(listing, typed=str(content["text"])[:MOST_TYPED], tokens=()))

    def _show(self, content: Mapping[str, Any]) -> None:
        self._panel.open(str(content["name"]))

    def _filter(self, content: Mapping[str, Any]) -> None:
        self._panel.filter = str(content["text"])[:MOST_TYPED]

    def _sort(self, content: Mapping[str, Any]) -> None:
        change = self._panel.list_models if content["of"] == "models" else self._panel.list_versions
        change(lambda listing: sorted_by(listing, str(content["column"]), descending=bool(content["descending"])))

    def _page(self, content: Mapping[str, Any]) -> None:
        self._panel.turn(str(content["of"]), str(content["to"]))

    def _select(self, content: Mapping[str, Any]) -> None:
        """Choose versions: ``drop`` and ``add`` are their numbers; with ``only``, none but those added stay."""
        dropped = set(map(str, content.get("drop", ())))
        kept = [] if content.get("only") else [each for each in self._panel.chosen if each not in dropped]
        self._panel.say("")
        self._panel.choose([*kept, *map(str, content.get("add", ()))])

    def _compare(self, content: Mapping[str, Any]) -> None:
        """Show or hide the comparison; of one ``version`` with those that are chosen, or with the champion."""
        if content.get("version"):
            self._panel.compare_with(str(content["version"]))
        else:
            self._panel.compare(on=bool(content["on"]))

    # What is done to versions

    def _promote(self, content: Mapping[str, Any]) -> None:
        name, versions = _versions(content)
        stage, archive = str(content["stage"]), bool(content.get("archive"))
        self._panel.do(lambda client: promote(client, name, versions, stage, archive=archive))

    def _alias(self, content: Mapping[str, Any]) -> None:
        name, versions = _versions(content)
        self._panel.do(lambda client: set_alias(client, name, versions[0], str(content["alias"]).strip()))

    def _unalias(self, content: Mapping[str, Any]) -> None:
        self._panel.do(lambda client: remove_alias(client, str(content["name"]), str(content["alias"])))

    def _describe(self, content: Mapping[str, Any]) -> None:
        version = str(content["versions"][0]) if content.get("versions") else None
        self._panel.do(lambda client: describe(client, str(content["name"]), version, str(content["text"])))

    def _check(self, content: Mapping[str, Any]) -> None:
        name, versions = _versions(content)
        self._panel.check(name, versions)


def _versions(content: Mapping[str, Any]) -> tuple[str, list[str]]:
    versions = list(dict.fromkeys(map(str, content.get("versions") or ())))
    if not versions:
        raise InvalidParameterError("Choose a version first.")
    return str(content["name"]), versions
