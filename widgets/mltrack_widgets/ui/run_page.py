"""The page of a run: all that is known of it, its curves, and the notebook as it was executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import MltrackError
from mltrack.keys import PARENT_TAG
from mltrack.settings import get_store
from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.card_sections import everything
from mltrack_widgets.html import tag
from mltrack_widgets.panels.curves import curves
from mltrack_widgets.run_status import run_duration, status_mark
from mltrack_widgets.ui.parts import anchor, head, remark, section
from mltrack_widgets.views import card_data, notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack_widgets.card_data import CardData
    from mltrack_widgets.ui.address import Address

_WHO = {"style": "display:flex;flex-wrap:wrap;gap:0 16px;padding:0 0 8px 0"}


def run_page(address: Address) -> Iterator[Any]:
    """Show a run."""
    store = get_store()
    run = store.get_run(address.value)
    data = card_data(run, store)
    above = (data.experiment_name, address.of_experiment(run.info.experiment_id))
    yield head(address, above, title=run.info.run_name)
    yield _who(address, data)
    if store.curve_keys([run.info.run_id]):
        yield section("Metrics over steps")
        yield curves(runs=[run])
    yield section("Notebook as executed")
    try:
        yield notebook(run)
    except MltrackError as error:
        yield remark(str(error))


def _who(address: Address, data: CardData) -> Bundle:
    run = data.run
    parent = run.data.tags.get(PARENT_TAG)
    items = [status_mark(run.info.status), tag("span", {"class": "mt-dim"}, run_duration(run, data.now_ms))]
    items += [anchor("Parent run", address.of_run(parent))] if parent else []
    if data.previous is not None:
        place = address.of_comparison([run.info.run_id, data.previous.info.run_id], data.previous.info.run_id)
        items.append(anchor("Compare with the last run of this cell", place))
    card = tag("div", {"class": "mt-card"}, everything(data))
    return Bundle(framed(tag("div", _WHO, *items), card), run.info.run_name)
