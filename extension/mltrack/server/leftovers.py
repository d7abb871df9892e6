"""What servers that were killed have left of files that callers were sending: removed soon after the next start."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from mltrack.entities import ViewType
from mltrack.exceptions import MltrackError
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import is_remote
from mltrack.store.pages import Search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.server.service import Service

AFTER_SECONDS = 1.0
_MOST = 50_000
_MODELS, _FOLDER = "models", "artifacts"
_log = logging.getLogger("mltrack.server")


def sweep_soon(service: Service) -> None:
    """Remove what was left once the server answers, in a thread that keeps nobody waiting."""
    timer = Timer(AFTER_SECONDS, _sweep, (service,))
    timer.daemon = True
    timer.start()


def _sweep(service: Service) -> None:
    try:
        sweep(service)
    except (MltrackError, OSError) as error:
        _log.warning("What was left of uploads could not be looked for: %s", error)


def sweep(service: Service) -> None:
    """Remove unfinished files that no living process writes, where the server itself keeps artifacts."""
    found = service.store.search_experiments(Search(view_type=ViewType.ALL, max_results=_MOST))
    for place in {each.artifact_location for each in found.rows}:
        if is_remote(place):
            if service.places.is_own(place):
                open_folder(place).sweep()
            continue
        for root in _roots(Path(place)):
            open_folder(str(root)).sweep()


def _roots(experiment: Path) -> Iterator[Path]:
    """Give the roots of the files of an experiment's runs and logged models."""
    for name in _names(experiment):
        if name == _MODELS:
            yield from (experiment / name / each / _FOLDER for each in _names(experiment / name))
        else:
            yield experiment / name / _FOLDER


def _names(folder: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []
