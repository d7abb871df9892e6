"""How runs look as a cell's value: registered with IPython's formatters, so that the core draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.active import ActiveRun
from mltrack.entities import Run
from mltrack_magics import cards

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_TYPES = (Run, ActiveRun)


def register(shell: InteractiveShell) -> None:
    """Show runs as cards from now on."""
    formatters = _formatters(shell)
    for kind in _TYPES:
        formatters["text/html"].for_type(kind, _html)
        formatters["text/plain"].for_type(kind, _text)


def unregister(shell: InteractiveShell) -> None:
    """Show runs as Python does again."""
    formatters = _formatters(shell)
    for kind in _TYPES:
        for mime in ("text/html", "text/plain"):
            formatters[mime].type_printers.pop(kind, None)


def _formatters(shell: InteractiveShell) -> Any:
    return shell.display_formatter.formatters if shell.display_formatter else {}


def _html(run: Run) -> str:
    return str(cards.card_of_run(run).html)


def _text(run: Run, printer: object, cycle: object) -> None:
    del cycle
    printer.text(cards.card_of_run(run).text)  # type: ignore[attr-defined]
