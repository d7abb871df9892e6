"""The address of a tracking server, and who asks it: read from a tracking URI and the environment."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self
from urllib.parse import unquote, urlsplit

from mltrack import config
from mltrack.exceptions import InvalidParameterError


@dataclass(frozen=True, slots=True)
class Address:
    """A server: ``uri`` is without credentials, so that it may be shown; ``path`` is what all its paths begin with."""

    uri: str
    scheme: str
    host: str
    port: int
    path: str
    given: str | None = field(repr=False)

    @classmethod
    def of(cls, uri: str) -> Self:
        """Read a tracking URI; its own user and password go before those of the environment.

        Raises
        ------
        InvalidParameterError
            When it is no URI of a server.
        """
        parts = urlsplit(config.server_uri(uri))
        shown = config.without_user(parts.geturl())
        port = parts.port or (443 if parts.scheme == "https" else 80)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        given = _basic(user, password) if user else None
        return cls(shown, parts.scheme, parts.hostname or "", port, parts.path, given)

    @property
    def authorization(self) -> str | None:
        """What the header Authorization shall say: what the URI gave, else what the environment says by now."""
        return self.given or _from_environment()

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine, by its name."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _from_environment() -> str | None:
    """Give what the header Authorization shall say: a name and password go before a token, as with MLflow."""
    name, password, token = config.USERNAME.get(), config.PASSWORD.get(), (config.TOKEN.get() or "").strip()
    if name and password:
        return _basic(name, password)
    if not (token.isascii() and token.isprintable()):
        raise InvalidParameterError(f"{config.TOKEN.name} holds a character that no token has; set it anew.")
    return f"Bearer {token}" if token else None


def _basic(name: str, password: str) -> str:
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"
