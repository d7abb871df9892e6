"""Building an image with the Docker engine, or with Podman, which takes the same words."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack.deploying.dockerfile import ImageOptions, write_image_folder
from mltrack.deploying.names import check_image
from mltrack.deploying.whole_outputs import whole_folder
from mltrack.exceptions import MissingLibraryError, StateError
from mltrack.models.sources import find_model
from mltrack.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRAMS = ("docker", "podman")
_INSTEAD = (
    "Start one, or write what it needs by `mltrack models generate-dockerfile` and run `docker build` in that folder "
    "where there is one."
)


def generate_dockerfile(model_uri: str, folder: str | Path, options: ImageOptions | None = None) -> Path:
    """Write a new folder for ``docker build``, whole or not at all, and give its path; see ``write_image_folder``."""
    opened = find_model(model_uri).open()
    with whole_folder(folder) as draft:
        write_image_folder(opened, draft, options or ImageOptions())
    return Path(folder)


def build_docker(
    model_uri: str, name: str, options: ImageOptions | None = None, *, say: Callable[[str], object] = print
) -> str:
    """Build an image that serves a model, and give its name; what the engine says goes to ``say`` line by line.

    Raises
    ------
    MissingLibraryError
        When there is no engine, or none that answers.
    StateError
        When the build fails.
    InvalidParameterError
        When no image can have that name.
    """
    check_image(name)
    engine = find_engine()
    with tempfile.TemporaryDirectory(prefix="mltrack-image-") as scratch:
        folder = generate_dockerfile(model_uri, Path(scratch) / "image", options)
        command = [engine, "build", "--tag", name, str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        with process:
            for line in process.stdout or ():
                say(visible(line.decode("utf-8", errors="replace").rstrip()))
    if process.returncode:
        raise StateError(
            f"Building the image {name} failed (exit code {process.returncode}); the engine says why above."
        )
    return name


def find_engine() -> str:
    """Give the program of an engine that answers.

    Raises
    ------
    MissingLibraryError
        When there is none.
    """
    said = "the program docker is not installed here"
    for program in filter(None, map(shutil.which, _PROGRAMS)):
        asked = subprocess.run([program, "info"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if asked.returncode == 0:
            return program
        lines = visible(asked.stderr.decode("utf-8", errors="replace")).strip().splitlines()
        said = lines[-1] if lines else f"{program} info failed"
    raise MissingLibraryError(f"There is no Docker engine that answers ({said}). {_INSTEAD}")
