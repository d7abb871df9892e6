"""What a server writes to its stderr."""

from __future__ import annotations

import logging

from mltrack.masking import mask_text
from mltrack.serving.logs import Log, LogHandler


class _Masked(logging.Formatter):
    """Writes a record with what looks like a secret masked, and nothing that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        """Give a record as text."""
        text = mask_text(super().format(record))
        return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def write_log() -> None:
    """Have what goes wrong written to stderr, with the time."""
    handler = LogHandler(Log())
    handler.setFormatter(_Masked("%(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.ERROR, force=True)
