"""The page of a registered model: its versions and what the runs behind them gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack_widgets.panels.model_versions import model_versions
from mltrack_widgets.ui.parts import head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack_widgets.ui.address import Address


def model_page(address: Address) -> Iterator[Any]:
    """Show a registered model."""
    panel = model_versions(address.value)
    yield head(address, title=address.value)
    yield panel
