"""What mltrack shows under a tracked cell: its card, which snapshots leave out, and its curves while it runs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.run_facts import facts_of
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

    facts = facts_of(store, run_id)
    return run_card(card_data(facts.run, store, facts=facts))


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card that is an output of a cell: its display id, and the header of the request that ran the cell."""

    display_id: str
    parent: Any


def show_card(shell: InteractiveShell, store: Store, run_id: str) -> ShownCard:
    """Show a run's card as an output of the present cell; gives what ``update_card`` needs to find it again."""
    shown = ShownCard(uuid.uuid4().hex, getattr(shell.display_pub, "parent_header", None))
    data = _data_of(store, run_id)
    transient = {"display_id": shown.display_id}
    shell.display_pub.publish(data=data, metadata={"mltrack": {"card": run_id}}, transient=transient)
    _forget(shell, data)
    return shown


def update_card(shell: InteractiveShell, store: Store, run_id: str, *, shown: ShownCard) -> None:
    """Draw a card that was shown as the run is now, from any thread; in a terminal it stays as it was printed."""
    publisher: Any = shell.display_pub
    session, socket = getattr(publisher, "session", None), getattr(publisher, "pub_socket", None)
    if session is None or socket is None:
        return
    content = {
        "data": _data_of(store, run_id),
        "metadata": {"mltrack": {"card": run_id}},
        "transient": {"display_id": shown.display_id},
    }
    # Not by publish: from a thread it would name the request that runs now, maybe another cell's, as what it answers.
    session.send(socket, "update_display_data", content, parent=shown.parent, ident=publisher.topic)


def _data_of(store: Store, run_id: str) -> Any:
    found = _draw(store, run_id)._repr_mimebundle_()
    return found[0] if isinstance(found, tuple) else found


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
