"""The making of runs on a server, once, however often it is asked: now, or later when it could not be reached.

mltrack's server is told the id of a run that is to be made. An MLflow server chooses ids itself: the one that was
wanted is a tag of the run, and ``Transport.renamed`` has the real one.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from mltrack.exceptions import AlreadyExistsError, NotFoundError, ServerUnavailableError
from mltrack.keys import CREATION_TAG, PARENT_TAG, RUN_NAME_TAG
from mltrack.wire.shapes import items, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mltrack.rest.transport import Transport
    from mltrack.store.protocol import NewRun
    from mltrack.wire.shapes import Json

PATH = "runs/create"
_TRIES = 4
_OWN_ID = re.compile("[0-9a-f]{32}")


def body_of(new: NewRun) -> Json:
    """Give what a server is told of a new run, beside its id."""
    return {
        "experiment_id": new.experiment_id,
        "user_id": new.user_id,
        "run_name": new.run_name,
        "start_time": new.start_time,
        # The tag of its name is the server's to set; a name that differs from the tag is the one that counts.
        "tags": [{"key": tag.key, "value": tag.value} for tag in new.tags if tag.key != RUN_NAME_TAG],
    }


def make(transport: Transport, body: Json, run_id: str, *, timeout: float | None = None, tries: int = _TRIES) -> Json:
    """Make a run of this id, and give the server's answer; the run that was made before when there is one.

    ``body`` may have the name of an experiment instead of its id, which is made when there is none. With one of
    ``tries`` nothing is asked twice.
    """
    wanted = {name: value for name, value in body.items() if name != "experiment"}
    ask = partial(transport.call, timeout=timeout, once=tries == 1)
    if body.get("experiment"):
        wanted["experiment_id"] = _experiment(ask, body["experiment"])
    if transport.is_ours(timeout):
        return ask("POST", PATH, body={**wanted, "run_id": run_id})
    wanted["tags"] = [*(_with_real_parent(transport, each) for each in wanted.get("tags", ())), _mark(run_id)]
    return _make_once(transport, wanted, run_id, timeout=timeout, tries=tries)


def make_later(transport: Transport, body: Json, run_id: str, timeout: float) -> None:
    """Make a run that was begun when the server could not be reached."""
    if not transport.is_ours(timeout) and find_real(transport, run_id):
        return  # it was made, and the answer was lost
    made = make(transport, body, run_id, timeout=timeout, tries=1)
    _note(transport, run_id, made.get("run") or {})


def find_real(transport: Transport, run_id: str) -> bool:
    """Find the run of an MLflow server that was to have this id, so that from now on it is meant by it."""
    if run_id not in transport.renamed and (found := chosen_before(transport, run_id)) is not None:
        _note(transport, run_id, found)
    return run_id in transport.renamed


def _note(transport: Transport, wanted: str, run: Json) -> None:
    real = text(run.get("info") or {}, "run_id")
    if real and real != wanted:
        transport.renamed[wanted] = real


def chosen_before(transport: Transport, run_id: str) -> Json | None:
    """Find a run of an MLflow server by the id that was chosen for it before it was made."""
    if not _OWN_ID.fullmatch(run_id) or transport.is_ours():
        return None
    body = {"max_results": 1000, "view_type": "ALL"}
    found = transport.call("POST", "experiments/search", body=body)
    places = [text(each, "experiment_id") for each in items(found.get("experiments"))]
    return _created(transport, places, run_id) if places else None


def _experiment(ask: Callable[..., Json], name: str) -> str:
    """Give the id of the experiment of a name, which is made when there is none."""
    for _ in range(_TRIES):
        try:
            found = ask("GET", "experiments/get-by-name", query={"experiment_name": name})
            return text(found.get("experiment") or {}, "experiment_id")
        except NotFoundError:
            pass
        try:
            return text(ask("POST", "experiments/create", body={"name": name}, retry=False), "experiment_id")
        except AlreadyExistsError:  # somebody else was as quick
            continue
    raise NotFoundError(f"There is no experiment {name[:200]!r}, and none can be made.")


def _mark(run_id: str) -> Json:
    return {"key": CREATION_TAG, "value": run_id}


def _with_real_parent(transport: Transport, tag: Json) -> Json:
    is_parent = tag.get("key") == PARENT_TAG
    return {**tag, "value": transport.renamed.get(tag["value"], tag["value"])} if is_parent else tag


def _make_once(transport: Transport, body: Json, wanted: str, *, timeout: float | None, tries: int) -> Json:
    for number in range(1, tries + 1):
        try:
            return transport.call("POST", PATH, body=body, retry=False, timeout=timeout, once=tries == 1)
        except ServerUnavailableError:
            if number == tries:
                raise
            time.sleep(0.2 * 2**number)
            if found := _created(transport, (body["experiment_id"],), wanted):
                return {"run": found}
    raise AssertionError


def _created(transport: Transport, experiment_ids: Sequence[str], wanted: str) -> Json | None:
    """Give the run that an MLflow server made when it was told this id."""
    body = {
        "experiment_ids": list(experiment_ids),
        "filter": f"tags.`{CREATION_TAG}` = '{wanted}'",
        "run_view_type": "ALL",
        "max_results": 1,
    }
    found = list(items(transport.call("POST", "runs/search", body=body).get("runs")))
    return found[0] if found else None
