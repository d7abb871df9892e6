"""What may be a key, a name or an id: MLflow's rules, each checked in one place.

Source: the limits and patterns of ``mlflow.utils.validation`` as its server applies them.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from mltrack.exceptions import InvalidParameterError

MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_MODEL_TAG_VALUE = 100_000
MAX_NAME = 500
MAX_BATCH_METRICS = 1000
MAX_BATCH_PARAMS = 100
MAX_BATCH_TAGS = 100
MAX_BATCH_ITEMS = 1000

RUN_NAME_TAG = "mlflow.runName"
PARENT_TAG = "mlflow.parentRunId"
USER_TAG = "mlflow.user"
SOURCE_NAME_TAG = "mlflow.source.name"
SOURCE_TYPE_TAG = "mlflow.source.type"
GIT_COMMIT_TAG = "mlflow.source.git.commit"
GIT_BRANCH_TAG = "mlflow.source.git.branch"
GIT_REPOSITORY_TAG = "mlflow.source.git.repoURL"
ENTRY_POINT_TAG = "mlflow.project.entryPoint"
BACKEND_TAG = "mlflow.project.backend"
ENVIRONMENT_TAG = "mlflow.project.env"
IMAGE_URI_TAG = "mlflow.docker.image.uri"
IMAGE_ID_TAG = "mlflow.docker.image.id"
LOGGED_ARTIFACTS_TAG = "mlflow.loggedArtifacts"
NOTE_TAG = "mlflow.note.content"
GIT_DIRTY_TAG = "mltrack.git.dirty"
END_REASON_TAG = "mltrack.endReason"
REPRODUCIBLE_TAG = "mltrack.reproducible"
REPRODUCIBLE_REASONS_TAG = "mltrack.reproducible.reasons"
VERIFIED_TAG = "mltrack.verified"
PIPELINE_TAG = "mltrack.pipeline"
STEP_TAG = "mltrack.pipeline.step"
STEP_KEY_TAG = "mltrack.pipeline.key"
STEP_REASON_TAG = "mltrack.pipeline.reason"
STEP_MADE_BY_TAG = "mltrack.pipeline.madeBy"
SEAL_TAG = "mltrack.notebook.seal"
RERUN_OF_TAG = "mltrack.rerunOf"
RERUN_VALUES_TAG = "mltrack.rerun.values"
SWEEP_OF_TAG = "mltrack.sweepOf"
SWEEP_GRID_TAG = "mltrack.sweep.grid"
CACHE_KEY_TAG = "mltrack.cacheKey"
CELL_TAG = "mltrack.cell"
FAILURE_TAG = "mltrack.failure"
CREATION_TAG = "mltrack.runId"
"""On servers that choose ids themselves: the id that was chosen for a run before it was made."""

_KEY = re.compile(r"[/\w.\- :]+")
_RUN_ID = re.compile(r"[A-Za-z0-9][\w-]{0,255}", re.ASCII)


def check_key(key: object, kind: str) -> str:
    """Give the key back when it may name a metric, param or tag (``kind`` says which, for the message).

    Raises
    ------
    InvalidParameterError
        When it is not text, empty, over 250 characters, has a character outside letters, digits, ``_ - . / : space``,
        or is not a plain relative path (leading ``/``, ``//``, ``.`` or ``..`` segments).
    """
    if not isinstance(key, str):
        raise InvalidParameterError(f"A {kind} key must be text; got one of type {type(key).__name__}.")
    return _checked_key(key, kind)


@lru_cache(maxsize=4096)
def _checked_key(key: str, kind: str) -> str:
    if not key:
        raise InvalidParameterError(f"A {kind} key must not be empty.")
    if len(key) > MAX_KEY:
        raise InvalidParameterError(f"The {kind} key {key[:40]!r}… has {len(key)} characters; at most {MAX_KEY} go.")
    if not _KEY.fullmatch(key):
        raise InvalidParameterError(
            f"The {kind} key {key!r} has a character that is not allowed; "
            "letters, digits, '_', '-', '.', '/', ':' and spaces are."
        )
    if posixpath.normpath(key) != key or key.startswith(("/", "../")) or key in (".", ".."):
        raise InvalidParameterError(
            f"The {kind} key {key!r} reads as a path outside its folder; leave out a leading '/', '//', '.' and '..'."
        )
    return key


def check_run_id(run_id: object) -> str:
    """Give the run id back when it has the shape of one, else raise InvalidParameterError."""
    if not isinstance(run_id, str) or not is_run_id(run_id):
        shown = repr(run_id)[:80]
        raise InvalidParameterError(f"{shown} is no run id; one has letters, digits, '_' and '-', and at most 256.")
    return run_id


def is_run_id(text: str) -> bool:
    """Tell whether a text has the shape of a run id."""
    return _RUN_ID.fullmatch(text) is not None


def check_name(name: object, kind: str) -> str:
    """Give a run's or experiment's name back when it may be one (text, 1 to 500 characters, no NUL)."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidParameterError(f"The {kind} name must be text that is not empty; got {name!r}.")
    if len(name) > MAX_NAME:
        raise InvalidParameterError(
            f"The {kind} name {name[:40]!r}… has {len(name)} characters; at most {MAX_NAME} go."
        )
    if "\0" in name or (not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name)):
        raise InvalidParameterError(f"The {kind} name {name!r} holds a NUL or a lone surrogate; leave it out.")
    return name


def check_time(name: str, value: object) -> int:
    """Give a time back when it is one: ms since 1970 as a whole number of 64 bits."""
    if type(value) is not int or not 0 <= value < 2**63:
        shown = f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__}"
        raise InvalidParameterError(f"{name} must be ms since 1970, a whole number from 0; got {shown}.")
    return value
