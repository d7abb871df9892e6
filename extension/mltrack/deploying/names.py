"""Names that users choose: for images and deployments, checked by what the engines take; of environment managers."""

from __future__ import annotations

import re

from mltrack.exceptions import InvalidParameterError

MANAGERS = ("local", "virtualenv", "uv", "conda")
"""How an environment is made: ``local`` is the one of this process; ``virtualenv`` is MLflow's name, and uv's here."""
# Source: the reference grammar of the OCI distribution specification.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*(?::[0-9]{1,5})?"
_IMAGE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?")
# What Kubernetes, SageMaker, Ray and BentoML all take; the shortest limit, less what is put behind it.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")


def check_image(name: str) -> str:
    """Give an image's name back, as ``cancer:1`` or ``registry.example.com:5000/team/cancer``, if it may be one.

    Raises
    ------
    InvalidParameterError
        When it is none.
    """
    if len(name) > 255 or not _IMAGE.fullmatch(name):
        raise InvalidParameterError(
            f"{name[:100]!r} is no name of an image; it has small letters, digits and . _ - between them, parts "
            "divided by /, and a :tag at its end if you like."
        )
    return name


def check_deployment(name: str) -> str:
    """Give a deployment's name back if all engines take it.

    Raises
    ------
    InvalidParameterError
        When it is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidParameterError(
            f"{name[:100]!r} is no name for a deployment; it has small letters, digits and - between them, begins with "
            "a letter, and has at most 40 characters."
        )
    return name
