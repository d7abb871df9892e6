"""Whether callers of a server must say who they are, and the gate that then stands before it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from mltrack.exceptions import InvalidParameterError, StateError
from mltrack.masking import mask_text
from mltrack.server.gate import OpenGate
from mltrack.server.store_gate import StoreGate
from mltrack.store.open_uri import open_uri

if TYPE_CHECKING:
    from mltrack.server.gate import Gate
    from mltrack.server.settings import ServerSettings
    from mltrack.store.access_protocol import AccessStore
    from mltrack.store.protocol import Store


def with_users(settings: ServerSettings) -> ServerSettings:
    """Give the settings with ``has_users`` as it must be: where the store has users, callers say who they are.

    Raises
    ------
    StateError
        When others than this machine could reach the server, and there is no user.
    """
    with closing(cast("Any", open_uri(settings.store_uri))) as store:
        has_users = access_of(store, settings.store_uri).has_users()
    if not has_users and not settings.is_local:
        raise StateError(
            f"The server would answer everybody who reaches {settings.host!r}, and its store has no users. Make one, "
            f"the administrator: `mltrack server users add NAME --backend-store-uri {mask_text(settings.store_uri)}`. "
            "Or serve this machine only: --host 127.0.0.1."
        )
    return replace(settings, has_users=has_users)


def gate_of(store: Store, settings: ServerSettings) -> Gate:
    """Give the gate of a server."""
    return StoreGate(access_of(store, settings.store_uri), settings) if settings.has_users else OpenGate()


def access_of(store: Store, uri: str) -> AccessStore:
    """Give a store as one of users; InvalidParameterError for one that has none, as another server."""
    if not hasattr(store, "access_version"):
        raise InvalidParameterError(
            f"The store {mask_text(uri)!r} is no file or database, which a server and its users are kept in; give "
            "sqlite:///PATH, or postgresql://HOST/NAME."
        )
    return cast("AccessStore", store)
