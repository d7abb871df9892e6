"""The errors mltrack raises: one base, a few children, each with MLflow's error code."""

from __future__ import annotations


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


class StoreError(MltrackError):
    """The store could not be opened, read or written."""

    code = "INTERNAL_ERROR"


class StoreBusyError(StoreError):
    """Another process held the store's write lock for longer than the time limit."""

    code = "TEMPORARILY_UNAVAILABLE"


class StoreFullError(StoreError):
    """There is no room for a write; what was acknowledged before is safe."""

    code = "RESOURCE_EXHAUSTED"


class StoreReadOnlyError(StoreError):
    """The store's file or folder cannot be written by this user."""

    code = "PERMISSION_DENIED"


class StoreFormatError(StoreError):
    """The file is not an mltrack store, or is damaged; it was left as it is."""

    code = "INVALID_STATE"


class StoreVersionError(StoreError):
    """The store was written by a newer mltrack; it was left as it is."""

    code = "INVALID_STATE"


MlflowException = MltrackError
"""The name that MLflow's users import."""
