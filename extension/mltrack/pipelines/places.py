"""Where a step's inputs, outputs and project lie: paths as the file says them, checked before anything runs."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

from mltrack.exceptions import InvalidParameterError

_SCHEME = "://"
_DRIVE = 2


def plain_path(step: str, key: str, text: str) -> str:
    """Give a path inside the pipeline's folder as POSIX text, without ``.``, a trailing ``/`` and the like.

    Raises
    ------
    InvalidParameterError
        For an address, an absolute path, one that leaves the folder, and the folder itself.
    """
    path = _text_of(step, key, text)
    if posixpath.isabs(path) or path.startswith("~") or (len(path) >= _DRIVE and path[1] == ":"):
        raise InvalidParameterError(f"Step {step!r}: {key} has {text!r}, which is no path inside the project's folder.")
    if path == ".." or path.startswith("../"):
        raise InvalidParameterError(f"Step {step!r}: {key} has {text!r}, which lies outside the project's folder.")
    if path == ".":
        raise InvalidParameterError(
            f"Step {step!r}: {key} has {text!r}, the project's folder itself; name what is in it."
        )
    return path


def path_of_input(step: str, text: str) -> str:
    """Give an input's path as POSIX text: inside the pipeline's folder, or absolute, or below ``~`` or ``..``."""
    return _text_of(step, "inputs", text)


def path_of_output(root: Path, step: str, text: str) -> str:
    """Give an output's path, which is inside the pipeline's folder, also when links are followed."""
    path = plain_path(step, "outputs", text)
    if path.rpartition("/")[2].lower() == "mlproject":
        raise InvalidParameterError(f"Step {step!r}: outputs has {text!r}, a file that says what a project is.")
    whole = root.resolve()
    if not (root / path).resolve().is_relative_to(whole):
        raise InvalidParameterError(f"Step {step!r}: outputs has {text!r}, which a link leads outside of {whole}.")
    return path


def folder_inside(root: Path, step: str, text: str) -> str:
    """Give the folder of a step's project, which must be there and inside the pipeline's folder."""
    if _text_of(step, "project", text) == ".":
        return "."
    path = plain_path(step, "project", text)
    if not (root / path).is_dir():
        raise InvalidParameterError(f"Step {step!r}: its project {text!r} is no folder in {root}.")
    if not (root / path).resolve().is_relative_to(root.resolve()):
        raise InvalidParameterError(f"Step {step!r}: its project {text!r} is a link that leads outside of {root}.")
    return path


def absolute(root: Path, path: str) -> Path:
    """Give the place on this machine of an input or output."""
    return Path(os.path.abspath(root / os.path.expanduser(path)))


def holds(outer: str, inner: str) -> bool:
    """Tell whether a path is another one, or a folder above it."""
    return outer == inner or inner.startswith(f"{outer}/")


def _text_of(step: str, key: str, text: str) -> str:
    if _SCHEME in text:
        raise InvalidParameterError(
            f"Step {step!r}: {key} has {text!r}, an address. Give it to the step as a parameter, and name the file "
            "that the step writes as its output."
        )
    if "\0" in text or "\n" in text:
        raise InvalidParameterError(f"Step {step!r}: {key} has {text!r}, which holds a NUL or a line break.")
    return posixpath.normpath(text.replace("\\", "/"))
