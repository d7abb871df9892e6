"""What a server is started with: what it serves, where, and its limits."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, TypedDict

from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORT = 5000
MEBIBYTE = 1024 * 1024
MOST_NAME = 200
"""So many characters a server's name may have."""


class ServeOptions(TypedDict, total=False):
    """The options of ``mltrack.serve``, which says what each means."""

    port: int | None
    host: str
    workers: int
    name: str | None
    detach: bool
    timeout: float
    max_body: int
    queue: int
    token: str | None
    allow_unauthenticated: bool
    allowed_hosts: Sequence[str]
    env_manager: str
    batching: bool | None
    header_timeout: float
    body_timeout: float
    start_timeout: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes: bytes, requests and connections, and seconds that it waits."""

    max_body: int = 16 * MEBIBYTE
    queue: int = 256
    connections: int = 1000
    timeout: float = 30.0
    header_timeout: float = 15.0
    body_timeout: float = 60.0
    start_timeout: float = 600.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise InvalidParameterError(f"{name} of a server must be a number above 0; it is {value!r}.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it, as it goes to the front's process.

    ``parent`` is the process that it ends with (``str`` of an ``Owner``), or None. ``key`` is what the owner's handle
    shows for ``/mltrack/…``, ``token`` what callers show, ``nonce`` what the server shows itself. ``folder`` is where
    its files are, empty for none. A ``numbered`` name gets a number where another server has it. ``path`` is where
    workers look for modules besides their own places. ``batching`` is for ``Scorer``.
    """

    model_uri: str
    python: str
    name: str
    key: str = field(repr=False)
    nonce: str
    folder: str
    host: str = "127.0.0.1"
    port: int | None = None
    workers: int = 1
    token: str | None = field(default=None, repr=False)
    allow_unauthenticated: bool = False
    allowed_hosts: tuple[str, ...] = ()
    parent: str | None = None
    tracking_uri: str | None = None
    registry_uri: str | None = None
    path: tuple[str, ...] = ()
    numbered: bool = False
    batching: bool | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.port is not None and not _is_whole(self.port, 0, 65535):
            raise InvalidParameterError(f"The port of a server must be from 0 to 65535; it is {self.port!r}.")
        if not _is_whole(self.workers, 1, 1024):
            raise InvalidParameterError(f"A server must have 1 to 1024 workers; {self.workers!r} was given.")
        if not isinstance(self.name, str) or not 0 < len(self.name) <= MOST_NAME or not self.name.isprintable():
            raise InvalidParameterError(
                f"The name of a server must have 1 to {MOST_NAME} printable characters; it is {self.name!r:.100}."
            )
        if self.batching not in (None, True, False):
            raise InvalidParameterError(
                f"batching of a server must be True, False or None; it is {self.batching!r:.100}."
            )
        if not isinstance(self.host, str):
            raise InvalidParameterError(f"The host of a server must be a text; it is {self.host!r:.100}.")
        if not self.is_local and self.token is None and not self.allow_unauthenticated:
            raise InvalidParameterError(
                f"A server on host {self.host!r} is open to other machines, so it needs a token; "
                "or say allow_unauthenticated where something before it, such as a container platform, checks callers."
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK

    def changed(self, **changes: Any) -> Self:
        """Give the same settings but for these."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """Give one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what ``to_json`` gave."""
        values = json.loads(text)
        tuples = {name: tuple(values.get(name, ())) for name in ("allowed_hosts", "path")}
        return cls(**values | tuples | {"limits": Limits(**values["limits"])})


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
