"""What the entities share: that they can be gone through as MLflow's can."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fields:
    """Iterates over (name, value) of a dataclass in the names' order, so that ``dict(run.info)`` works as MLflow's."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for name in sorted(each.name for each in fields(self)):  # type: ignore[arg-type]
            yield name, getattr(self, name)
