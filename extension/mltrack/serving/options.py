"""The options of ``mltrack.serve`` as the settings of a server."""

from __future__ import annotations

import os
import secrets
import sys
from typing import TYPE_CHECKING, Any

from mltrack import settings as tracking
from mltrack.exceptions import InvalidParameterError, MltrackError
from mltrack.extra_libraries import need_libraries
from mltrack.process import current_owner
from mltrack.serving.settings import LOOPBACK, Limits, ServeOptions, Settings
from mltrack.serving.states import servers_folder
from mltrack.serving.targets import model_uri_of, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIBRARIES = ("httptools", "starlette", "uvicorn")
_ENVIRONMENTS = ("local", "uv", "conda")
_LIMITS = ("max_body", "queue", "timeout", "header_timeout", "body_timeout", "start_timeout")


def settings_of(model: Any, options: Mapping[str, Any], *, owned: bool, folder: str | None = None) -> Settings:
    """Make the settings of a server of a model; ``owned`` ends it with this process.

    What is no URI yet is logged, once all else is found to be right.

    ``folder`` is where its files are; an empty text for none, None for the user's.

    Raises
    ------
    InvalidParameterError
        When there is no such option, or its value is not allowed.
    MissingLibraryError
        When the libraries of the extra ``serve`` are not installed.
    """
    unknown = sorted(options.keys() - ServeOptions.__annotations__.keys())
    if unknown:
        raise InvalidParameterError(
            f"mltrack.serve has no option {unknown[0]!r}; it has {', '.join(sorted(ServeOptions.__annotations__))}."
        )
    _check_libraries()
    host = options.get("host") or LOOPBACK[0]
    is_open = options.get("allow_unauthenticated", False)
    name = options.get("name")
    manager = options.get("env_manager", "local")
    if manager not in _ENVIRONMENTS:
        raise InvalidParameterError(f"env_manager must be one of {', '.join(_ENVIRONMENTS)}; it is {manager!r:.100}.")
    made = Settings(
        "",
        sys.executable,
        "model" if name is None else name,
        key=secrets.token_urlsafe(32),
        nonce=secrets.token_hex(16),
        folder=str(servers_folder()) if folder is None else folder,
        host=host,
        port=options.get("port"),
        workers=options.get("workers", 1),
        token=_token(options.get("token"), needed=host not in LOOPBACK and not is_open),
        allow_unauthenticated=is_open,
        allowed_hosts=_hosts(options.get("allowed_hosts", ())),
        parent=str(current_owner()) if owned else None,
        tracking_uri=tracking.get_tracking_uri(),
        registry_uri=tracking.get_registry_uri(),
        path=tuple(map(os.path.abspath, sys.path)) if manager == "local" else (),
        numbered=name is None,
        batching=options.get("batching"),
        limits=Limits(**{each: options[each] for each in _LIMITS if each in options}),
    )
    uri = model_uri_of(model)
    return made.changed(model_uri=uri, python=_python(uri, manager), name=name_of(uri, model) if name is None else name)


def _token(given: Any, *, needed: bool) -> str | None:
    if given is None:
        return secrets.token_urlsafe(32) if needed else None
    if isinstance(given, str) and given.isascii() and given.isprintable() and len(given) >= 16:
        return given
    raise InvalidParameterError("A token must have 16 or more characters, all of them printable ASCII.")


def _hosts(given: Any) -> tuple[str, ...]:
    if isinstance(given, (list, tuple)) and all(isinstance(each, str) for each in given):
        return tuple(given)
    raise InvalidParameterError(f"allowed_hosts must be a list of names, as ['ml.example']; it is {given!r:.100}.")


def _python(model_uri: str, manager: str) -> str:
    """Give the Python that loads the model: this one, or that of a fresh environment of the model's requirements."""
    if manager == "local":
        return sys.executable
    from mltrack.deploying.environments import prepare  # makes environments, which is asked for seldom

    return str(prepare(model_uri, manager))


def _check_libraries() -> None:
    if os.name != "posix":
        raise MltrackError("Servers need Linux or macOS: their processes speak over Unix sockets.")
    need_libraries("Serving models", _LIBRARIES, extra="serve")
