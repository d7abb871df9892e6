"""A route of the server: what it takes and gives, who may use it, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.server.call import Call
    from mltrack.server.message import Message
    from mltrack.server.need import Need

MEBIBYTE = 1 << 20
API, AJAX, PREVIEW = "/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow"
MLFLOW = (API, AJAX, PREVIEW)
"""Where MLflow's clients of all versions look for a route."""
OURS = ("/api/2.0/mltrack",)
PLAIN = ("",)

SMALL = 64 * 1024
"""Bytes of a body that only names things."""
LARGE = 16 * MEBIBYTE
"""Bytes of the largest body of JSON."""
QUICK, SLOW = 30.0, 120.0
"""Seconds that a look or a write may take, and a search."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route; nothing of it may be left open, and ``table.check_table`` sees to that.

    ``path`` is below each of ``bases`` and may have parts ``{name}``, or ``{name:path}`` for the rest of it. ``work``
    gives the answer's fields as JSON values (None: ``{}``), or, for an ``answer`` of None, sends it itself (see
    ``endpoint``). ``most`` is the size of the body in bytes, None where it is streamed; ``seconds`` the time until a
    caller is answered 503, None where that is as long as data flows. ``opens_files``: the work looks at artifacts, and
    so waits for an object store, in threads where it keeps no other route waiting.
    """

    method: str
    path: str
    request: type[Message]
    answer: type[Message] | None
    need: Need
    work: Callable[[Call], Any]
    most: int | None
    seconds: float | None
    bases: tuple[str, ...] = MLFLOW
    opens_files: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """All its whole paths, without the server's prefix."""
        return tuple(base + (self.path if self.path.startswith("/") else f"/{self.path}") for base in self.bases)
