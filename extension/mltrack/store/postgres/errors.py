"""What went wrong with a PostgreSQL database, said so that one knows what to do; passwords are never among it."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from mltrack.exceptions import (
    InvalidParameterError,
    MltrackError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from mltrack.masking import MASK

_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)
VALUE_ERRORS = (psycopg.DataError, errors.ProgramLimitExceeded, OverflowError, UnicodeEncodeError)
"""What is raised for a value that PostgreSQL cannot keep."""
_ADVICE = (
    (
        (errors.DiskFull, errors.OutOfMemory),
        StoreFullError,
        "could not be written: {}. Free some space on its server; what was acknowledged before is safe.",
    ),
    (
        (errors.TooManyConnections, errors.ConfigurationLimitExceeded),
        StoreBusyError,
        "takes no more connections: {}. Use fewer server processes, or raise max_connections; then try again.",
    ),
    (
        (errors.LockNotAvailable, errors.QueryCanceled, *_CONFLICTS),
        StoreBusyError,
        "was held by another writer for too long: {}. Try again; pg_stat_activity shows who waits for whom.",
    ),
    (
        (errors.ReadOnlySqlTransaction,),
        StoreReadOnlyError,
        "takes no writes: {}. It is a standby, or was set to be read only; give the address of the primary.",
    ),
    (
        (errors.InsufficientPrivilege,),
        StoreReadOnlyError,
        "cannot be used by this role: {}. Its owner must give it rights on the tables and on the schema.",
    ),
    (
        (errors.InvalidPassword, errors.InvalidAuthorizationSpecification),
        StoreError,
        "refused to let us in: {}. Check the user and password in the URI, in PGPASSWORD or in ~/.pgpass.",
    ),
    (
        (errors.InvalidCatalogName,),
        StoreError,
        "is not there: {}. Make the database first, as with `createdb`.",
    ),
    (
        (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction),
        StoreError,
        "lacks what this version of mltrack needs: {}. Was it changed by hand, or is search_path another?",
    ),
)
_QUESTION = re.compile(r" Is the server running[^?]*\?")  # the library's; ours comes last
_ENDED = {"57P01", "57P02", "57P03", "57P05", "25P03"}  # shut down, crashed, starting up, idle for too long
_LOGIN = (  # what the library says without a code, since no session began
    ("password authentication failed", errors.InvalidPassword),
    ("no password supplied", errors.InvalidPassword),
    ("no pg_hba.conf entry", errors.InvalidAuthorizationSpecification),
    ("role ", errors.InvalidAuthorizationSpecification),
    ("sorry, too many clients", errors.TooManyConnections),
    ("too many connections", errors.TooManyConnections),
    ("remaining connection slots", errors.TooManyConnections),
)


def is_conflict(error: BaseException) -> bool:
    """Say whether a transaction was undone because of another one, and may be tried again."""
    return isinstance(error, _CONFLICTS)


def is_lost(error: BaseException) -> bool:
    """Say whether the connection is gone, or could not be made for now: another one may do."""
    if not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return False
    if error.sqlstate is None:
        return _kind(error) is None
    return error.sqlstate in _ENDED or error.sqlstate.startswith("08")


def is_crowded(error: BaseException) -> bool:
    """Say whether there was no connection left for us, which may pass."""
    return issubclass(_kind(error) or type(error), errors.TooManyConnections)


def translated(error: BaseException, where: str, *, password: str | None = None) -> MltrackError:
    """Turn a driver's error into one that says what to do; ``where`` is the URI without its password."""
    text = _QUESTION.sub("", " ".join(str(error).split()))
    if password:
        text = text.replace(password, MASK)
    if isinstance(error, VALUE_ERRORS):
        return value_error(error)
    kind = _kind(error) or type(error)
    for kinds, ours, advice in _ADVICE:
        if issubclass(kind, kinds):
            return ours(f"The store {where} {advice.format(text)}")
    if is_lost(error):
        return StoreBusyError(
            f"The store {where} cannot be reached: {text}. Is the server running, and are host and port right? "
            "What was acknowledged before is safe."
        )
    return StoreError(f"The store {where} failed: {text}.")


def _kind(error: BaseException) -> type[BaseException] | None:
    """Give the class that an error of a log-in should have had."""
    if not isinstance(error, psycopg.OperationalError) or error.sqlstate is not None:
        return None
    text = str(error)
    if 'database "' in text and "does not exist" in text:
        return errors.InvalidCatalogName
    return next(
        (
            kind
            for start, kind in _LOGIN
            if f"FATAL:  {start}" in text or f"FATAL: {start}" in text or f"error: {start}" in text
        ),
        None,
    )


def value_error(error: BaseException) -> MltrackError:
    """Turn the error of a value into one that says what is wrong with it."""
    text = " ".join(str(error).split())
    if "NUL" in text or "0x00" in text:
        return InvalidParameterError(
            "A text has a NUL character (\\0), which PostgreSQL keeps in no text; take it out, or log a file instead."
        )
    if isinstance(error, UnicodeEncodeError):
        return InvalidParameterError("A text has half a character (a lone surrogate), which UTF-8 does not know.")
    return InvalidParameterError(f"A value is none that PostgreSQL can keep: {text}")
