"""What may be the name of a model, an alias, a stage or a version: MLflow's rules, each checked in one place.

Source: ``mlflow.utils.validation``. Names are compared letter by letter: ``Model`` and ``model``, two ways to write an
accent, and ``a b`` and ``a%20b`` are different names. No name becomes part of a path.
"""

from __future__ import annotations

import posixpath
import re
import uuid

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_name

MAX_ALIAS = 255
STAGES = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES = ("Staging", "Production")
LATEST = "latest"
_ALIAS = re.compile(r"[\w-]+")
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_MODEL_ID = re.compile(r"m-[0-9a-z]{1,64}")
_VERSION = re.compile(r"-?[0-9]+")
_NOT_IN_LOGGED = "/:.%\"'"


def check_model_name(name: object, what: str = "registered model") -> str:
    """Give the name of a registered model back when it may be one.

    Raises
    ------
    InvalidParameterError
        When it is blank, over 500 characters, has ``/`` or ``:``, or is ``.`` or ``..``.
    """
    text = check_name(name, what)
    if "/" in text or ":" in text or posixpath.normpath(text) != text or text in (".", ".."):
        raise InvalidParameterError(f"{text[:80]!r} is no name of a {what}: it must not have '/' or ':', or be a dot.")
    return text


def check_logged_model_name(name: object) -> str:
    """Give the name of a logged model back when it may be one: text without ``/ : . % " '``."""
    text = check_name(name, "logged model")
    if not is_logged_model_name(text):
        raise InvalidParameterError(
            f"{text[:80]!r} is no name of a logged model: it must not have any of {' '.join(_NOT_IN_LOGGED)}."
        )
    return text


def is_logged_model_name(text: str) -> bool:
    """Tell whether a text has none of the characters that no logged model has in its name."""
    return not set(text) & set(_NOT_IN_LOGGED)


def check_alias(alias: object) -> str:
    """Give an alias back when it may be one: letters, digits, ``_`` and ``-``, at most 255."""
    if not isinstance(alias, str) or len(alias) > MAX_ALIAS or not _ALIAS.fullmatch(alias):
        raise InvalidParameterError(
            f"{str(alias)[:80]!r} is no alias; one has letters, digits, '_' and '-', and at most {MAX_ALIAS}."
        )
    return alias


def check_new_alias(alias: object) -> str:
    """Give an alias back when it may be given to a version: neither ``latest`` nor ``v`` and a number."""
    text = check_alias(alias)
    if text.lower() == LATEST or _VERSION_ALIAS.fullmatch(text):
        raise InvalidParameterError(f"The alias {text!r} is reserved: it would read as a version; choose another.")
    return text


def read_stage(stage: object) -> str:
    """Give the stage that was named, in any letter case: None, Staging, Production or Archived."""
    named = {each.lower(): each for each in STAGES}.get(str(stage).lower())
    if named is None or not isinstance(stage, str):
        raise InvalidParameterError(f"{str(stage)[:80]!r} is no stage; these are: {', '.join(STAGES)}.")
    return named


def read_version(version: object) -> int:
    """Give the number of a version, which may be text; -1 for one that is too large to be there."""
    text = str(version)
    if isinstance(version, bool) or not isinstance(version, (str, int)) or not _VERSION.fullmatch(text):
        raise InvalidParameterError(f"{text[:80]!r} is no version of a model; one is a whole number, such as '3'.")
    return int(text) if len(text) <= 18 else -1


def new_model_id() -> str:
    """Invent the id of a logged model."""
    return f"m-{uuid.uuid4().hex}"


def is_model_id(text: object) -> bool:
    """Tell whether a text has the shape of a logged model's id, ``m-`` and letters and digits."""
    return isinstance(text, str) and _MODEL_ID.fullmatch(text) is not None
