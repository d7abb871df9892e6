"""Roles of experiments and registered models as rows; SQL that PostgreSQL knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.store.access import note_change, read_user
from mltrack.store.access_protocol import GivenRole
from mltrack.store.experiments import experiment_number

if TYPE_CHECKING:
    from sqlite3 import Connection

READ = 1


class _Kind(NamedTuple):
    """Where the roles of a kind of objects are, and what names an object from outside."""

    roles: str
    number: str
    things: str
    key: str


_KINDS = {
    "experiment": _Kind("experiment_roles", "experiment_id", "experiments", "CAST(o.id AS TEXT)"),
    "registered_model": _Kind("registered_model_roles", "model_id", "registered_models", "o.name"),
}
_OWNERS = {
    "experiment_name": "SELECT id FROM experiments WHERE name = ?",
    "run": "SELECT experiment_id FROM runs WHERE uuid = ?",
    "logged_model": "SELECT experiment_id FROM logged_models WHERE uuid = ?",
}


def write_role(connection: Connection, name: str, thing: tuple[str, str], role: int | None) -> None:
    """Give a user a role of an object, or take back what was given."""
    note_change(connection)
    user, kind = read_user(connection, name), _kind(thing[0])
    number = _number(connection, *thing)
    if number is None:
        raise NotFoundError(f"There is no {thing[0].replace('_', ' ')} {thing[1][:80]!r}.")
    if role is None:
        query = f"DELETE FROM {kind.roles} WHERE user_id = ? AND {kind.number} = ?"
        connection.execute(query, (user.id, number))
        return
    connection.execute(
        f"INSERT INTO {kind.roles} (user_id, {kind.number}, role) VALUES (?, ?, ?)"
        f" ON CONFLICT (user_id, {kind.number}) DO UPDATE SET role = excluded.role",
        (user.id, number, int(role)),
    )


def read_role(connection: Connection, user_id: int, kind: str, key: str) -> int | None:
    """Give the role that a user was given of an object, or None."""
    table, number = _kind(kind), _number(connection, kind, key)
    if number is None:
        return None
    query = f"SELECT role FROM {table.roles} WHERE user_id = ? AND {table.number} = ?"
    row = connection.execute(query, (user_id, number)).fetchone()
    return int(row[0]) if row else None


def read_roles(connection: Connection, user: str | None, thing: tuple[str, str] | None) -> list[GivenRole]:
    """Give the roles of a user, of an object, or all."""
    found: list[GivenRole] = []
    for kind, table in _KINDS.items():
        query = (
            f"SELECT u.name, {table.key}, r.role FROM {table.roles} r JOIN users u ON u.id = r.user_id"
            f" JOIN {table.things} o ON o.id = r.{table.number} WHERE 1 = 1"
        )
        values: list[str] = []
        if user is not None:
            query, values = f"{query} AND u.name = ?", [*values, user]
        if thing is not None:
            if thing[0] != kind:
                continue
            query, values = f"{query} AND {table.key} = ?", [*values, thing[1]]
        rows = connection.execute(f"{query} ORDER BY u.name, o.id", values).fetchall()
        found += [GivenRole(str(name), kind, str(key), int(role)) for name, key, role in rows]
    return found


def read_keys(connection: Connection, user_id: int, kind: str, default: int) -> frozenset[str] | None:
    """Give the keys of the objects of a kind that a user may read; None for all."""
    table = _kind(kind)
    given = f"SELECT r.{table.number} FROM {table.roles} r WHERE r.user_id = ? AND r.role"
    if default >= READ:
        if connection.execute(f"{given} < ? LIMIT 1", (user_id, READ)).fetchone() is None:
            return None
        wanted = f"NOT IN ({given} < ?)"
    else:
        wanted = f"IN ({given} >= ?)"
    rows = connection.execute(f"SELECT {table.key} FROM {table.things} o WHERE o.id {wanted}", (user_id, READ))
    return frozenset(str(row[0]) for row in rows.fetchall())


def read_owner(connection: Connection, kind: str, key: str) -> str | None:
    """Give the experiment of a run, a logged model or an experiment's name, deleted or not, or None."""
    row = connection.execute(_OWNERS[kind], (key,)).fetchone()
    return str(row[0]) if row else None


def has_thing(connection: Connection, kind: str, key: str) -> bool:
    """Say whether an experiment or registered model is there, deleted or not."""
    return _number(connection, kind, key) is not None


def _kind(kind: str) -> _Kind:
    if kind not in _KINDS:
        raise InvalidParameterError(f"{kind[:80]!r} has no roles; {' and '.join(_KINDS)} have.")
    return _KINDS[kind]


def _number(connection: Connection, kind: str, key: str) -> int | None:
    table = _kind(kind)
    if kind == "experiment":
        try:
            value: object = experiment_number(key)
        except MltrackError:  # no id of an experiment
            return None
        query = f"SELECT id FROM {table.things} WHERE id = ?"
    else:
        value, query = key, f"SELECT id FROM {table.things} WHERE name = ?"
    row = connection.execute(query, (value,)).fetchone()
    return int(row[0]) if row else None
