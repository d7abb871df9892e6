"""The card under a tracked cell, put there as an output that snapshots leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.settings import get_store
from mltrack_widgets.run_card import run_card
from mltrack_widgets.views import card_data

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mltrack.entities import Run
    from mltrack.store.protocol import Store
    from mltrack_widgets.bundle import Bundle


def card_of_run(run: Run) -> Bundle:
    """Draw the card of a run as it is in the store now."""
    store = getattr(run, "store", None) or get_store()
    return run_card(card_data(store.get_run(run.info.run_id), store))


def show_card(shell: InteractiveShell, store: Store, run_id: str) -> None:
    """Show a run's card as an output of the present cell."""
    bundle = run_card(card_data(store.get_run(run_id), store))
    data = bundle._repr_mimebundle_()
    shell.display_pub.publish(
        data=data[0] if isinstance(data, tuple) else data,
        metadata={"mltrack": {"card": run_id}},
    )
