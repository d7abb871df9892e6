"""Finding a port to listen on."""

from __future__ import annotations

import errno
import os
import socket

from mltrack.exceptions import AlreadyExistsError, MltrackError
from mltrack.serving.settings import DEFAULT_PORT

_TRIED = 100
_BACKLOG = 512


def listen(host: str, port: int | None) -> socket.socket:
    """Listen on a port; with None on the first that is free from 5000 on, else on any.

    Raises
    ------
    AlreadyExistsError
        When the port that was asked for is taken.
    MltrackError
        When the host is none of this machine's, or the port may not be used.
    """
    if port is not None:
        return _listen(host, port)
    for candidate in (*range(DEFAULT_PORT, DEFAULT_PORT + _TRIED), 0):
        try:
            return _listen(host, candidate)
        except AlreadyExistsError:
            continue
    raise AlreadyExistsError(f"No port of {host} is free.")


def _listen(host: str, port: int) -> socket.socket:
    found = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere this would share the port with who has it
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(_BACKLOG)
    except OSError as error:
        if found is not None:
            found.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES) and (port or error.errno == errno.EACCES):
            raise AlreadyExistsError(
                f"Port {port} of {host} is {'taken' if error.errno == errno.EADDRINUSE else 'not for this user'}; "
                "give another, or none for the next free one."
            ) from error
        raise MltrackError(f"The server cannot listen on {host} port {port}: {error.strerror or error}.") from error
    return found
