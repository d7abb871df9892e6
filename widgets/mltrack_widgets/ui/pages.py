"""Shows the page that an address names; the notebook that ``mltrack ui`` serves calls this and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from IPython.display import display

from mltrack.exceptions import MltrackError
from mltrack_widgets.ui.address import read_address
from mltrack_widgets.ui.compare_page import compare_page
from mltrack_widgets.ui.experiment_page import experiment_page
from mltrack_widgets.ui.model_page import model_page
from mltrack_widgets.ui.overview import overview
from mltrack_widgets.ui.parts import head, remark
from mltrack_widgets.ui.run_page import run_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mltrack_widgets.ui.address import Address

REQUEST = "VOILA_REQUEST_URL"
"""Where Voilà says which address was asked for."""
_PAGES: dict[str, Callable[[Address], Iterator[Any]]] = {
    "": overview,
    "experiment": experiment_page,
    "run": run_page,
    "compare": compare_page,
    "model": model_page,
}


def show(url: str | None = None) -> None:
    """Show a page in the output of a cell; what cannot be shown is said there in a sentence."""
    url = url or os.environ.get(REQUEST) or "http://localhost/"
    try:
        address = read_address(url)
    except MltrackError as error:
        display(remark(str(error)))
        return
    try:
        for part in _PAGES[address.kind](address):
            display(part)
    except MltrackError as error:
        display(head(address, title="This page cannot be shown"), remark(str(error)))
