"""What mltrack shows under a tracked cell: its card, which snapshots leave out, and its curves while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.settings import get_store

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mltrack.entities import Run
    from mltrack.store.protocol import Store
    from mltrack_widgets.bundle import Bundle


def card_of_run(run: Run) -> Bundle:
    """Draw the card of a run as it is in the store now."""
    store = getattr(run, "store", None) or get_store()
    return _draw(store, run.info.run_id)


def _draw(store: Store, run_id: str) -> Bundle:
    from mltrack_widgets.run_card import run_card  # first needed when a run ends, not when the extension is loaded
    from mltrack_widgets.views import card_data  # as above

    return run_card(card_data(store.get_run(run_id), store))


def show_card(shell: InteractiveShell, store: Store, run_id: str) -> None:
    """Show a run's card as an output of the present cell."""
    found = _draw(store, run_id)._repr_mimebundle_()
    data = found[0] if isinstance(found, tuple) else found
    shell.display_pub.publish(data=data, metadata={"mltrack": {"card": run_id}})
    _forget(shell, data)


def show_live() -> None:
    """Show the active run's curves as an output of the present cell, for as long as it runs."""
    from mltrack_widgets.panels.live import live  # first needed when a cell asks for it

    live()


def _forget(shell: InteractiveShell, data: object) -> None:
    """Take the card out of what IPython remembers the cell to have shown."""
    remembered = getattr(shell.history_manager, "outputs", None) or {}
    last = next(reversed(remembered.values()), None)
    if last and last[-1].bundle is data:
        last.pop()
