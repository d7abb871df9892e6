"""The users, tokens and roles of an SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.store import access, roles
from mltrack.store.base import SqlitePart, now_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mltrack.store.access_protocol import GivenRole, Login, StoredToken, StoredUser


class SqliteAccess(SqlitePart):
    """Who may use a server of the store, and what each may do; changes survive a power failure once they return."""

    def add_user(self, name: str, password: str, *, is_admin: bool = False) -> StoredUser:
        """Make a user, the first of all an administrator; ``password`` is its hash."""
        return self._database.write_durably(access.insert_user, (name, password, is_admin), now_ms())

    def find_user(self, name: str) -> StoredUser | None:
        """Give a user, or None."""
        return self._database.read(access.find_user, name)

    def get_user(self, name: str) -> StoredUser:
        """Give a user; NotFoundError when there is none."""
        return self._database.read(access.read_user, name)

    def list_users(self) -> list[StoredUser]:
        """Give all users by name."""
        return self._database.read(access.read_users)

    def has_users(self) -> bool:
        """Say whether there is any user."""
        return self._database.read(access.has_users)

    def remove_user(self, name: str) -> None:
        """Remove a user with its tokens and roles; the last administrator is refused."""
        self._database.write_durably(access.delete_user, name)

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password, by its hash."""
        self._database.write_durably(access.update_password, name, password)

    def renew_hash(self, user_id: int, *, old: str, new: str) -> None:
        """Replace the hash of a password by another of the same, unless it was changed meanwhile."""
        self._database.write(access.renew_hash, user_id, old, new)

    def set_admin(self, name: str, *, is_admin: bool) -> None:
        """Make a user an administrator, or no longer; the last one is refused."""
        self._database.write_durably(access.make_admin if is_admin else access.make_ordinary, name)

    def add_token(self, name: str, digest: bytes, *, label: str = "", expires_at: int | None = None) -> StoredToken:
        """Keep a token of a user by its digest."""
        token = (digest, label, expires_at)
        return self._database.write_durably(access.insert_token, name, token, now_ms())

    def list_tokens(self, name: str) -> list[StoredToken]:
        """Give a user's tokens, the oldest first."""
        return self._database.read(access.read_tokens, name)

    def revoke_token(self, name: str, token_id: int) -> None:
        """Remove a token of a user; NotFoundError when there is none."""
        self._database.write_durably(access.delete_token, name, token_id)

    def find_token(self, digest: bytes) -> Login | None:
        """Give whose token it is, or None; the caller looks whether it has expired."""
        return self._database.read(access.find_token, digest)

    def give_role(self, name: str, kind: str, key: str, role: int | None) -> None:
        """Give a user a role of an object, or with None take back what was given; NotFoundError for no object."""
        self._database.write_durably(roles.write_role, name, (kind, key), role)

    def given_role(self, user_id: int, kind: str, key: str) -> int | None:
        """Give the role that a user was given of an object, or None."""
        return self._database.read(roles.read_role, user_id, kind, key)

    def given_roles(self, *, user: str | None = None, thing: tuple[str, str] | None = None) -> list[GivenRole]:
        """Give the roles of a user, of an object (kind, key), or all."""
        return self._database.read(roles.read_roles, user, thing)

    def readable_keys(self, user_id: int, kind: str, *, default: int) -> frozenset[str] | None:
        """Give the keys of the objects of a kind that a user may read by what was given; None for all."""
        return self._database.read(roles.read_keys, user_id, kind, default)

    def access_version(self) -> int:
        """Give a number that is another once users, tokens or roles were changed, by whomever."""
        return self._database.read(access.read_version)

    def experiment_of(self, kind: str, key: str) -> str | None:
        """Give the experiment of a run, a logged model or an experiment's name, deleted or not, or None."""
        return self._database.read(roles.read_owner, kind, key)

    def has_thing(self, kind: str, key: str) -> bool:
        """Say whether an experiment or registered model is there, deleted or not."""
        return self._database.read(roles.has_thing, kind, key)

    def failed_logins(self, who: Sequence[bytes], *, within_ms: int) -> list[int]:
        """Give how often each failed to log in within the last so many ms."""
        now = now_ms()
        return self._database.read(access.count_failures, list(who), now - within_ms, now)

    def note_failed_login(self, who: Sequence[bytes], *, within_ms: int) -> list[int]:
        """Count one more failure of each; gives how many there are, of those within the last so many ms."""
        now = now_ms()
        return self._database.write(access.note_failures, list(who), now - within_ms, now)

    def take_back_failed_login(self, who: Sequence[bytes]) -> None:
        """Count one failure less of each."""
        self._database.write(access.take_back_failures, list(who))

    def forget_failed_logins(self, who: bytes) -> None:
        """Begin to count anew."""
        self._database.write(access.forget_failures, who)
