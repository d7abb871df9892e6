"""Where a request may come from: the Host it was sent to, and the Origin of the page that sent it.

A page of another site can have a browser send requests to this server: under a host name of its own that it points here
(DNS rebinding), or across origins. So the Host must be one that the server has, and what a browser says of where a
request comes from must be the server itself or an origin that was allowed by name.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from mltrack.server.settings import LOOPBACK, bracketed
from mltrack.serving.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mltrack.server.settings import ServerSettings

    Pairs = list[tuple[bytes, bytes]]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN_SITES = (b"same-origin", b"none")  # none: the user typed the address
_DAY = b"86400"
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Headers of every answer; one that has some of these itself keeps its own."""


class Guard:
    """Decides by a server's settings."""

    def __init__(self, settings: ServerSettings) -> None:
        self._is_standard = settings.port == (443 if settings.is_encrypted else 80)  # which callers leave out
        self._port = settings.port
        names = [*LOOPBACK, settings.host, *([] if settings.is_local else [socket.gethostname()])]
        self._hosts = {each for name in names for each in self._named(name)}
        for name in settings.allowed_hosts:
            self._hosts |= {name.lower().encode(), f"{name.lower()}:{self._port}".encode()}
        self._origins = {origin.lower().encode() for origin in settings.cors_origins}

    def check(self, method: str, headers: Mapping[bytes, bytes], address: Iterable[object] | None) -> Pairs:
        """Give the headers that the answer to an allowed origin has.

        ``address`` is the one of this machine that the connection came to: an address cannot be pointed elsewhere, so
        it is a name of the server. Raises a refusal (403) of what was sent to a name that is not this server's, or by a
        page of another origin.
        """
        host = headers.get(b"host", b"").lower()
        if host not in self._hosts and host not in self._of_address(address):
            raise refuse(
                *(403, "PERMISSION_DENIED"),
                "The Host of the request is not this server's; start it with --allowed-hosts to give it more names.",
                close=True,
            )
        origin = headers.get(b"origin", b"").lower()
        if origin in self._origins:
            return _answered(headers[b"origin"])
        if method not in _SAFE:
            self._check_origin(origin, host, headers)
        return [(b"vary", b"origin")] if self._origins else []

    def preflight(self, headers: Mapping[bytes, bytes], methods: Iterable[str]) -> Pairs:
        """Give the headers that tell a browser what a page of an allowed origin may send; none for other pages."""
        if headers.get(b"origin", b"").lower() not in self._origins or b"access-control-request-method" not in headers:
            return []
        return [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", b"authorization, content-type, x-mlflow-client-version"),
            (b"access-control-max-age", _DAY),
        ]

    def _check_origin(self, origin: bytes, host: bytes, headers: Mapping[bytes, bytes]) -> None:
        if origin and origin not in (b"http://" + host, b"https://" + host):
            raise refuse(
                *(403, "PERMISSION_DENIED"),
                "A page of another origin may not use this server; start it with --cors-allowed-origins to let it.",
                close=True,
            )
        if headers.get(b"sec-fetch-site", b"none").lower() not in _OWN_SITES:
            raise refuse(403, "PERMISSION_DENIED", "A page of another site may not use this server.", close=True)

    def _named(self, name: str) -> Iterable[bytes]:
        """Give a name as Hosts have it: with the server's port, and alone where that is the standard one."""
        plain = bracketed(name.lower())
        return [f"{plain}:{self._port}".encode(), *([plain.encode()] if self._is_standard else [])]

    def _of_address(self, address: Iterable[object] | None) -> Iterable[bytes]:
        host = str(next(iter(address or ()), ""))
        return self._named(host.removeprefix("::ffff:")) if host else ()  # which is how IPv6 has addresses of IPv4


def _answered(origin: bytes) -> Pairs:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"content-disposition, retry-after"),
        (b"vary", b"origin"),
    ]
