"""Files that callers remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.server.endpoint import send_json
from mltrack.server.owned_files import unplaced

if TYPE_CHECKING:
    from mltrack.server.owned_files import OwnedFiles
    from mltrack.server.streams import Wire
    from mltrack.store.artifacts import SafePath


@dataclass(frozen=True, slots=True)
class Removal:
    """A file, or a folder and all in it, that a caller removes; MLflow's client sends no body with that."""

    files: OwnedFiles
    path: SafePath

    async def run(self, wire: Wire) -> None:
        """Remove it, and what was recorded of it."""
        await wire.work(self._remove)
        await send_json(wire.send, 200, b"{}")

    def _remove(self) -> None:
        with unplaced(self.path):
            self.files.folder.remove(self.path)
        self.files.forget(self.path)
