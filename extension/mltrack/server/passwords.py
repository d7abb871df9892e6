"""Passwords: what may be one, and their hashes by argon2id (RFC 9106)."""

from __future__ import annotations

import threading
import unicodedata
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from mltrack.exceptions import InvalidParameterError, MltrackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORTEST, LONGEST = 12, 512
"""Characters of a password, as in MLflow at least 12."""
AT_ONCE, WAITING = 2, 4
"""So many passwords are looked at at a time, and so many wait: each takes memory and a core."""


def check_password(password: str, *, user: str) -> str:
    """Give a password back when it may be one; InvalidParameterError says why not, and never shows it."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidParameterError(f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}.")
    if password.casefold() == user.casefold() or len(set(password)) == 1:
        raise InvalidParameterError(
            "The password is the user's name, or one character again and again; choose another."
        )
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in password):
        raise InvalidParameterError("The password has a control character in it; choose another.")
    return password


class Passwords:
    """Makes and checks hashes; ``hasher`` says how costly one is (default: some 50 ms and 32 MiB)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._room = threading.BoundedSemaphore(AT_ONCE + WAITING)

    def make(self, password: str) -> str:
        """Give the hash of a password, which says how it was made."""
        return self._hasher.hash(_plain(password))

    def is_right(self, stored: str | None, password: str, *, begin: Callable[[], None] = lambda: None) -> bool:
        """Say whether a password is the one of a hash; for no hash (an unknown user) it takes as long to say no.

        ``begin`` is called when its turn has come, before it is looked at.

        Raises
        ------
        MltrackError
            REQUEST_LIMIT_EXCEEDED, when too many are being looked at.
        """
        with self._turn():
            begin()
            nobodys = self._nobodys  # also where it is not needed, since making it takes as long again
            try:
                self._hasher.verify(stored or nobodys, _plain(password))
            except (Argon2Error, InvalidHashError):
                return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Say whether a hash was made otherwise than those that are made now."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody has this password")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise MltrackError("Too many log in at this moment; try again later.", "REQUEST_LIMIT_EXCEEDED")
        try:
            with self._turns:
                yield
        finally:
            self._room.release()


def _plain(password: str) -> str:
    # The same letters have several spellings in Unicode, and keyboards differ in which they give.
    return unicodedata.normalize("NFC", password[: LONGEST + 1])
