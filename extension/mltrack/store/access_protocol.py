"""What a store must do for a server with users: who may come in, and what each may do with which object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A user. ``password`` is what argon2 made of it; times are ms since 1970."""

    id: int
    name: str
    password: str = field(repr=False)
    is_admin: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A user's token, of which only the digest is kept; it never expires when ``expires_at`` is None."""

    id: int
    label: str
    created_at: int
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Login:
    """Whose a token is, and when it expires; ``digest`` is what the store has of it."""

    user: StoredUser
    digest: bytes
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class GivenRole:
    """A role that was given of an object; ``kind`` and ``key`` are those of ``server.need.Thing``, 0 is no role."""

    user: str
    kind: str
    key: str
    role: int


class AccessStore(Protocol):
    """A place that keeps users, tokens and roles.

    A user that is not there is a NotFoundError. Every change of users, tokens or roles makes ``access_version``
    another number in the same transaction, so that all processes of a server learn of it.
    """

    def add_user(self, name: str, password: str, *, is_admin: bool = False) -> StoredUser:
        """Make a user, the first of all an administrator; ``password`` is its hash."""

    def find_user(self, name: str) -> StoredUser | None:
        """Give a user, or None."""

    def get_user(self, name: str) -> StoredUser:
        """Give a user."""

    def list_users(self) -> Sequence[StoredUser]:
        """Give all users by name."""

    def has_users(self) -> bool:
        """Say whether there is any user."""

    def remove_user(self, name: str) -> None:
        """Remove a user with its tokens and roles; the last administrator is refused."""

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password, by its hash."""

    def renew_hash(self, user_id: int, *, old: str, new: str) -> None:
        """Replace the hash of a password by another of the same, unless it was changed meanwhile."""

    def set_admin(self, name: str, *, is_admin: bool) -> None:
        """Make a user an administrator, or no longer; the last one is refused."""

    def add_token(self, name: str, digest: bytes, *, label: str = "", expires_at: int | None = None) -> StoredToken:
        """Keep a token of a user by its digest."""

    def list_tokens(self, name: str) -> Sequence[StoredToken]:
        """Give a user's tokens, the oldest first."""

    def revoke_token(self, name: str, token_id: int) -> None:
        """Remove a token of a user; NotFoundError when there is none."""

    def find_token(self, digest: bytes) -> Login | None:
        """Give whose token it is, or None; the caller looks whether it has expired."""

    def give_role(self, name: str, kind: str, key: str, role: int | None) -> None:
        """Give a user a role of an object, or with None take back what was given; NotFoundError for no object."""

    def given_role(self, user_id: int, kind: str, key: str) -> int | None:
        """Give the role that a user was given of an object, or None."""

    def given_roles(self, *, user: str | None = None, thing: tuple[str, str] | None = None) -> Sequence[GivenRole]:
        """Give the roles of a user, of an object (kind, key), or all."""

    def readable_keys(self, user_id: int, kind: str, *, default: int) -> frozenset[str] | None:
        """Give the keys of the objects of a kind that a user may read by what was given; None for all."""

    def access_version(self) -> int:
        """Give a number that is another once users, tokens or roles were changed, by whomever."""

    def experiment_of(self, kind: str, key: str) -> str | None:
        """Give the experiment of a run, a logged model or an experiment's name, deleted or not, or None."""

    def has_thing(self, kind: str, key: str) -> bool:
        """Say whether an experiment or registered model is there, deleted or not."""

    def failed_logins(self, who: Sequence[bytes], *, within_ms: int) -> Sequence[int]:
        """Give how often each failed to log in within the last so many ms."""

    def note_failed_login(self, who: Sequence[bytes], *, within_ms: int) -> Sequence[int]:
        """Count one more failure of each; gives how many there are, of those within the last so many ms."""

    def take_back_failed_login(self, who: Sequence[bytes]) -> None:
        """Count one failure less of each."""

    def forget_failed_logins(self, who: bytes) -> None:
        """Begin to count anew."""
