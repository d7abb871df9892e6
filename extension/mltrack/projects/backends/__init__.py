"""Where a project is run other than here: a name, the module that knows how, and what it is given."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from mltrack.projects.backends.remote_run import RemoteRun
    from mltrack.projects.backends.submission import Submission

LOCAL = "local"
_MODULES = {name: f"mltrack.projects.backends.{name}" for name in ("kubernetes", "ray")}
NAMES = (LOCAL, *_MODULES)


class Backend(Protocol):
    """What a backend's module has."""

    def submit(self, submission: Submission) -> RemoteRun:
        """Start the project where this backend runs things, and return without waiting for its end."""


def find_backend(name: str) -> Backend:
    """Give the module of a backend; ``local`` has none, as it is run here.

    Raises
    ------
    InvalidParameterError
        When there is no backend of this name.
    """
    if name == "databricks":
        raise InvalidParameterError(
            "The backend 'databricks' runs projects in a Databricks workspace, which this mltrack cannot do; "
            f"use one of {', '.join(NAMES)}."
        )
    if name not in _MODULES:
        raise InvalidParameterError(f"There is no backend {name[:80]!r}; there are {', '.join(NAMES)}.")
    return cast("Backend", import_module(_MODULES[name]))
