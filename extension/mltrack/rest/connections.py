"""Connections to a server: urllib3's pool of them, through the environment's proxy, with TLS checked."""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from mltrack import __version__, config
from mltrack.exceptions import InvalidParameterError
from mltrack.masking import mask_text

if TYPE_CHECKING:
    from mltrack.rest.address import Address

KEPT = 16
"""Connections that are kept open for the threads of this process."""


class Connections:
    """The connections of one process to one server; a forked child opens its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._process = 0
        self._pool: urllib3.PoolManager | None = None

    def pool(self) -> urllib3.PoolManager:
        """Give this process's pool."""
        process = os.getpid()
        if self._pool is None or self._process != process:
            self._pool, self._process = _new_pool(self._address), process
        return self._pool

    @property
    def headers(self) -> dict[str, str]:
        """What each request says of who asks."""
        found = {"User-Agent": f"mltrack/{__version__}"}
        if authorization := self._address.authorization:
            found["Authorization"] = authorization
        return found


def _new_pool(address: Address) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": KEPT, "num_pools": 4, **_tls(address)}
    proxy = _proxy(address)
    if proxy is None:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    headers = {}
    if parts.username:
        user, password = unquote(parts.username), unquote(parts.password or "")
        headers = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}")
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _tls(address: Address) -> dict[str, Any]:
    """Say how certificates are checked: always, unless the user wants it otherwise."""
    insecure, authority = config.INSECURE_TLS.get() or "", config.SERVER_CERTIFICATE.get()
    is_insecure = insecure.lower() in ("true", "1")
    if is_insecure and authority:
        raise InvalidParameterError(
            f"{config.INSECURE_TLS.name} and {config.SERVER_CERTIFICATE.name} are both set; unset one of them."
        )
    found: dict[str, Any] = {"cert_reqs": "CERT_NONE" if is_insecure else "CERT_REQUIRED"}
    asked = [config.SERVER_CERTIFICATE, config.CLIENT_CERTIFICATE]
    if address.scheme == "https" and not is_insecure and not authority:
        authority = config.OTHERS_CERTIFICATES.get()
        asked.append(config.OTHERS_CERTIFICATES)
    for variable in asked:
        if (named := variable.get()) and not Path(named).exists():
            raise InvalidParameterError(f"{variable.name} names {named!r}, where there is nothing; set it anew.")
    if authority:
        found["ca_cert_dir" if Path(authority).is_dir() else "ca_certs"] = authority
    if own := config.CLIENT_CERTIFICATE.get():
        found["cert_file"] = own
    return found


def _proxy(address: Address) -> str | None:
    """Give the proxy that the environment names for a server, as requests finds it; None for none."""
    proxies = getproxies()
    found = proxies.get(address.scheme) or proxies.get("all")
    if not found or _is_bypassed(address, proxies.get("no", "")):
        return None
    whole = found if "://" in found else f"http://{found}"
    if not whole.lower().startswith(("http://", "https://")):
        raise InvalidParameterError(
            f"The proxy {mask_text(whole)!r} of the environment is of a kind that mltrack cannot use; "
            "name one of http:// or https://, or put the server into NO_PROXY."
        )
    return whole


def _is_bypassed(address: Address, excepted: str) -> bool:
    named = f"[{address.host}]" if ":" in address.host else address.host
    if proxy_bypass(f"{named}:{address.port}") or proxy_bypass(address.host):
        return True
    try:
        own = ip_address(address.host)
    except ValueError:
        return False
    return any(_contains(each.strip(), own) for each in excepted.split(","))


def _contains(network: str, address: Any) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:  # a name
        return False
