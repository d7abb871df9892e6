"""A folder from which ``docker build`` makes an image that serves a model, and the text of its Dockerfile."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack.config import ALLOW_PICKLE, DATA_DIR
from mltrack.deploying.container import MODEL, PORT
from mltrack.deploying.environment_folders import OLDEST_PYTHON
from mltrack.deploying.model_copy import copy_model
from mltrack.deploying.nginx import Proxy, nginx_config
from mltrack.deploying.own_wheel import make_wheel, own_requirements
from mltrack.deploying.pins import pin
from mltrack.deploying.requirement_lines import python_of
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.models.folder import ModelFolder

HOME = "/opt/mltrack"
USER = 1000
NGINX_CONFIG = "nginx.conf"
_VARIABLES = (
    *("PYTHONUNBUFFERED=1", "PIP_NO_CACHE_DIR=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_ROOT_USER_ACTION=ignore"),
    f"{DATA_DIR.name}=/tmp/mltrack",  # where any user may write, also one that the platform chose
)
_ORDER = "# First what seldom changes, so that it is not installed anew with each model."
# What distributions need of Debian that its Python images lack.
_DEBIAN = {"lightgbm": "libgomp1"}


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """How the image serves: how many processes hold the model, and whether nginx stands before them."""

    workers: int = 1
    with_nginx: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 1024:
            raise InvalidParameterError(f"An image serves with 1 to 1024 workers; got {self.workers!r}.")


@dataclass(frozen=True, slots=True)
class Contents:
    """What the Dockerfile speaks of."""

    python: str
    wheel: str
    debian: tuple[str, ...] = ()
    runs_code: bool = False


def write_image_folder(folder: ModelFolder, target: Path, options: ImageOptions) -> bool:
    """Write Dockerfile, pinned requirements, mltrack's wheel and the model to a folder; say whether it runs code.

    Raises
    ------
    UntrustedModelError
        When loading the model runs code, and this user neither made nor trusted it.
    InvalidParameterError
        When the model's requirements are anything but names with versions.
    """
    pins = pin(folder, own_requirements(server=True))
    runs_code = copy_model(folder, target / "model")
    wheel = make_wheel(target)
    (target / "requirements.txt").write_text(pins.text, encoding="utf-8")
    debian = sorted({_DEBIAN[name] for name in pins.names if name in _DEBIAN})
    if options.with_nginx:
        debian.append("nginx-light")
        (target / NGINX_CONFIG).write_text(nginx_config(Proxy()), encoding="utf-8")
    python = max(python_of(folder) or sys.version_info[:2], OLDEST_PYTHON)
    contents = Contents(f"{python[0]}.{python[1]}", wheel.name, tuple(debian), runs_code)
    (target / "Dockerfile").write_text(dockerfile(contents, options), encoding="utf-8")
    return runs_code


def dockerfile(contents: Contents, options: ImageOptions) -> str:
    """Give the text of the Dockerfile."""
    parts = [
        f"FROM python:{contents.python}-slim",
        _environment(contents),
        _debian(contents.debian),
        f"RUN useradd --uid {USER} --create-home --shell /usr/sbin/nologin model",
        f"WORKDIR {HOME}",
        f"{_ORDER}\nCOPY requirements.txt ./\nRUN python -m pip install -r requirements.txt",
        f"COPY {contents.wheel} ./\nRUN python -m pip install --no-deps {contents.wheel}",
        f"COPY {NGINX_CONFIG} ./" if options.with_nginx else "",
        f"COPY model {MODEL}",
        f"USER {USER}:{USER}",
        f"EXPOSE {PORT}",
        _health(),
        _start(options),
    ]
    return "\n\n".join(each for each in parts if each) + "\n"


def _environment(contents: Contents) -> str:
    text = "ENV " + " \\\n    ".join(_VARIABLES)
    if not contents.runs_code:
        return text
    note = "# The model runs code when it is loaded; who built this image trusted it."
    return f"{text}\n{note}\nENV {ALLOW_PICKLE.name}=true"


def _debian(packages: tuple[str, ...]) -> str:
    if not packages:
        return ""
    return (
        "RUN apt-get update \\\n"
        f"    && apt-get install -y --no-install-recommends {' '.join(packages)} \\\n"
        "    && rm -rf /var/lib/apt/lists/*"
    )


def _health() -> str:
    command = json.dumps(["python", "-m", "mltrack.deploying.container", "ping"])
    return f"HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \\\n    CMD {command}"


def _start(options: ImageOptions) -> str:
    words = ["python", "-m", "mltrack.deploying.container", "--model", MODEL, "--port", str(PORT)]
    words += ["--workers", str(options.workers)]
    words += ["--nginx", f"{HOME}/{NGINX_CONFIG}"] if options.with_nginx else []
    return f'ENTRYPOINT {json.dumps(words)}\nCMD ["serve"]'
