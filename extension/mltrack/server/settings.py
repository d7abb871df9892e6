"""What a tracking server is started with."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Self

from mltrack.exceptions import InvalidParameterError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COUNTS = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which processes share a folder for their counts; prometheus_client reads it when it is imported."""

_ORIGIN = re.compile(r"https?://[^\s/?#@*,]+")
_HOST = re.compile(r"[^\s/?#@*,]+")
_PREFIX = re.compile(r"(/[\w.~-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """All of it, as it goes to the processes that answer.

    ``store_uri`` is the store; ``default_artifact_root`` where the artifacts of new experiments lie as clients see it;
    ``artifacts_destination`` where the server keeps those that go through it (``serve_artifacts``); ``prefix`` is what
    all paths begin with; ``allowed_hosts`` and ``cors_origins`` are names of the server beside its own, and the origins
    whose pages may use it; ``has_users`` says that callers must say who they are; the files are PEM, both or none.
    """

    store_uri: str
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    default_artifact_root: str | None = None
    artifacts_destination: str | None = None
    serve_artifacts: bool = True
    prefix: str = ""
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    has_users: bool = False
    default_role: str = "read"
    ssl_keyfile: str | None = None
    ssl_certfile: str | None = None

    def __post_init__(self) -> None:
        if self.prefix and (not _PREFIX.fullmatch(self.prefix) or {".", ".."} & set(self.prefix.split("/"))):
            raise InvalidParameterError(
                f"The prefix of a server is a path such as /tracking, with no / at its end; it is {self.prefix!r:.100}."
            )
        for origin in self.cors_origins:
            if not _ORIGIN.fullmatch(origin):
                raise InvalidParameterError(
                    f"An allowed origin is a scheme and a host, such as https://lab.example:8443; got {origin!r:.100}. "
                    "A pattern would let pages of others act for whoever opens them."
                )
        for host in self.allowed_hosts:
            if not _HOST.fullmatch(host):
                raise InvalidParameterError(
                    f"An allowed host is a name or an address, with a port or without; got {host!r:.100}. "
                    "Patterns are not taken: name each."
                )
        if (self.ssl_keyfile is None) != (self.ssl_certfile is None):
            raise InvalidParameterError("TLS needs both --ssl-keyfile and --ssl-certfile.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK

    @property
    def is_encrypted(self) -> bool:
        """Whether the server speaks TLS."""
        return self.ssl_certfile is not None

    @property
    def url(self) -> str:
        """Where the server is, as its own machine sees it."""
        return f"{'https' if self.is_encrypted else 'http'}://{bracketed(self.host)}:{self.port}{self.prefix}"

    def to_json(self) -> str:
        """Give one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` gave."""
        values: dict[str, Any] = json.loads(text)
        tuples = {name: tuple(values.get(name, ())) for name in ("allowed_hosts", "cors_origins")}
        return cls(**values | tuples)


def bracketed(host: str) -> str:
    """Give a host as addresses name it: one of IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
