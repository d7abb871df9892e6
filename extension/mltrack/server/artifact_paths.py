"""The paths of artifacts as callers send them: below a run or logged model, or in the proxy with whose they are before.

A path is decoded once, by the HTTP server, and what is checked is what is used. One that would lead elsewhere once it
was decoded again is refused all the same: others may decode it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import is_run_id
from mltrack.model_names import is_model_id
from mltrack.server.need import LOGGED_MODEL, RUN, Thing
from mltrack.store.artifacts import SafePath, safe_path

PROXIED = "mlflow-artifacts:"
"""The scheme of what goes through the server."""
FORMS = "EXPERIMENT/RUN/artifacts/PATH or EXPERIMENT/models/MODEL/artifacts/PATH"
_FOLDER = "artifacts"
_DECODINGS = 6


@dataclass(frozen=True, slots=True)
class ProxiedPath:
    """Whose files, said to be of which experiment, and the path below their root; None is the root itself."""

    experiment_id: str
    owner: Thing
    path: SafePath | None


def artifact_path(text: str) -> SafePath:
    """Check a path below the root of a run's or logged model's files.

    Raises
    ------
    InvalidParameterError
        When ``safe_path`` takes it for none, as it is or as it would be once it was decoded, however often.
    """
    refuse_detours(text)
    return safe_path(text)


def optional_path(text: str | None) -> SafePath | None:
    """Check a path that may be left out, for the root."""
    return artifact_path(text) if text else None


def refuse_detours(text: str) -> None:
    """Raise InvalidParameterError for a text that has, encoded or not, a part ``.`` or ``..``, or a backslash."""
    for _ in range(_DECODINGS):
        parts = text.split("/")
        if ".." in parts or "." in parts or "\\" in text or "\0" in text or text.startswith("/"):
            raise InvalidParameterError(
                f"The artifact path {text[:120]!r} is absolute, or has a part '.' or '..', or a backslash, as it is "
                "or once it is decoded; give a relative path such as 'plots/roc.png'."
            )
        plain = unquote(text)
        if plain == text:
            return
        text = plain
    raise InvalidParameterError(f"The artifact path {text[:120]!r} is encoded several times over.")


def read_proxied(text: str) -> ProxiedPath | None:
    """Read a path of the proxy; None for one that is nobody's.

    Raises
    ------
    InvalidParameterError
        When it is no path that an artifact may have.
    """
    refuse_detours(text)
    safe_path(text)
    experiment, *parts = text.split("/")
    if not (experiment.isascii() and experiment.isdigit() and len(experiment) <= 20):
        return None
    owner, rest = _owner(parts)
    if owner is None or rest[:1] != [_FOLDER]:
        return None
    return ProxiedPath(experiment, owner, safe_path("/".join(rest[1:])) if rest[1:] else None)


def _owner(parts: list[str]) -> tuple[Thing | None, list[str]]:
    if parts[:1] == ["models"]:
        is_one = len(parts) > 1 and is_model_id(parts[1])
        return (Thing(LOGGED_MODEL, parts[1]) if is_one else None), parts[2:]
    is_one = bool(parts) and is_run_id(parts[0])
    return (Thing(RUN, parts[0]) if is_one else None), parts[1:]


def proxied(owner: Thing, experiment_id: str, path: SafePath | None = None) -> str:
    """Give the URI that callers see of a run's or logged model's files, or of one of them."""
    folder = f"models/{owner.key}" if owner.kind == LOGGED_MODEL else owner.key
    root = f"{PROXIED}/{experiment_id}/{folder}/{_FOLDER}"
    return f"{root}/{path.text}" if path else root
