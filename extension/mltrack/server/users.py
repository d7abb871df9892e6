"""Routes of users and of what each may do, under the names of MLflow's own auth app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError, PermissionDeniedError, StateError, UnauthenticatedError
from mltrack.server.accounts import add_user, read_role, set_password
from mltrack.server.health import API_3
from mltrack.server.message import Message, Nothing, OptionalText, Shape, Text
from mltrack.server.need import ADMIN, EXPERIMENT, REGISTERED_MODEL, USER, Role, Thing, manages
from mltrack.server.route import AJAX, API, QUICK, SMALL, Route
from mltrack.server.store_gate import StoreGate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.server.call import Call
    from mltrack.store.access_protocol import StoredUser

BASES = (API, AJAX)
_MLFLOWS = {Role.NONE: "NO_PERMISSIONS"}


class UserName(Message):
    """Names a user."""

    username: Text


class NewUser(UserName):
    """A user to be made."""

    password: Text


class NewPassword(NewUser):
    """A user's password to be; who changes the own one says the one before."""

    current_password: OptionalText = None


class NewAdmin(UserName):
    """Whether a user is to be an administrator."""

    is_admin: bool


class Given(UserName):
    """Names a user and an object."""

    resource_type: Text
    resource_id: Text


class NewGiven(Given):
    """What a user is to do with an object."""

    permission: Text


class UserAnswer(Message):
    """A user."""

    user: Shape


class UsersAnswer(Message):
    """Users."""

    users: list[Shape]


class PermissionAnswer(Message):
    """What a user may do with an object."""

    allowed: bool
    permission: str


def create(call: Call) -> Shape:
    """Make a user."""
    gate, asked = gate_of(call), call.request
    return {"user": _shape(add_user(gate.store, gate.passwords, name=asked.username, password=asked.password))}


def get(call: Call) -> Shape:
    """Give a user, to an administrator or to that user."""
    _refuse_others(call)
    return {"user": _shape(gate_of(call).store.get_user(call.request.username))}


def get_current(call: Call) -> Shape:
    """Give who asks."""
    gate = gate_of(call)
    return {"user": _shape(gate.store.get_user(call.user.name if call.user else ""))}


def get_all(call: Call) -> Shape:
    """Give all users."""
    return {"users": [_shape(each) for each in gate_of(call).store.list_users()]}


def update_password(call: Call) -> None:
    """Give a user another password: an administrator, or that user, who shows the one before."""
    _refuse_others(call)
    gate, asked = gate_of(call), call.request
    if call.user is not None and call.user.name == asked.username:
        if asked.current_password is None:
            raise InvalidParameterError("Say the present password as current_password to change your own.")
        try:
            gate.check_password(asked.username, asked.current_password)
        except UnauthenticatedError:
            raise InvalidParameterError("The present password, current_password, is not right.") from None
    set_password(gate.store, gate.passwords, name=asked.username, password=asked.password)
    gate.changed()


def update_admin(call: Call) -> None:
    """Make a user an administrator, or no longer."""
    gate = gate_of(call)
    gate.store.set_admin(call.request.username, is_admin=call.request.is_admin)
    gate.changed()


def delete(call: Call) -> None:
    """Remove a user."""
    gate = gate_of(call)
    gate.store.remove_user(call.request.username)
    gate.changed()


def grant(call: Call) -> None:
    """Give a user a role of an object."""
    gate, asked = gate_of(call), call.request
    gate.store.give_role(asked.username, *_thing(asked), read_role(asked.permission))
    gate.changed()


def revoke(call: Call) -> None:
    """Take back what was given."""
    gate, asked = gate_of(call), call.request
    gate.store.give_role(asked.username, *_thing(asked), None)
    gate.changed()


def get_granted(call: Call) -> Shape:
    """Say what a user may do with an object, by what was given, the default role, or as an administrator."""
    gate, asked = gate_of(call), call.request
    role = gate.role_of(asked.username, _thing(asked))
    return {"allowed": role >= Role.READ, "permission": _MLFLOWS.get(role, role.name)}


def gate_of(call: Call) -> StoreGate:
    """Give the gate of a server with users; StateError for one that has none."""
    if not isinstance(call.gate, StoreGate):
        raise StateError("This server has no users. Make one with `mltrack server users add NAME`, and start it again.")
    return call.gate


def _refuse_others(call: Call) -> None:
    user = call.user
    if user is not None and not user.is_admin and user.name != call.request.username:
        raise PermissionDeniedError("Only an administrator may do that for others.")


def _shape(user: StoredUser) -> Shape:
    return {"id": user.id, "username": user.name, "is_admin": user.is_admin}


def _thing(asked: Given) -> Thing:
    if asked.resource_type not in (EXPERIMENT, REGISTERED_MODEL):
        raise InvalidParameterError(
            f"Roles are given of {EXPERIMENT} and {REGISTERED_MODEL}; got {asked.resource_type[:80]!r}."
        )
    return Thing(asked.resource_type, asked.resource_id)


def _named(call: Call) -> Iterable[Thing]:
    return (_thing(call.request),)


_MANAGES = manages(_named)
ROUTES = (
    Route("POST", "users/create", NewUser, UserAnswer, ADMIN, create, SMALL, QUICK, BASES),
    Route("GET", "users/get", UserName, UserAnswer, USER, get, 0, QUICK, BASES),
    Route("GET", "users/current", Nothing, UserAnswer, USER, get_current, 0, QUICK, BASES),
    Route("GET", "users/list", Nothing, UsersAnswer, ADMIN, get_all, 0, QUICK, BASES),
    Route("PATCH", "users/update-password", NewPassword, Nothing, USER, update_password, SMALL, QUICK, BASES),
    Route("PATCH", "users/update-admin", NewAdmin, Nothing, ADMIN, update_admin, SMALL, QUICK, BASES),
    Route("DELETE", "users/delete", UserName, Nothing, ADMIN, delete, SMALL, QUICK, BASES),
    Route("POST", "users/permissions/grant", NewGiven, Nothing, _MANAGES, grant, SMALL, QUICK, API_3),
    Route("POST", "users/permissions/revoke", Given, Nothing, _MANAGES, revoke, SMALL, QUICK, API_3),
    Route("GET", "users/permissions/get", Given, PermissionAnswer, _MANAGES, get_granted, 0, QUICK, API_3),
)
