"""How often logging in may fail: counted by address and by user, in the store, which all processes share."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.access_protocol import AccessStore

WITHIN_MS = 60_000
PER_USER, PER_ADDRESS = 10, 30
"""Failures within a minute after which more are not looked at."""


class Failures:
    """Counts failed logins, and refuses more of those that had too many."""

    def __init__(self, store: AccessStore) -> None:
        self._store = store

    def check(self, client: str, name: str) -> None:
        """Raise REQUEST_LIMIT_EXCEEDED (429) for an address, or a user, of too many failures within the last minute."""
        if _are_too_many(self._store.failed_logins(_who(client, name), within_ms=WITHIN_MS), more=1):
            raise _too_many()

    def begin(self, client: str, name: str) -> None:
        """Count a try as a failure before the password is looked at; else all that come at once would have one.

        Raises REQUEST_LIMIT_EXCEEDED (429) as ``check`` does.
        """
        who = _who(client, name)
        with suppress(StoreError):  # a store that cannot be written: argon2 alone slows them down
            if _are_too_many(self._store.note_failed_login(who, within_ms=WITHIN_MS)):
                self._store.take_back_failed_login(who)
                raise _too_many()

    def forget(self, client: str, name: str) -> None:
        """Take a try back, which was right, and begin that user's count anew."""
        address, user = _who(client, name)
        with suppress(StoreError):
            self._store.take_back_failed_login([address])
            self._store.forget_failed_logins(user)


def _are_too_many(counts: Sequence[int], *, more: int = 0) -> bool:
    return any(count + more > most for count, most in zip(counts, (PER_ADDRESS, PER_USER), strict=True))


def _too_many() -> MltrackError:
    return MltrackError(
        "Too many failed logins; try again in a minute. Those who are logged in are not kept out.",
        "REQUEST_LIMIT_EXCEEDED",
    )


def _who(client: str, name: str) -> list[bytes]:
    return [_digest("address", _network(client)), _digest("user", name)]


def _network(client: str) -> str:
    """Give what one caller has of the addresses: of IPv6 a whole /64."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or int(address) >> 64)
    return str(address)


def _digest(kind: str, value: str) -> bytes:
    # A name that failed may be a password in the wrong field, so it is not kept as it is.
    return sha256(f"{kind}:{value}".encode()).digest()
