"""Tells who asks by the header Authorization: a name and a password, or a token."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from mltrack.exceptions import StoreError, UnauthenticatedError
from mltrack.server.gate import User
from mltrack.server.tokens import digest_of, is_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mltrack.server.failures import Failures
    from mltrack.server.passwords import Passwords
    from mltrack.server.remembered import Remembered
    from mltrack.store.access_protocol import AccessStore, Login, StoredUser

AUTHORIZATION = b"authorization"
LONGEST_HEADER = 4096
VERIFIED_SECONDS = 300.0
MOST_VERIFIED = 4096
NOBODY = (
    "Say who you are: by a user's name and password (MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD), "
    "or by a token (MLFLOW_TRACKING_TOKEN)."
)
WRONG = "The user's name and password, or the token, are not right, or no longer."


class Verified:
    """Passwords that were found right, by digests whose key dies with this process; argon2 takes too long for each."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._lock = threading.Lock()
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def digest(self, user: StoredUser, password: str) -> bytes:
        """Give the digest of a password with whose it is and the hash it fits, so that it goes when that changes."""
        said = "\0".join((user.name, user.password, password))
        return blake2b(said.encode(), key=self._key, digest_size=32).digest()

    def has(self, digest: bytes) -> bool:
        """Say whether that password was found right a short while ago."""
        return self._until.get(digest, 0.0) > self._clock()

    def add(self, digest: bytes) -> None:
        """Note that a password is right."""
        with self._lock:
            self._until[digest] = self._clock() + VERIFIED_SECONDS
            self._until.move_to_end(digest)
            while len(self._until) > MOST_VERIFIED:
                self._until.popitem(last=False)


class Credentials:
    """Finds the users of a store by what callers show."""

    def __init__(self, store: AccessStore, remembered: Remembered, passwords: Passwords, failures: Failures) -> None:
        self._store = store
        self._remembered = remembered
        self._passwords = passwords
        self._failures = failures
        self._verified = Verified()

    def user(self, headers: Mapping[bytes, bytes], client: str) -> User:
        """Tell who asks.

        Raises
        ------
        UnauthenticatedError
            When nothing is shown, or what is shown is wrong or no longer right.
        MltrackError
            REQUEST_LIMIT_EXCEEDED, after too many wrong passwords from that address or for that user.
        """
        scheme, value = _split(headers)
        if scheme == b"bearer":
            return self._by_token(value.decode("latin-1"))
        if scheme == b"basic":
            return self._by_password(*_pair(value), client)
        raise UnauthenticatedError(NOBODY)

    def recent(self, headers: Mapping[bytes, bytes]) -> User | None:
        """Tell who asks by what was found within the last second; None where the store must be asked."""
        scheme, value = _split(headers)
        if scheme == b"bearer":
            login = self._remembered.recent(("token", digest_of(value.decode("latin-1"))))
            return _user(login.user) if login is not None and _is_valid(login) else None
        if scheme == b"basic":
            name, password = _pair(value)
            user = self._remembered.recent(("user", name))
            return (
                _user(user) if user is not None and self._verified.has(self._verified.digest(user, password)) else None
            )
        return None

    def _by_token(self, token: str) -> User:
        # Wrong ones are not counted: nobody guesses 256 random bits, and a program that goes on with one that has ended
        # must not keep those at the same address out.
        if is_token(token):
            digest = digest_of(token)
            login = self._remembered.find(
                ("token", digest), lambda: self._store.find_token(digest), lets_in=lambda found: found is not None
            )
            if login is not None and _is_valid(login) and hmac.compare_digest(login.digest, digest):
                return _user(login.user)
        raise UnauthenticatedError(WRONG)

    def _by_password(self, name: str, password: str, client: str) -> User:
        user = self._find(name)
        if user is not None and self._verified.has(self._verified.digest(user, password)):
            return _user(user)
        self._failures.check(client, name)
        begin = partial(self._failures.begin, client, name)
        if not self._passwords.is_right(user.password if user else None, password, begin=begin) or user is None:
            raise UnauthenticatedError(WRONG)
        self._failures.forget(client, name)
        self._renew(user, password)
        self._verified.add(self._verified.digest(user, password))
        return _user(user)

    def check_password(self, name: str, password: str, client: str) -> None:
        """Raise UnauthenticatedError unless it is that user's password, and count what is wrong."""
        self._by_password(name, password, client)

    def _find(self, name: str) -> StoredUser | None:
        return self._remembered.find(
            ("user", name), lambda: self._store.find_user(name), lets_in=lambda found: found is not None
        )

    def _renew(self, user: StoredUser, password: str) -> None:
        """Make the hash anew where it was made by other parameters than are used now."""
        if not self._passwords.is_outdated(user.password):
            return
        with suppress(StoreError):  # a store that cannot be written keeps the old one
            self._store.renew_hash(user.id, old=user.password, new=self._passwords.make(password))
            self._remembered.forget()


def _split(headers: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    shown = headers.get(AUTHORIZATION, b"")
    if len(shown) > LONGEST_HEADER:
        raise UnauthenticatedError(WRONG)
    scheme, _, value = shown.strip().partition(b" ")
    return scheme.lower(), value.strip()


def _pair(value: bytes) -> tuple[str, str]:
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise UnauthenticatedError(WRONG) from None
    if not colon or "\0" in name:
        raise UnauthenticatedError(WRONG)
    return name, password


def _is_valid(login: Login) -> bool:
    return login.expires_at is None or login.expires_at > time.time() * 1000


def _user(found: StoredUser) -> User:
    return User(found.id, found.name, found.is_admin)
