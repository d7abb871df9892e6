"""Who may what: tells callers by their credentials, and whether one may use a route on its objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mltrack.server.need import Role

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mltrack.server.call import Call
    from mltrack.server.need import Need, Thing


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who was told by credentials."""

    id: int
    name: str
    is_admin: bool = False


class Gate(Protocol):
    """Decides who may what. Its methods may read the store, so they are called in threads."""

    def identify(self, headers: Mapping[bytes, bytes], client: str) -> User | None:
        """Tell who asks by the header Authorization; None where nobody needs to say.

        ``client`` is the address that asks. Raises MltrackError UNAUTHENTICATED (401) for none, or wrong, credentials,
        and REQUEST_LIMIT_EXCEEDED (429) after too many wrong ones.
        """

    def recent(self, headers: Mapping[bytes, bytes]) -> User | None:
        """Tell who asks where that is known without reading the store, else give None; it never waits."""

    def check(self, need: Need, call: Call) -> None:
        """Raise MltrackError PERMISSION_DENIED (403) when the caller has not what the route needs."""

    def role(self, user: User | None, thing: Thing) -> Role:
        """Give what somebody may do with an object."""

    def readable(self, user: User | None, kind: str) -> Collection[str] | None:
        """Give the keys of all objects of a kind that somebody may read; None for all there are."""

    def made(self, user: User | None, thing: Thing) -> None:
        """Note that somebody made an object, and so may manage it."""

    def renamed(self, thing: Thing, name: str) -> None:
        """Let what was given of a registered model follow its new name."""

    def deleted(self, thing: Thing) -> None:
        """Forget what was given of an object that is gone for good."""


class OpenGate:
    """Lets everybody do everything: for a server that only this machine can reach."""

    def identify(self, headers: Mapping[bytes, bytes], client: str) -> User | None:
        """Tell nobody."""
        del headers, client
        return None

    def recent(self, headers: Mapping[bytes, bytes]) -> User | None:
        """Tell nobody."""
        del headers
        return None

    def check(self, need: Need, call: Call) -> None:
        """Refuse nothing, but find what the request is about, so that it is told when that is not there."""
        del need, call

    def role(self, user: User | None, thing: Thing) -> Role:
        """Give the highest role."""
        del user, thing
        return Role.MANAGE

    def readable(self, user: User | None, kind: str) -> Collection[str] | None:
        """Give None: all."""
        del user, kind
        return None

    def made(self, user: User | None, thing: Thing) -> None:
        """Note nothing."""

    def renamed(self, thing: Thing, name: str) -> None:
        """Note nothing."""

    def deleted(self, thing: Thing) -> None:
        """Note nothing."""
