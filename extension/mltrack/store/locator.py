"""Where artifacts lie: a place as the store keeps it, made absolute, and as those see it who are behind a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mltrack.store.artifacts import is_remote


@dataclass(frozen=True, slots=True)
class ServedPlaces:
    """What a server shows as its own: what lies on its machine or below ``destination``, and not below ``direct``.

    Both are roots without a slash at their end; "" is none.
    """

    direct: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Locator:
    """Makes places absolute: one that is relative is below ``base``, wherever that was moved."""

    base: str
    served: ServedPlaces | None = None

    def __call__(self, place: str) -> str:
        """Give a place as it can be opened here."""
        return place if is_remote(place) else str(Path(self.base) / place)

    @property
    def bound(self) -> dict[str, object]:
        """What the places in searches bind: these find and give them as callers see them (see ``search_tables``)."""
        served = self.served or ServedPlaces()
        return {
            "base": self.base,
            "served": int(self.served is not None),
            "direct": served.direct and f"{served.direct}/",
            "destination": served.destination and f"{served.destination}/",
        }
