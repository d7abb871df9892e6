"""Routes of roles given of experiments and registered models, as MLflow's clients before 3.17 ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import AlreadyExistsError, NotFoundError
from mltrack.server.accounts import read_role
from mltrack.server.message import Message, Nothing, Shape, Text
from mltrack.server.need import EXPERIMENT, REGISTERED_MODEL, Role, Thing, manages
from mltrack.server.route import QUICK, SMALL, Route
from mltrack.server.things import experiment, registered_model
from mltrack.server.users import BASES, gate_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.server.call import Call


class OfExperiment(Message):
    """Names an experiment and a user."""

    experiment_id: Text
    username: Text


class OfModel(Message):
    """Names a registered model and a user."""

    name: Text
    username: Text


class NewOfExperiment(OfExperiment):
    """What a user is to do with an experiment."""

    permission: Text


class NewOfModel(OfModel):
    """What a user is to do with a registered model."""

    permission: Text


class ExperimentPermission(Message):
    """What a user was given of an experiment."""

    experiment_permission: Shape


class ModelPermission(Message):
    """What a user was given of a registered model."""

    registered_model_permission: Shape


def create(call: Call) -> Shape:
    """Give a user a role; who has one already is refused, since it is to be changed."""
    if _given(call) is not None:
        raise AlreadyExistsError(f"The user {call.request.username[:80]!r} has a role of it already; update that.")
    update(call)
    return get(call)


def update(call: Call) -> None:
    """Give a user a role, or another one."""
    gate = gate_of(call)
    gate.store.give_role(call.request.username, *_thing(call), read_role(call.request.permission))
    gate.changed()


def get(call: Call) -> Shape:
    """Give what a user was given; NotFoundError for nothing."""
    thing, given = _thing(call), _given(call)
    if given is None:
        raise NotFoundError(f"The user {call.request.username[:80]!r} was given no role of it; the default counts.")
    user = gate_of(call).store.get_user(call.request.username)
    name = "experiment_id" if thing.kind == EXPERIMENT else "name"
    permission = "NO_PERMISSIONS" if given == Role.NONE else Role(given).name
    return {f"{thing.kind}_permission": {name: thing.key, "user_id": user.id, "permission": permission}}


def delete(call: Call) -> None:
    """Take back what was given."""
    gate = gate_of(call)
    gate.store.give_role(call.request.username, *_thing(call), None)
    gate.changed()


def _given(call: Call) -> int | None:
    store = gate_of(call).store
    return store.given_role(store.get_user(call.request.username).id, *_thing(call))


def _thing(call: Call) -> Thing:
    asked = call.request
    if isinstance(asked, OfExperiment):
        return Thing(EXPERIMENT, asked.experiment_id)
    return Thing(REGISTERED_MODEL, asked.name)


def _routes(
    path: str, asked: tuple[type[Message], type[Message]], answer: type[Message], of: Callable[..., object]
) -> tuple[Route, ...]:
    needed, (one, new) = manages(of), asked  # type: ignore[arg-type] # of one call
    return (
        Route("POST", f"{path}/create", new, answer, needed, create, SMALL, QUICK, BASES),
        Route("GET", f"{path}/get", one, answer, needed, get, 0, QUICK, BASES),
        Route("PATCH", f"{path}/update", new, Nothing, needed, update, SMALL, QUICK, BASES),
        Route("DELETE", f"{path}/delete", one, Nothing, needed, delete, SMALL, QUICK, BASES),
    )


ROUTES = (
    *_routes("experiments/permissions", (OfExperiment, NewOfExperiment), ExperimentPermission, experiment()),
    *_routes("registered-models/permissions", (OfModel, NewOfModel), ModelPermission, registered_model()),
)
