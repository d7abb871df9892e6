"""The manifest of a Kubernetes Job that runs a project: the user's template, filled in.

Source: ``mlflow.projects.kubernetes`` of MLflow 3, and the Job of the API group ``batch/v1``.
"""

from __future__ import annotations

import copy
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_LABEL = re.compile(r"[^a-z0-9]+")
_MOST_STEM = 38  # of 63 characters of a label; the rest makes the name unique
_MOST_BYTES = 1 << 20


def read_template(path: str) -> dict[str, Any]:
    """Read the template of a Job.

    Raises
    ------
    InvalidParameterError
        When it cannot be read or is no Job with a container.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidParameterError(f"The Job template {path!r} cannot be read: {error}.") from error
    if len(text) > _MOST_BYTES:
        raise InvalidParameterError(f"The Job template {path!r} has over {_MOST_BYTES:,} characters.")
    found = read_yaml(text, file)
    if not isinstance(found, dict) or found.get("kind") != "Job":
        raise InvalidParameterError(f"The Job template {path!r} is no manifest of the kind Job; it needs kind: Job.")
    _container(found, path)
    return found


def job_name(project_name: str | None) -> str:
    """Give a name that no other Job has: the project's, the time and a few random letters."""
    stem = _label(project_name)[:_MOST_STEM].strip("-")
    return f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def job_manifest(
    template: Mapping[str, Any],
    *,
    name: str,
    image: str,
    command: str,
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """Fill in a template: the Job's name, and of its first container the name, image, command and variables.

    A variable of the template goes where ours has the same name. ``command`` is taken by the image's ``sh``.
    """
    found: dict[str, Any] = copy.deepcopy(dict(template))
    found["metadata"] = {**(found.get("metadata") or {}), "name": name}
    found["metadata"].pop("generateName", None)
    container = _container(found, name)
    container.update(name=name.rsplit("-", 3)[0], image=image, command=["sh", "-c", command])
    container.pop("args", None)
    kept = [each for each in container.get("env") or () if each.get("name") not in variables]
    container["env"] = [*kept, *({"name": key, "value": value} for key, value in variables.items())]
    return found


def _label(name: str | None) -> str:
    label = _NO_LABEL.sub("-", (name or "").lower()).strip("-")
    return label if label[:1].isalpha() else f"project-{label}".strip("-")


def _container(manifest: Mapping[str, Any], where: str) -> dict[str, Any]:
    place: Any = manifest
    for key in ("spec", "template", "spec", "containers"):
        place = place.get(key) if isinstance(place, dict) else None
    if not isinstance(place, list) or not place or not isinstance(place[0], dict):
        raise InvalidParameterError(f"The Job template {where!r} has no container at spec.template.spec.containers.")
    return place[0]
