"""Runs a project's command in a container: ``docker run`` as a list of arguments, or Podman's, which takes the same.

Source: ``mlflow.projects.backend.local`` of MLflow 3.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mltrack.client import MlflowClient
from mltrack.config import is_file, is_server, store_path, store_uri, uri_for_mlflow
from mltrack.deploying.image import find_engine
from mltrack.exceptions import InvalidParameterError
from mltrack.projects import stand_in
from mltrack.projects.docker_image import Image, build_image, built_name, log_in, named_image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.projects.entities import Project, ProjectFile

STAND_IN_THERE = "/mlflow/stand_in"
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """What a user says of the container: the engine's options, whether the project is put into the image.

    ``say`` takes what the engine says while it builds, line by line.
    """

    docker_args: Mapping[str, Any] = field(default_factory=dict)
    build_image: bool = False
    docker_auth: Mapping[str, str] | None = None
    say: Callable[[str], object] = print


@dataclass(frozen=True, slots=True)
class Container:
    """A container that is to run a project's command.

    ``words`` is the whole call, and ``variables`` must be in its environment: the call names them only, so that the
    list of processes does not show their values. ``image`` has the name and id for the run's tags.
    """

    words: tuple[str, ...]
    variables: Mapping[str, str]
    image: Image


def container_for(
    project: Project,
    file: ProjectFile,
    *,
    command: str,
    variables: Mapping[str, str],
    options: ContainerOptions,
) -> Container:
    """Give the call that runs a command in the container of a project's ``docker_env``; builds its image if asked.

    Parameters
    ----------
    command
        The composed command; the image's ``sh`` takes it.
    variables
        Of the run (``run_variables``): a store on this machine is mounted where it is, so that its paths hold.

    Raises
    ------
    MissingLibraryError
        When there is no engine that answers.
    InvalidParameterError
        When a variable that is to be copied is not set, or an option or a name is none.
    """
    copied = environment_of(file)
    engine_options = _engine_options(options.docker_args)
    image = Image(named_image(file))
    engine = find_engine()
    if options.docker_auth is not None:
        log_in(engine, options.docker_auth)
    if options.build_image:
        name = built_name(project, None, name=file.name)
        image = build_image(engine, project, file, name=name, say=options.say)
    uri, mounts = _store(variables)
    given = {**variables, **uri, **copied}
    words = [engine, "run", "--rm", "--init", *engine_options, *mounts]
    words += [f"--volume={each}" for each in file.environment.docker.get("volumes") or ()]
    words += _stand_in(given)
    words += [f"--env={name}" for name in given]
    return Container((*words, image.name, "sh", "-c", command), given, image)


def environment_of(file: ProjectFile) -> dict[str, str]:
    """Give the variables of ``docker_env``: ``[NAME, VALUE]`` as it says, and a ``NAME`` from this process's own.

    Raises
    ------
    InvalidParameterError
        When one that is to be copied is not set here, or has a name that no variable can have.
    """
    found: dict[str, str] = {}
    for entry in file.environment.docker.get("environment") or ():
        name = str(entry[0] if isinstance(entry, (list, tuple)) else entry)
        if not _VARIABLE.fullmatch(name):
            raise InvalidParameterError(f"docker_env's environment names {name[:80]!r}, which no variable can be.")
        if isinstance(entry, (list, tuple)):
            found[name] = _text(entry[1])
        elif name in os.environ:
            found[name] = os.environ[name]
        else:
            raise InvalidParameterError(
                f"The project copies the environment variable {name} into its container, and it is not set here."
            )
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _engine_options(given: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in given.items():
        if not _OPTION.fullmatch(name):
            raise InvalidParameterError(f"{name[:80]!r} is no option of docker run; write -A gpus=all or -A init.")
        option = f"-{name}" if len(name) == 1 else f"--{name}"
        if value is True:
            words.append(option)
        else:
            words += [option, str(value)] if len(name) == 1 else [f"{option}={value}"]
    return words


def _store(variables: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Give the store's URI for the container, and the mounts of its folder and of the run's artifacts."""
    uri = variables["MLTRACK_TRACKING_URI"]
    if not is_file(uri):  # a server's or database's, which has to be reached from the container
        return {}, []
    path = store_path(uri)
    folders = [path.parent]
    artifacts = MlflowClient(uri).get_run(variables["MLTRACK_RUN_ID"]).info.artifact_uri
    parts = urlsplit(artifacts)
    if parts.scheme in ("", "file"):
        place = Path(parts.path if parts.scheme else artifacts)
        if not place.is_relative_to(path.parent):
            place.mkdir(parents=True, exist_ok=True)  # or the engine makes it, as root
            folders.append(place)
    whole = store_uri(path)
    uris = {"MLFLOW_TRACKING_URI": uri_for_mlflow(whole), "MLTRACK_TRACKING_URI": whole}
    return uris, [f"--volume={each}:{each}" for each in folders]


def _stand_in(variables: Mapping[str, str]) -> list[str]:
    """Give what makes ``import mlflow`` this mltrack's, which the image must have, in the container as well."""
    uri = variables["MLTRACK_TRACKING_URI"]
    if is_server(uri) or not stand_in.variables(uri):  # the image's own mlflow can log to a server
        return []
    return [f"--volume={stand_in.FOLDER}:{STAND_IN_THERE}:ro", f"--env=PYTHONPATH={STAND_IN_THERE}"]
