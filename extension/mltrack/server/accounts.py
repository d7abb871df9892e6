"""Making users and their tokens, and what names roles: what the command line and the routes share."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from mltrack.exceptions import InvalidParameterError
from mltrack.server.need import Role
from mltrack.server.passwords import check_password
from mltrack.server.tokens import digest_of, new_token

if TYPE_CHECKING:
    from mltrack.server.passwords import Passwords
    from mltrack.store.access_protocol import AccessStore, StoredToken, StoredUser

LONGEST_NAME, LONGEST_LABEL = 100, 200
DAY_MS = 24 * 60 * 60 * 1000
_NAME = re.compile(r"[\w.@+-]+(?: [\w.@+-]+)*")


class NewToken(NamedTuple):
    """A token that was just made: what is shown once, and what the store has of it."""

    text: str
    stored: StoredToken


def add_user(
    store: AccessStore, passwords: Passwords, *, name: str, password: str, is_admin: bool = False
) -> StoredUser:
    """Make a user of a store, the first an administrator."""
    check_user_name(name)
    return store.add_user(name, passwords.make(check_password(password, user=name)), is_admin=is_admin)


def set_password(store: AccessStore, passwords: Passwords, *, name: str, password: str) -> None:
    """Give a user another password; who logged in by the old one is out."""
    found = store.get_user(name)
    store.set_password(found.name, passwords.make(check_password(password, user=name)))


def add_token(store: AccessStore, name: str, *, label: str = "", days: float | None = None) -> NewToken:
    """Make a token of a user, which ends after so many days, or never."""
    if len(label) > LONGEST_LABEL or not label.isprintable():
        raise InvalidParameterError(f"A token's label is one line of at most {LONGEST_LABEL} characters.")
    if days is not None and not 0 < days < 36525:
        raise InvalidParameterError(f"A token lasts for some days, at most a hundred years; got {days:g}.")
    text = new_token()
    expires_at = None if days is None else time.time_ns() // 1_000_000 + int(days * DAY_MS)
    return NewToken(text, store.add_token(name, digest_of(text), label=label, expires_at=expires_at))


def check_user_name(name: str) -> str:
    """Give the name of a user back when it may be one; a colon would end it where a password is sent with it."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise InvalidParameterError(
            f"{name[:80]!r} is no name of a user; one has letters, digits, and . _ @ + -, words with one space "
            f"between them, and at most {LONGEST_NAME} characters."
        )
    return name


def read_role(said: str) -> Role:
    """Give the role of a name: none, read, edit, manage, or what MLflow calls them."""
    name = {"NO_PERMISSIONS": "NONE", "USE": "READ"}.get(said.upper(), said.upper())
    if name not in Role.__members__:
        raise InvalidParameterError(f"{said[:80]!r} is no role; {', '.join(each.name.lower() for each in Role)} are.")
    return Role[name]
