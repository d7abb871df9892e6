"""Who may ask: the Host and Origin of a request, and the token it shows.

A page of another site can have a browser send requests to servers on this machine: under a host name of its own that
it points here (DNS rebinding), or across origins. So the Host must be one the server has, and what a browser says of
where a request comes from must be the server itself.
"""

from __future__ import annotations

import hmac
from enum import Enum
from typing import TYPE_CHECKING

from mltrack.serving.refusals import refuse
from mltrack.serving.settings import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mltrack.serving.settings import Settings

ONCE = frozenset((b"host", b"origin", b"authorization", b"content-type", b"content-length", b"content-encoding"))
"""Headers of which a second one would leave open which of them counts."""

_SAFE = frozenset(("GET", "HEAD"))
_OWN_SITES = (b"same-origin", b"none")  # none: the user typed the address


class Access(Enum):
    """Who may use a route."""

    OPEN = "open"
    CALLER = "caller"
    OWNER = "owner"


def single_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Give the headers by name; raises a refusal where one of ``ONCE`` stands twice."""
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in found and name in ONCE:
            status, code = (403, "PERMISSION_DENIED") if name == b"host" else (400, "BAD_REQUEST")
            raise refuse(status, code, f"The header {name.decode()} is there twice.", close=True)
        found[name] = value
    return found


class Guard:
    """Decides by a server's settings, and the port that it has."""

    def __init__(self, settings: Settings, port: int) -> None:
        names = [_bracketed(name.lower()) for name in (*LOOPBACK, settings.host)]
        self._hosts = {f"{name}:{port}".encode() for name in names}
        self._hosts |= {name.lower().encode() for name in settings.allowed_hosts}
        if port == 80:  # which callers leave out
            self._hosts |= {name.encode() for name in names}
        self._any_host = not settings.is_local and not settings.allowed_hosts
        self._token = f"Bearer {settings.token}".encode() if settings.token else None
        self._key = f"Bearer {settings.key}".encode()

    def check_source(self, method: str, headers: Mapping[bytes, bytes]) -> None:
        """Refuse (403) what was sent to a name that is not this server's, or by a page that is not this server's."""
        host = headers.get(b"host", b"").lower()
        if not host or (host not in self._hosts and not self._any_host):
            raise refuse(403, "PERMISSION_DENIED", "The Host of the request is not this server's.", close=True)
        if method in _SAFE:
            return
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in (b"http://" + host, b"https://" + host):
            raise refuse(403, "PERMISSION_DENIED", "A page of another origin may not use this server.", close=True)
        if headers.get(b"sec-fetch-site", b"none").lower() not in _OWN_SITES:
            raise refuse(403, "PERMISSION_DENIED", "A page of another site may not use this server.", close=True)

    def check_access(self, access: Access, headers: Mapping[bytes, bytes]) -> None:
        """Refuse (401) who does not show the token that the route asks for, in the header Authorization."""
        wanted = {Access.OPEN: None, Access.CALLER: self._token, Access.OWNER: self._key}[access]
        if wanted is not None and not hmac.compare_digest(headers.get(b"authorization", b""), wanted):
            raise refuse(401, "UNAUTHENTICATED", "Send the header Authorization: Bearer TOKEN.", close=True)


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
