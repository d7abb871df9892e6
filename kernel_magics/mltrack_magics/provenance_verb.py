"""``%mltrack provenance RUN``: which cells made a run's result, and what stands in the way of having it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.display import display

from mltrack.lookup import LAST, find_run
from mltrack_widgets.provenance_view import provenance_of

if TYPE_CHECKING:
    import argparse

    from mltrack_magics.extension import Extension


def provenance(extension: Extension, options: argparse.Namespace) -> None:
    """Show a run's cells in the order they ran, what the result takes from each, and those that are not needed."""
    del extension
    display(provenance_of(find_run(options.run or LAST)))
