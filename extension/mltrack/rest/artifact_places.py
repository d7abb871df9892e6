"""Where a server says that artifacts lie, and how they are reached.

A server chooses that place, and it may be a bad one, so that it is not simply believed:

- ``mlflow-artifacts:`` is the server itself; an address of another server is refused, which would be told who asks.
- A bucket (``s3://…``) is opened with this user's own credentials for it, as with MLflow's clients: whoever uses a
  server with such experiments trusts it with the choice.
- A path on this machine is used only where the server is on this machine too, as ``mlflow server --no-serve-artifacts``
  is in a folder of one's own: it must be the folder that trackers make for that very run or model
  (``…/RUN_ID/artifacts``, ``…/models/MODEL_ID/artifacts``), without ``..``, in a folder whose own is there. So none can
  have a file read or written that is not in a folder of such a name, also one that a tunnel only makes seem near.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mltrack.artifacts.served import source_of_place
from mltrack.exceptions import InvalidParameterError, StoreError
from mltrack.model_names import is_model_id
from mltrack.plain_text import visible
from mltrack.rest.http_folder import SERVICE, HttpFolder
from mltrack.store.artifact_kinds import open_folder
from mltrack.store.artifacts import artifact_place, is_remote, safe_path

if TYPE_CHECKING:
    from mltrack.rest.address import Address
    from mltrack.rest.transport import Transport
    from mltrack.store.artifact_folder import ArtifactFolder

_OF_OWNER = re.compile(r"(?:^|/)(?:(models)/)?([^/]+)/artifacts(?:/(.*))?$")


def folder_at(transport: Transport, place: str, *, owner: str) -> ArtifactFolder:
    """Open the folder of a run's or model's artifacts; nothing is read or made yet.

    Parameters
    ----------
    transport
        The way to the server.
    place
        What the server says of where they lie.
    owner
        The id of the run or model.

    Raises
    ------
    StoreError
        When they cannot be reached from here, or must not be.
    """
    served = path_on_server(transport.address, place)
    if served is not None:
        return HttpFolder(transport, served)
    if is_remote(place):
        return open_folder(_checked(place))
    return open_folder(str(_own_folder(transport.address, place, owner)))


def path_on_server(address: Address, place: str) -> str | None:
    """Give the path of a place that goes through the server, None for a bucket or a path.

    Raises
    ------
    StoreError
        When it is on another server, or its path leads elsewhere.
    """
    scheme, _, rest = place.partition(":")
    if scheme.lower() not in ("mlflow-artifacts", "http", "https"):
        return None
    host, path = "", rest
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
    if host and not _is_same(address, scheme, host):
        raise StoreError(
            f"The artifacts lie on another server, {visible(host)[:120]!r}; mltrack sends nothing to servers that "
            f"{address.uri} names. Open that one as a tracking URI, if it is one.",
            "PERMISSION_DENIED",
        )
    path = path.strip("/")
    if scheme != "mlflow-artifacts":
        prefix = f"{address.path.strip('/')}/{SERVICE.strip('/')}/artifacts/".lstrip("/")
        path = unquote(path.removeprefix(prefix))
    return _checked_path(path) if path else ""


def _checked_path(path: str) -> str:
    try:
        return safe_path(path).text
    except InvalidParameterError as error:
        raise StoreError(f"The server names a place of artifacts that is none: {error}") from None


def _is_same(address: Address, scheme: str, host: str) -> bool:
    if scheme != "mlflow-artifacts" and scheme.lower() != address.scheme:
        return False
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port or address.port
    except ValueError:
        return False
    return parts.username is None and (parts.hostname or "") == address.host and port == address.port


def _checked(place: str) -> str:
    try:
        return artifact_place(place)
    except InvalidParameterError as error:
        raise StoreError(f"The server names a place of artifacts that is none: {error}") from None


def _own_folder(address: Address, place: str, owner: str) -> Path:
    """Give a folder of this machine that a server here made for a run or model."""
    shown = visible(place)[:200]
    if not address.is_here:
        raise StoreError(
            f"The artifacts are said to lie at {shown!r}, a path of the server's machine ({address.host}), which "
            "cannot be reached from here. Start the server with --serve-artifacts, or give the experiment a bucket (s3://…).",
            "PERMISSION_DENIED",
        )
    local = Path(_checked(place))
    match = _OF_OWNER.search(local.as_posix())
    is_own = match is not None and match[2] == owner and match[3] is None and (match[1] is None or is_model_id(owner))
    if not is_own or not local.is_absolute():
        raise StoreError(
            f"The server says that the artifacts of {owner} lie at {shown!r}, which is no folder that a tracker makes "
            f"for them (…/{owner}/artifacts), so that it is not touched.",
            "PERMISSION_DENIED",
        )
    above = [each for each in local.parents[1 : 5 if match and match[1] else 4] if each != each.parent]
    if not any(each.is_dir() for each in above):
        raise StoreError(
            f"The artifacts are said to lie at {shown!r}, and there is no folder {above[-1] if above else '/'} on this "
            f"machine: the server at {address.uri} may only seem to be on it. Start it with --serve-artifacts."
        )
    return local


def source_of(address: Address, place: str) -> str:
    """Give what names the files behind a version: by their run or model where the place shows that, else the bucket.

    Raises
    ------
    StoreError
        For a path on this machine that is of no run or model, and for another server's: neither is opened.
    """
    if place.startswith(("runs:/", "models:/")):
        return place
    served = path_on_server(address, place)
    if found := source_of_place(served if served is not None else place):
        return found
    if served is None and is_remote(place):
        return place
    raise StoreError(
        f"The server says that a model's files lie at {visible(place)[:200]!r}, which is of no run and no logged "
        "model; it is not opened.",
        "PERMISSION_DENIED",
    )
