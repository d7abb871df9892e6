"""The page of an experiment: its dashboard, and links to the pages of what is chosen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.settings import get_store
from mltrack_widgets.front.html_view import HtmlView
from mltrack_widgets.panels.dashboard import Dashboard
from mltrack_widgets.panels.run_set import RunSet
from mltrack_widgets.ui.parts import anchor, head, links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack_widgets.ui.address import Address

MOST_LINKED = 5
_NOTHING = "Choose runs in the table for links to their pages."
_kept: list[Links] = []  # a selection holds who follows it weakly


class Links:
    """Links to the pages of the chosen runs, and to the one that compares them."""

    def __init__(self, address: Address, dashboard: Dashboard) -> None:
        self._address = address
        self._dashboard = dashboard
        self.view = HtmlView()
        dashboard.observe_selection(self.changed)
        self.changed()

    def changed(self) -> None:
        """Follow the selection."""
        ids, address = self._dashboard.selection, self._address
        named = get_store()
        found = [
            anchor(f"Open {named.get_run(each).info.run_name}", address.of_run(each)) for each in ids[:MOST_LINKED]
        ]
        if len(ids) > 1:
            place = address.of_comparison(ids, self._dashboard.baseline)
            found.append(anchor(f"Compare these {len(ids)}", place))
        self.view.html = links(found, _NOTHING).html


def experiment_page(address: Address) -> Iterator[Any]:
    """Show an experiment."""
    experiment = get_store().get_experiment(address.value)
    yield head(address, title=experiment.name)
    runs = RunSet(get_store(), {experiment.experiment_id: experiment.name}, address.filter_string)
    dashboard = Dashboard(runs)
    _kept.append(Links(address, dashboard))
    yield _kept[-1].view
    yield dashboard
