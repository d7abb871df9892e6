"""One request that is being answered, as handlers see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.server.gate import Gate, User
    from mltrack.server.service import Service
    from mltrack.store.served import ServedStore


@dataclass(slots=True)
class Call:
    """A request: what it says, who asks, and the parts of its path that have names.

    ``request`` is an instance of the route's own class. Handlers run in a thread of their own, and may block.
    """

    service: Service
    request: Any
    user: User | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[bytes, bytes] = field(default_factory=dict)

    @property
    def store(self) -> ServedStore:
        """The store behind the server."""
        return cast("ServedStore", self.service.store)

    @property
    def gate(self) -> Gate:
        """Who may what."""
        return self.service.gate
