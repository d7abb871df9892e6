"""What a backend is given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mltrack.keys import ENVIRONMENT_TAG, IMAGE_ID_TAG, IMAGE_URI_TAG
from mltrack.projects.entities import DOCKER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.projects.commands import ComposedCommand
    from mltrack.projects.docker_image import Image
    from mltrack.projects.entities import Project, ProjectFile
    from mltrack.projects.project_run import ProjectRun
    from mltrack.projects.request import RunRequest


@dataclass(frozen=True, slots=True)
class Submission:
    """A project that was fetched and agreed to, its composed command, and the run that it is to log to."""

    request: RunRequest
    project: Project
    file: ProjectFile
    command: ComposedCommand
    run: ProjectRun

    @property
    def config(self) -> Mapping[str, Any]:
        """The backend's own configuration."""
        return self.request.backend_config

    def tag_image(self, image: Image) -> None:
        """Say on the run which image it runs in."""
        tags = {ENVIRONMENT_TAG: DOCKER, IMAGE_URI_TAG: image.name, IMAGE_ID_TAG: image.id}
        self.run.set_tags({key: value for key, value in tags.items() if value is not None})

    def parameters(self) -> dict[str, str]:
        """Give the values by name; a local path is whole, as the project will be in another folder."""
        entry_point = self.file.entry_points.get(self.request.entry_point)
        paths = {each.name for each in entry_point.parameters if each.type == "path"} if entry_point else set()
        return {name: _whole(value) if name in paths else value for name, value in self.command.parameters.items()}


def _whole(path: str) -> str:
    """Give a local path from the root on; what is elsewhere is fetched where the project runs."""
    return path if urlsplit(path).scheme else os.path.abspath(path)
