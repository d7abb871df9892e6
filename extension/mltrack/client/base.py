"""What the parts of ``MltrackClient`` share: the stores they read and write."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mltrack.settings import get_registry, get_store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable


class ClientPart:
    """One part of the client; ``MltrackClient`` is made of several.

    Parameters
    ----------
    tracking_uri
        The store of runs; default: the one of ``mltrack.get_tracking_uri``.
    registry_uri
        The store of registered models; default: the same.
    """

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        self._store = get_store() if tracking_uri is None else open_store(tracking_uri)
        if registry_uri is None:
            self._registry = get_registry() if tracking_uri is None else self._store
        else:
            self._registry = self._store if registry_uri == tracking_uri else open_store(registry_uri)

    @property
    def tracking_uri(self) -> str:
        """The URI of the client's store."""
        return self._store.uri


def now_ms() -> int:
    """Give the present time in ms since 1970."""
    return time.time_ns() // 1_000_000


def as_ids(experiment_ids: Iterable[str] | str | int) -> tuple[str, ...]:
    """Give the ids of experiments as a search takes them; a single one may be given as it is."""
    places = (experiment_ids,) if isinstance(experiment_ids, (str, int)) else experiment_ids
    return tuple(str(each) for each in places)


def as_order(order_by: Any) -> Any:
    """Give an order as a search takes it; a text, which is no list, goes there as it is, to be refused."""
    return order_by if isinstance(order_by, (str, bytes)) else tuple(order_by or ())
