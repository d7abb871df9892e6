"""Which cells made a result: the slice of what a kernel executed, and what stands in the way of having it again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.provenance.slice import FileUse as FileUse
    from mltrack.provenance.slice import Finding as Finding
    from mltrack.provenance.slice import Slice as Slice
    from mltrack.provenance.slice import Step as Step
    from mltrack.provenance.slicing import slice_of as slice_of

_HOMES = {
    **dict.fromkeys(("FileUse", "Finding", "Slice", "Step"), "mltrack.provenance.slice"),
    "slice_of": "mltrack.provenance.slicing",
}
__all__ = [*_HOMES]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
