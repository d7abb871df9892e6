"""What the handlers of one server process share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mltrack.server.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mltrack.server.gate import Gate
    from mltrack.server.places import Places
    from mltrack.server.settings import ServerSettings
    from mltrack.store.protocol import Store


@dataclass(slots=True)
class Service:
    """The store, who may what, where artifacts lie as callers see it, and what was counted.

    ``openapi`` gives the description of all routes; the application that has them sets it.
    """

    settings: ServerSettings
    store: Store
    gate: Gate
    places: Places
    figures: Figures = field(default_factory=Figures)
    openapi: Callable[[], dict[str, Any]] = dict
