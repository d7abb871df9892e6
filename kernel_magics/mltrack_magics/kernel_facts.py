"""What can be learned of the kernel this shell runs in: its connection file and the request that is being answered."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def connection_file(shell: InteractiveShell) -> str | None:
    """Give the kernel's connection file, or None in plain IPython."""
    if getattr(shell, "kernel", None) is None:
        return None
    connect = sys.modules.get("ipykernel.connect")
    if connect is None:
        from ipykernel import connect as found  # loaded with every ipykernel, unless it is embedded

        connect = found
    try:
        return str(connect.get_connection_file())
    except (RuntimeError, OSError):
        return None


def request(shell: InteractiveShell) -> tuple[str | None, dict[str, Any]]:
    """Give (message id, metadata) of the request that runs the present cell."""
    kernel = getattr(shell, "kernel", None)
    try:
        parent = kernel.get_parent("shell") if kernel is not None else {}
    except (AttributeError, TypeError, LookupError):
        parent = {}
    return parent.get("header", {}).get("msg_id"), parent.get("metadata", {}) or {}


def running_source(shell: InteractiveShell) -> str | None:
    """Give the source of the cell that is running, or None when there is none that counts.

    There is none while a configuration file loads extensions, nor in a silent request.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        try:
            content = kernel.get_parent("shell").get("content", {})
        except (AttributeError, TypeError, LookupError):
            content = {}
        return None if content.get("silent", True) else content.get("code")
    sources = shell.history_manager.input_hist_raw if shell.history_manager else []
    return sources[-1] if sources and sources[-1] else None


def language_info(shell: InteractiveShell) -> dict[str, Any]:
    """Give what the notebook's metadata says of the language, as the kernel tells it."""
    kernel = getattr(shell, "kernel", None)
    info = getattr(kernel, "language_info", None) or {"name": "python", "version": sys.version.split()[0]}
    return dict(info)
