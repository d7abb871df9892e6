"""Routes of runs: made, read, changed, deleted, restored."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mltrack.entities import LifecycleStage, Run, RunData, RunStatus
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MltrackError, NotFoundError
from mltrack.keys import RUN_NAME_TAG, USER_TAG, check_name, check_run_id
from mltrack.masking import mask_text
from mltrack.run_names import chosen_name
from mltrack.server.message import Items, Message, Nothing, OptionalText, Pair, RunMessage, Shape, Time
from mltrack.server.need import edits, reads
from mltrack.server.route import MEBIBYTE, QUICK, SMALL, Route
from mltrack.server.things import DEFAULT, experiment, experiment_of_run
from mltrack.store.base import now_ms
from mltrack.store.protocol import NewRun, RunChange
from mltrack.values import make_tag
from mltrack.wire.runs import write_info, write_run

if TYPE_CHECKING:
    from mltrack.server.call import Call


class CreateRun(Message):
    """A run to be made.

    ``run_id`` is mltrack's own: a client that chooses the id may ask again when it does not know whether it was heard.
    """

    experiment_id: str = ""
    user_id: str = ""
    run_name: OptionalText = None
    start_time: Time | None = None
    tags: Items[Pair] = ()
    run_id: OptionalText = None


class UpdateRun(RunMessage):
    """What changes in a run; a ``status`` is a name, or MLflow's number of it."""

    status: str | int | None = None
    end_time: Time | None = None
    run_name: OptionalText = None


class RunAnswer(Message):
    """A run."""

    run: Shape


class RunInfoAnswer(Message):
    """What a run is."""

    run_info: Shape


def create(call: Call) -> Shape:
    """Make a run that belongs to no process."""
    asked: CreateRun = call.request
    if asked.run_id is not None:
        check_run_id(asked.run_id)
        with suppress(NotFoundError):
            return _made_before(call)
    new = _new_run(call)
    try:
        info = call.store.create_run(new)
    except MltrackError:
        if asked.run_id is None:
            raise
        with suppress(NotFoundError):  # somebody else made it in this moment
            return _made_before(call)
        raise
    tags = {each.key: each.value for each in new.tags} | {RUN_NAME_TAG: info.run_name}
    return _answer(call, Run(info, RunData(tags=tags)))


def _made_before(call: Call) -> Shape:
    found = call.store.get_run(call.request.run_id)
    if found.info.experiment_id != (call.request.experiment_id or DEFAULT):
        raise AlreadyExistsError(f"There is a run {call.request.run_id!r} already, in another experiment.")
    return _answer(call, found)


def _new_run(call: Call) -> NewRun:
    asked: CreateRun = call.request
    tags = {each.key: make_tag(each.key, each.value) for each in asked.tags}
    tagged = {key: each.value for key, each in tags.items()}
    user = asked.user_id or tagged.get(USER_TAG) or (call.user.name if call.user else "")
    return NewRun(
        asked.experiment_id or DEFAULT,
        chosen_name(asked.run_name, tagged.get(RUN_NAME_TAG)),
        now_ms() if asked.start_time is None else asked.start_time,
        mask_text(user[:256]),
        tuple(tags.values()),
        run_id=asked.run_id,
    )


def get(call: Call) -> Shape:
    """Give a run, deleted or not."""
    return _answer(call, call.store.get_run(call.request.run_id))


def _answer(call: Call, run: Run) -> Shape:
    return {"run": write_run(call.service.places.of_run(run))}


def update(call: Call) -> Shape:
    """Change a run's status, end or name."""
    asked: UpdateRun = call.request
    name = None if asked.run_name is None else mask_text(check_name(asked.run_name, "run"))
    info = call.store.update_run(asked.run_id, RunChange(_status(asked.status), asked.end_time, name))
    return {"run_info": write_info(call.service.places.of_info(info))}


def _status(said: str | int | None) -> RunStatus | None:
    """Read a status, or MLflow's number of it; a name that is not known changes nothing, as on MLflow's server."""
    if isinstance(said, str) and not (said.isascii() and said.isdigit()):
        return RunStatus.__members__.get(said)
    try:
        return None if said is None else RunStatus(int(said))  # type: ignore[arg-type] # MLflow's numbers, too
    except ValueError:
        raise InvalidParameterError(f"{str(said)[:80]!r} is no status of a run; MLflow's are 1 to 5.") from None


def delete(call: Call) -> None:
    """Mark a run deleted."""
    call.store.set_run_lifecycle(call.request.run_id, LifecycleStage.DELETED)


def restore(call: Call) -> None:
    """Bring a deleted run back."""
    call.store.set_run_lifecycle(call.request.run_id, LifecycleStage.ACTIVE)


_READS, _EDITS = reads(experiment_of_run()), edits(experiment_of_run())
_MAKES = edits(experiment()) & _EDITS  # of the run, too, where it was made before
ROUTES = (
    Route("POST", "runs/create", CreateRun, RunAnswer, _MAKES, create, MEBIBYTE, QUICK),
    Route("GET", "runs/get", RunMessage, RunAnswer, _READS, get, 0, QUICK),
    Route("POST", "runs/update", UpdateRun, RunInfoAnswer, _EDITS, update, SMALL, QUICK),
    Route("POST", "runs/delete", RunMessage, Nothing, _EDITS, delete, SMALL, QUICK),
    Route("POST", "runs/restore", RunMessage, Nothing, _EDITS, restore, SMALL, QUICK),
)
