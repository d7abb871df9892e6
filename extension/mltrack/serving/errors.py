"""Errors as they go from one process to another: from a worker to the front, and from there to the server's handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack import exceptions
from mltrack.exceptions import MltrackError
from mltrack.masking import mask_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {
    name: kind for name, kind in vars(exceptions).items() if isinstance(kind, type) and issubclass(kind, MltrackError)
}


def described(error: BaseException) -> dict[str, str]:
    """Give an error as values for JSON: ``message``, ``error_code`` and the ``type`` of it."""
    if isinstance(error, MltrackError):
        return {"message": mask_text(error.message), "error_code": error.error_code, "type": type(error).__name__}
    return {"message": mask_text(f"{type(error).__name__}: {error}"), "error_code": MltrackError.code, "type": ""}


def revived(values: Mapping[str, Any], *, before: str = "") -> MltrackError:
    """Make the error that was described, of its type where that is one of mltrack's; ``before`` begins its message."""
    kind = _KINDS.get(str(values.get("type")), MltrackError)
    return kind(f"{before}{values['message']}", error_code=str(values["error_code"]))
