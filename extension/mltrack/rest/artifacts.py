"""The artifacts of a server's runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.rest.artifact_places import folder_at
from mltrack.rest.part import RestPart

if TYPE_CHECKING:
    from mltrack.store.artifact_folder import ArtifactFolder


class RestArtifacts(RestPart):
    """Where the files of runs lie."""

    def artifact_folder(self, run_id: str) -> ArtifactFolder:
        """Give the folder of a run's artifacts, which need not be there yet."""
        info = self._info(run_id)
        return folder_at(self._transport, info.artifact_uri, owner=info.run_id)
