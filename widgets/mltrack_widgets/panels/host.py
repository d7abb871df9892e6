"""What shows our output: a front end with widgets, one that only keeps what it is given, or a terminal."""

from __future__ import annotations

import sys
from typing import Any

from mltrack.config import WIDGETS


def shell() -> Any:
    """Give the IPython shell of this process, or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def has_kernel() -> bool:
    """Tell whether a Jupyter kernel runs this code."""
    return getattr(shell(), "kernel", None) is not None


def shows_widgets() -> bool:
    """Tell whether somebody may look at widgets: in a kernel, and the cell was sent by a front end.

    What runs notebooks on its own (nbclient, papermill, nbconvert) says that nobody can be asked for input. There a
    widget would be lost, and its state would swell the file; the output is HTML and a picture. MLTRACK_WIDGETS set to
    ``always`` or ``never`` decides it whatever runs the cell.
    """
    asked = (WIDGETS.get() or "").lower()
    if asked == "never" or not has_kernel():
        return False
    return asked == "always" or _sender_can_be_asked()


def _sender_can_be_asked() -> bool:
    try:
        return bool(shell().kernel.get_parent("shell")["content"].get("allow_stdin", True))
    except (KeyError, TypeError, AttributeError):
        return True  # an execution that says nothing of it, as of a kernel in another program


def cell_key() -> str:
    """Name the cell that is being executed, as far as the front end says which; else empty."""
    try:
        metadata = shell().kernel.get_parent("shell").get("metadata") or {}
    except AttributeError:
        return ""
    return str(metadata.get("cellId") or "")


def message_id() -> str:
    """Give the id of the request that is being executed; empty where there is none."""
    try:
        return str(shell().kernel.get_parent("shell")["header"]["msg_id"])
    except (KeyError, TypeError, AttributeError, LookupError):
        return ""
