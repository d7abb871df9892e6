"""Where artifacts lie as callers see it: behind the server, or in an object store that they open themselves."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack.server.artifact_paths import PROXIED, ProxiedPath, proxied, read_proxied
from mltrack.server.need import LOGGED_MODEL, RUN, Thing
from mltrack.store.artifacts import artifact_place, is_remote
from mltrack.store.locator import ServedPlaces
from mltrack.store.model_sources import MODELS, RUNS

if TYPE_CHECKING:
    from mltrack.entities import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run, RunInfo
    from mltrack.server.settings import ServerSettings


_SCHEME = re.compile(r"[A-Za-z][\w+.-]+:")
_OWNED = re.compile(
    r"(?<=/)\d{1,20}/(?:models/m-[0-9a-z]{1,64}|[A-Za-z0-9][\w-]{0,255})/artifacts(?:/.*)?\Z", re.DOTALL
)


class Places:
    """Turns the store's places into those that callers see.

    What lies on the server's machine was put there by whoever runs it: callers cannot choose such a place. What lies in
    an object store is opened by the server only below the place that it was started with (``artifacts_destination``, or
    a ``default_artifact_root``); elsewhere it is the callers' own, and they open it.

    Raises
    ------
    InvalidParameterError
        When one of the places that the server was started with cannot be one.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.is_serving = settings.serve_artifacts
        self.known_runs: dict[str, tuple[str, str]] = {}  # the experiments and places of those that were asked for
        root = settings.default_artifact_root
        self._direct = None if root is None or root.rstrip("/") == PROXIED else _place(root)
        self._destination = None if settings.artifacts_destination is None else _place(settings.artifacts_destination)
        if self._direct == self._destination and self.is_serving:
            self._direct = None

    @property
    def root(self) -> str | None:
        """Where the files of new experiments lie, each in a folder of its number; None: beside the store."""
        return self._direct or self._destination

    @property
    def served(self) -> ServedPlaces | None:
        """What of the store's places goes through the server; None: nothing."""
        return ServedPlaces(self._direct or "", self._destination or "") if self.is_serving else None

    def is_served(self, place: str) -> bool:
        """Say whether what lies there goes through the server."""
        if not self.is_serving or is_inside(place, self._direct):
            return False
        return not is_remote(place) or is_inside(place, self._destination)

    def is_own(self, place: str) -> bool:
        """Say whether the server itself may open what lies there."""
        return not is_remote(place) or is_inside(place, self._destination) or is_inside(place, self._direct)

    def chosen(self, location: str | None) -> str | None:
        """Check the place that a caller chose for an experiment's files; None for the server's own.

        Raises
        ------
        InvalidParameterError
            When it is none in an object store, or one that the server keeps files of others at.
        """
        if location is None or location.rstrip("/") == PROXIED:
            return None
        if not is_remote(location) or location.startswith("memory:"):
            raise InvalidParameterError(
                f"Artifacts cannot be kept at {location[:120]!r}: a server takes object stores (s3://, gs://, abfs://) "
                "that its callers open by themselves. Leave artifact_location out to keep artifacts where the server "
                "keeps them."
            )
        place = artifact_place(location)
        for own in (self._destination, self._direct):
            if is_inside(place, own) or is_inside(own, place):
                raise InvalidParameterError(
                    f"Artifacts cannot be kept at {location[:120]!r}: the server has files of others there. Leave "
                    "artifact_location out to keep artifacts where the server keeps them."
                )
        return place

    def of_experiment(self, experiment: Experiment) -> Experiment:
        """Give an experiment as callers see it."""
        if not self.is_served(experiment.artifact_location):
            return experiment
        return replace(experiment, artifact_location=f"{PROXIED}/{experiment.experiment_id}")

    def of_info(self, info: RunInfo) -> RunInfo:
        """Give a run's info as callers see it."""
        if not self.is_served(info.artifact_uri):
            return info
        return replace(info, artifact_uri=proxied(Thing(RUN, info.run_id), info.experiment_id))

    def of_run(self, run: Run) -> Run:
        """Give a run as callers see it."""
        return replace(run, info=self.of_info(run.info))

    def of_model(self, model: LoggedModel) -> LoggedModel:
        """Give a logged model as callers see it."""
        if not self.is_served(model.artifact_location):
            return model
        return replace(model, artifact_location=proxied(Thing(LOGGED_MODEL, model.model_id), model.experiment_id))

    def of_version(self, version: ModelVersion) -> ModelVersion:
        """Give a version of a registered model as callers see it."""
        if version.source.startswith((RUNS, MODELS, PROXIED)):
            return version
        return replace(version, source=self.shown(version.source))

    def of_registered_model(self, model: RegisteredModel) -> RegisteredModel:
        """Give a registered model as callers see it."""
        return replace(model, latest_versions=tuple(self.of_version(each) for each in model.latest_versions))

    def shown(self, place: str) -> str:
        """Give a place as callers see it, who have names for the files of runs and logged models only."""
        if not self.is_served(place):
            return place
        found = self.owner_of(place)
        return proxied(found.owner, found.experiment_id, found.path) if found else ""

    def owner_of(self, place: str) -> ProxiedPath | None:
        """Tell by a place which run or logged model it is of, if it is one that the server may open."""
        if not self.is_own(place):
            return None
        root = next((each for each in (self._direct, self._destination) if each and is_inside(place, each)), "")
        match = _OWNED.search(place[len(root) :].replace(os.sep, "/"))  # a root may look like a run's folder, too
        return read_proxied(match[0]) if match else None


def _place(text: str) -> str:
    place = artifact_place(text)
    if _SCHEME.match(place) and not is_remote(place):
        raise InvalidParameterError(
            f"A server keeps no artifacts at {text[:120]!r}: give a folder, s3://, gs:// or abfs://."
        )
    return place if is_remote(place) else str(Path(place).absolute())


def is_inside(place: str | None, root: str | None) -> bool:
    """Tell whether a place is a root or below it."""
    return place is not None and root is not None and (place == root or place.startswith(f"{root}/"))
