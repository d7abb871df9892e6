"""The image of a project with a ``docker_env``: the one it names, or one made of it with the project inside.

Source: ``mlflow.projects.docker`` of MLflow 3, whose names and places these are.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.deploying.commands import run
from mltrack.deploying.names import check_image
from mltrack.exceptions import ExecutionError, InvalidParameterError
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.projects.entities import Project, ProjectFile

CODE = "/mlflow/projects/code/"
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_NAME = re.compile(r"[^a-z0-9]+")
_LOGIN = ("username", "password", "registry")
_MOST_NAME = 100


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its name, and its id or digest where it is known."""

    name: str
    id: str | None = None


def named_image(file: ProjectFile) -> str:
    """Give the image that a project names.

    Raises
    ------
    InvalidParameterError
        When no image can have that name.
    """
    name = str(file.environment.docker.get("image", ""))
    before, at, digest = name.partition("@")
    check_image(before)
    if at and not _DIGEST.fullmatch(digest):
        raise InvalidParameterError(f"{name[:100]!r} is no name of an image: behind @ goes sha256: and its digest.")
    return name


def dockerfile(image: str) -> str:
    """Give the text of a Dockerfile that puts the project into an image."""
    return f"FROM {image}\nCOPY . {CODE}\nWORKDIR {CODE}\n"


def built_name(project: Project, repository: str | None, *, name: str | None = None) -> str:
    """Give the name of a project's own image: the repository, or the project's name, with the commit as its tag."""
    plain = _NAME.sub("-", (name or "").lower()).strip("-")[:_MOST_NAME].strip("-")
    tag = f":{project.commit[:7]}" if project.commit else ""
    return check_image(f"{repository or plain or 'docker-project'}{tag}")


def build_image(
    engine: str, project: Project, file: ProjectFile, *, name: str, say: Callable[[str], object] = print
) -> Image:
    """Build the image of a project; what the engine says goes to ``say`` line by line.

    Raises
    ------
    ExecutionError
        When the build fails.
    """
    with tempfile.TemporaryDirectory(prefix="mltrack-image-") as scratch:
        recipe = Path(scratch) / "Dockerfile"
        recipe.write_text(dockerfile(named_image(file)), encoding="utf-8")
        command = [engine, "build", "--tag", name, "--file", str(recipe), str(project.folder)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with process:
            for line in process.stdout or ():
                say(visible(line.decode("utf-8", errors="replace").rstrip()))
    if process.returncode:
        raise ExecutionError(f"Building the image {name} failed (exit code {process.returncode}); see above why.")
    return Image(name, run([engine, "image", "inspect", "--format", "{{.Id}}", name], "looking at the image"))


def push_image(engine: str, name: str) -> Image:
    """Push an image to its registry and give it with the digest that the registry knows it by."""
    run([engine, "push", name], f"pushing the image {name}")
    text = run([engine, "image", "inspect", "--format", "{{json .RepoDigests}}", name], "looking at the image")
    repository = _without_tag(name)
    for each in json.loads(text) or ():
        found, at, digest = str(each).partition("@")
        if at and found.removeprefix("docker.io/").removeprefix("library/") == repository:
            return Image(name, digest)
    return Image(name)


def log_in(engine: str, given: Mapping[str, str]) -> None:
    """Log in to a registry with MLflow's ``docker_auth``: username, password, registry.

    The password goes through a pipe: the list of processes does not show it.

    Raises
    ------
    InvalidParameterError
        When one is missing or unknown.
    ExecutionError
        When the registry refuses.
    """
    unknown = [key for key in given if key not in _LOGIN]
    if unknown or not given.get("username") or not given.get("password"):
        raise InvalidParameterError(f"docker_auth takes username, password and registry; got {', '.join(given)}.")
    command = [engine, "login", f"--username={given['username']}", "--password-stdin", "--"]
    command += [given["registry"]] if given.get("registry") else []
    done = subprocess.run(command, input=given["password"].encode(), capture_output=True, check=False)
    if done.returncode:
        said = visible(done.stderr.decode("utf-8", errors="replace")).strip()[-500:]
        raise ExecutionError(f"Logging in to the image registry failed: {said}")


def _without_tag(name: str) -> str:
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
