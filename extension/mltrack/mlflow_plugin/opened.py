"""Opening the store that a plugin's URI names, and its errors as MLflow's."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlflow.exceptions import MlflowException

from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.settings import open_store

if TYPE_CHECKING:
    from mltrack.store.protocol import Store

SCHEME = "mltrack"


def path_of(uri: str) -> str:
    """Give the path in ``mltrack:///PATH``; four slashes make it absolute as well, as with ``sqlite:``."""
    parts = urlsplit(uri)
    if parts.scheme != SCHEME or parts.netloc or not parts.path.strip("/"):
        raise InvalidParameterError(f"{uri[:200]!r} names no mltrack store; give mltrack:///PATH/mltrack.db.")
    return "/" + unquote(parts.path).lstrip("/")


@lru_cache(maxsize=8)
def opened(uri: str) -> Store:
    """Give the store of a URI; the tracking and the registry of one process share it."""
    return open_store(path_of(uri))


def in_mlflows_words(kind: type[Any]) -> type[Any]:
    """Let the methods of a class raise MLflow's exceptions for ours."""
    for name, method in list(vars(kind).items()):
        if callable(method) and not name.startswith("__"):
            setattr(kind, name, _telling(method))
    return kind


def _telling(method: Any) -> Any:
    @wraps(method)
    def told(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except MltrackError as error:
            raise MlflowException(error.message, error_code=_code(error.error_code)) from error

    return told


def _code(name: str) -> int:
    from mlflow.protos import databricks_pb2  # its numbers of the error names

    found: int = databricks_pb2.ErrorCode.Value(name if name != "INVALID_STATE" else "INVALID_PARAMETER_VALUE")
    return found
