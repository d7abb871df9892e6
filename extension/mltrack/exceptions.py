"""The errors mltrack raises: one base, a few children, each with MLflow's error code."""

from __future__ import annotations

import json
from typing import Self

# mlflow.exceptions.ERROR_CODE_TO_HTTP_STATUS; a name that is not here is a server's own fault.
HTTP_STATUS = {
    **dict.fromkeys(("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS"), 400),
    **dict.fromkeys(("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"), 401),
    "PERMISSION_DENIED": 403,
    **dict.fromkeys(("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"), 404),
    **dict.fromkeys(("RESOURCE_CONFLICT", "ALREADY_EXISTS", "ABORTED"), 409),
    **dict.fromkeys(("REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"), 429),
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class MltrackError(Exception):
    """Something mltrack was asked for could not be done.

    Parameters
    ----------
    message
        What happened, the value, and what to do.
    error_code
        One of MLflow's error names (``INVALID_PARAMETER_VALUE``, ``RESOURCE_DOES_NOT_EXIST``…),
        from MLflow's ``databricks.proto``. Defaults to the class's own code.
    """

    code = "INTERNAL_ERROR"

    def __init__(self, message: object, error_code: str | None = None) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.error_code = error_code or self.code

    @classmethod
    def invalid_parameter_value(cls, message: object) -> Self:
        """Make an error of the code INVALID_PARAMETER_VALUE."""
        return cls(message, error_code="INVALID_PARAMETER_VALUE")

    def get_http_status_code(self) -> int:
        """Give the status that MLflow's server answers such an error with."""
        return HTTP_STATUS.get(self.error_code, 500)

    def serialize_as_json(self) -> str:
        """Give the error as the JSON that MLflow's server answers with."""
        return json.dumps({"error_code": self.error_code, "message": self.message})


class InvalidParameterError(MltrackError):
    """A value is not allowed where it was given; the message names it and says what is."""

    code = "INVALID_PARAMETER_VALUE"


class NotFoundError(MltrackError):
    """A run, experiment or file that was asked for does not exist."""

    code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExistsError(MltrackError):
    """A name is taken already."""

    code = "RESOURCE_ALREADY_EXISTS"


class StateError(MltrackError):
    """What was asked for is not possible in the present state, as ending a run that is not active."""

    code = "INVALID_STATE"


class MissingCellsError(StateError):
    """A snapshot needs executed cells that the store no longer has; the kernel sends all of them again."""


class StoreError(MltrackError):
    """The store could not be opened, read or written."""

    code = "INTERNAL_ERROR"


class StoreBusyError(StoreError):
    """Another process held the store's write lock for longer than the time limit."""

    code = "TEMPORARILY_UNAVAILABLE"


class ServerUnavailableError(StoreBusyError):
    """The tracking server cannot be reached, or cannot answer now."""


class PermissionDeniedError(MltrackError):
    """Who asks may not do that; the message says what is needed."""

    code = "PERMISSION_DENIED"


class UnauthenticatedError(MltrackError):
    """Who asks did not say who that is, or not rightly."""

    code = "UNAUTHENTICATED"


UNREACHED = (ServerUnavailableError, UnauthenticatedError)
"""What a server answers, or does not, until it is back, or knows who asks: another time it may go well."""


class MissingLibraryError(MltrackError):
    """An optional library is needed and not installed; the message says how to install it."""

    code = "INVALID_STATE"


class StoreFullError(StoreError):
    """There is no room for a write; what was acknowledged before is safe."""

    code = "RESOURCE_EXHAUSTED"


class StoreReadOnlyError(StoreError):
    """The store's file or folder cannot be written by this user."""

    code = "PERMISSION_DENIED"


class StoreFormatError(StoreError):
    """The file is not an mltrack store, or is damaged; it was left as it is."""

    code = "INVALID_STATE"


class ArtifactChangedError(StoreError):
    """An artifact is not what was logged: its size or SHA-256 differs from what the store kept."""

    code = "INVALID_STATE"


class UntrustedModelError(MltrackError):
    """A model folder would run code when it is loaded, and this user has neither made nor trusted it."""

    code = "PERMISSION_DENIED"


class UntrustedProjectError(MltrackError):
    """A project that is not this user's own would run code, and this user has not agreed; the message shows it."""

    code = "PERMISSION_DENIED"


class StoreVersionError(StoreError):
    """The store was written by a newer mltrack; it was left as it is."""

    code = "INVALID_STATE"


class ExecutionError(MltrackError):
    """A project could not be run as it was asked for, or its command failed; the message says why."""


ExecutionException = ExecutionError
"""MLflow's name of it."""


class ModelValidationError(MltrackError):
    """A model's metrics miss what they had to reach; ``result`` is the evaluation, where there was one."""

    code = "BAD_REQUEST"
    result: object = None


ModelValidationFailedException = ModelValidationError
"""MLflow's name of it."""

MlflowException = MltrackError
"""The name that MLflow's users import."""
