"""Users, tokens and roles as rows, over one connection inside the caller's transaction; SQL that PostgreSQL knows.

Every change takes the row ``access`` of ``meta`` first, so that changes wait for each other and what one has found
(the last administrator, the first user) is still so when it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.store.access_protocol import Login, StoredToken, StoredUser

if TYPE_CHECKING:
    from sqlite3 import Connection

_USER = "u.id, u.name, u.password, u.is_admin, u.created_at"
_ISSUED = "t.id, t.label, t.created_at, t.expires_at"


def note_change(connection: Connection) -> None:
    """Make ``access_version`` another number, and wait for other changes to end."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('access', '1') ON CONFLICT (key)"
        " DO UPDATE SET value = CAST(CAST(meta.value AS INTEGER) + 1 AS TEXT)"
    )


def read_version(connection: Connection) -> int:
    """Give the number of changes so far."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'access'").fetchone()
    return int(row[0]) if row else 0


def insert_user(connection: Connection, new: tuple[str, str, bool], now: int) -> StoredUser:
    """Make a user of (name, hash, whether an administrator); the first is one."""
    note_change(connection)
    name, password, is_admin = new
    if find_user(connection, name) is not None:
        raise AlreadyExistsError(f"There is a user {name!r} already; choose another name.")
    is_admin = is_admin or not has_users(connection)
    row = connection.execute(
        "INSERT INTO users (name, password, is_admin, created_at) VALUES (?, ?, ?, ?) RETURNING id",
        (name, password, int(is_admin), now),
    ).fetchone()
    return StoredUser(int(row[0]), name, password, is_admin, now)


def find_user(connection: Connection, name: str) -> StoredUser | None:
    """Give a user, or None."""
    row = connection.execute(f"SELECT {_USER} FROM users u WHERE u.name = ?", (name,)).fetchone()
    return _user(row) if row else None


def read_user(connection: Connection, name: str) -> StoredUser:
    """Give a user; NotFoundError when there is none."""
    found = find_user(connection, name)
    if found is None:
        raise NotFoundError(f"There is no user {name[:80]!r}; `mltrack server users list` lists them.")
    return found


def read_users(connection: Connection) -> list[StoredUser]:
    """Give all users by name."""
    return [_user(row) for row in connection.execute(f"SELECT {_USER} FROM users u ORDER BY u.name").fetchall()]


def has_users(connection: Connection) -> bool:
    """Say whether there is any user."""
    return connection.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None


def delete_user(connection: Connection, name: str) -> None:
    """Remove a user with all that is the user's own here."""
    note_change(connection)
    user = read_user(connection, name)
    _keep_an_admin(connection, user, "removed")
    for table in ("tokens", "experiment_roles", "registered_model_roles"):
        connection.execute(f"DELETE FROM {table} WHERE user_id = ?", (user.id,))
    connection.execute("DELETE FROM users WHERE id = ?", (user.id,))


def update_password(connection: Connection, name: str, password: str) -> None:
    """Give a user another password."""
    note_change(connection)
    user = read_user(connection, name)
    connection.execute("UPDATE users SET password = ? WHERE id = ?", (password, user.id))


def renew_hash(connection: Connection, user_id: int, old: str, new: str) -> None:
    """Replace a hash by another of the same password, unless the password was changed meanwhile."""
    note_change(connection)
    connection.execute("UPDATE users SET password = ? WHERE id = ? AND password = ?", (new, user_id, old))


def make_admin(connection: Connection, name: str) -> None:
    """Make a user an administrator."""
    note_change(connection)
    user = read_user(connection, name)
    connection.execute("UPDATE users SET is_admin = 1 WHERE id = ?", (user.id,))


def make_ordinary(connection: Connection, name: str) -> None:
    """Make an administrator an ordinary user."""
    note_change(connection)
    user = read_user(connection, name)
    _keep_an_admin(connection, user, "made an ordinary user")
    connection.execute("UPDATE users SET is_admin = 0 WHERE id = ?", (user.id,))


def _keep_an_admin(connection: Connection, user: StoredUser, what: str) -> None:
    query = "SELECT 1 FROM users WHERE is_admin = 1 AND id <> ? LIMIT 1"
    if user.is_admin and connection.execute(query, (user.id,)).fetchone() is None:
        raise InvalidParameterError(
            f"The user {user.name!r} is the only administrator and cannot be {what}; make another one first: "
            "`mltrack server users admin NAME`."
        )


def insert_token(connection: Connection, name: str, token: tuple[bytes, str, int | None], now: int) -> StoredToken:
    """Keep a token of (digest, label, when it expires)."""
    note_change(connection)
    user = read_user(connection, name)
    digest, label, expires_at = token
    row = connection.execute(
        "INSERT INTO tokens (user_id, digest, label, created_at, expires_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (user.id, digest, label, now, expires_at),
    ).fetchone()
    return StoredToken(int(row[0]), label, now, expires_at)


def read_tokens(connection: Connection, name: str) -> list[StoredToken]:
    """Give a user's tokens, the oldest first."""
    user = read_user(connection, name)
    query = f"SELECT {_ISSUED} FROM tokens t WHERE t.user_id = ? ORDER BY t.id"
    return [StoredToken(*row) for row in connection.execute(query, (user.id,)).fetchall()]


def delete_token(connection: Connection, name: str, token_id: int) -> None:
    """Remove a token of a user."""
    note_change(connection)
    user = read_user(connection, name)
    query = "DELETE FROM tokens WHERE id = ? AND user_id = ? RETURNING id"
    if connection.execute(query, (token_id, user.id)).fetchone() is None:
        raise NotFoundError(f"The user {name!r} has no token {token_id}; `mltrack server users tokens` lists them.")


def find_token(connection: Connection, digest: bytes) -> Login | None:
    """Give whose token it is, or None."""
    row = connection.execute(
        f"SELECT t.digest, t.expires_at, {_USER} FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = ?",
        (digest,),
    ).fetchone()
    return Login(_user(row[2:]), bytes(row[0]), row[1]) if row else None


def count_failures(connection: Connection, who: list[bytes], since: int, now: int) -> list[int]:
    """Give how often each failed to log in, where its count began after ``since`` (ms since 1970)."""
    query = "SELECT failures FROM failed_logins WHERE who = ? AND since > ? AND since <= ?"
    rows = [connection.execute(query, (each, since, now)).fetchone() for each in who]
    return [int(row[0]) if row else 0 for row in rows]


def note_failures(connection: Connection, who: list[bytes], since: int, now: int) -> list[int]:
    """Count one more failure of each, and forget the counts that began before ``since``; gives how many there are."""
    # A count that began in the future is from before the clock was set back.
    connection.execute("DELETE FROM failed_logins WHERE since <= ? OR since > ?", (since, now))
    for each in who:
        connection.execute(
            "INSERT INTO failed_logins (who, failures, since) VALUES (?, 1, ?) ON CONFLICT (who)"
            " DO UPDATE SET failures = failed_logins.failures + 1",
            (each, now),
        )
    return count_failures(connection, who, since, now)


def take_back_failures(connection: Connection, who: list[bytes]) -> None:
    """Count one failure less of each."""
    for each in who:
        connection.execute("UPDATE failed_logins SET failures = failures - 1 WHERE who = ? AND failures > 0", (each,))


def forget_failures(connection: Connection, who: bytes) -> None:
    """Begin to count anew."""
    connection.execute("DELETE FROM failed_logins WHERE who = ?", (who,))


def _user(row: tuple[object, ...]) -> StoredUser:
    number, name, password, is_admin, created_at = row
    return StoredUser(int(number), str(name), str(password), bool(is_admin), int(created_at))  # type: ignore[call-overload]
