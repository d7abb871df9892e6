"""Routes of what MLflow's wire has no word for, one for each call of ``wire.own_calls``, with who may call it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, PrivateAttr, WithJsonSchema, create_model

from mltrack.rest.extras import Extras
from mltrack.server import own_work
from mltrack.server.message import Message
from mltrack.server.need import EXPERIMENT, FILTERED, LOGGED_MODEL, REGISTERED_MODEL, RUN, USER, Thing, edits, reads
from mltrack.server.route import MEBIBYTE, OURS, QUICK, SLOW, SMALL, Route
from mltrack.store.model_sources import read_source
from mltrack.wire.codec import shape_of
from mltrack.wire.own_calls import CALLS, PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mltrack.entities import Metric
    from mltrack.server.call import Call
    from mltrack.server.need import Need
    from mltrack.wire.own_calls import OwnCall

    Things = Iterator[Thing]

MOST = 64 * MEBIBYTE
"""Bytes of the arguments of a call that may be large, as the snapshot of a long session."""


class OwnMessage(Message):
    """The arguments of a call, as JSON has them until they are asked for; nothing else may stand beside them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    _read: dict[str, Any] = PrivateAttr(default_factory=dict)

    def arguments(self, call: OwnCall) -> Mapping[str, Any]:
        """Give the arguments as values; they are read once, in a thread.

        Raises
        ------
        InvalidParameterError
            For what is missing, unknown, of another type, too deep or too large.
        """
        if not self._read:
            self._read.update(call.read_arguments(dict(self)))
        return self._read


@dataclass(frozen=True, slots=True)
class _Rule:
    """Who may call, and what does the work where that is not the store's method of that name."""

    need: Callable[[OwnCall], Need]
    work: Callable[..., Any] | None = None


def _reads(of: Callable[[Mapping[str, Any]], Things]) -> Callable[[OwnCall], Need]:
    return lambda own: reads(lambda call: of(call.request.arguments(own)))


def _edits(of: Callable[[Mapping[str, Any]], Things]) -> Callable[[OwnCall], Need]:
    return lambda own: edits(lambda call: of(call.request.arguments(own)))


def _run(given: Mapping[str, Any]) -> Things:
    yield Thing(RUN, given["run_id"])


def _runs(given: Mapping[str, Any]) -> Things:
    ids = given["run_ids"] if "run_ids" in given else given["wanted"].run_ids
    yield from (Thing(RUN, each) for each in dict.fromkeys(ids))


def _followed(given: Mapping[str, Any]) -> Things:
    yield Thing(RUN, given["wanted"].run_id)


def _model(given: Mapping[str, Any]) -> Things:
    yield Thing(LOGGED_MODEL, given["model_id"])


def _version(given: Mapping[str, Any]) -> Things:
    yield Thing(REGISTERED_MODEL, given["name"])


def _ended(given: Mapping[str, Any]) -> Things:
    yield from (Thing(EXPERIMENT, each) for each in dict.fromkeys(each.new.experiment_id for each in given["ended"]))
    for each in given["ended"]:
        yield from _measured(each.metrics)


def _cell(given: Mapping[str, Any]) -> Things:
    yield Thing(RUN, given["end"].run_id)
    yield from _measured(given["end"].metrics)


def _measured(metrics: Iterable[Metric]) -> Things:
    """Give the logged models that points are written to as well."""
    yield from (Thing(LOGGED_MODEL, each) for each in dict.fromkeys(each.model_id for each in metrics) if each)


def _source(given: Mapping[str, Any]) -> Things:
    yield from own_work.things_of(read_source(given["source"]))


def _known(given: Mapping[str, Any]) -> Things:
    new = given["new"]
    yield from (Thing(RUN, each) for each in (new.run_id,) if each)
    yield from (Thing(LOGGED_MODEL, each) for each in (new.model_id,) if each)
    yield from own_work.things_of(read_source(new.source))


def _filtered(_: OwnCall) -> Need:
    return FILTERED


def _everybody(_: OwnCall) -> Need:
    return USER


_RULES = {
    "add_ended_runs": _Rule(_edits(_ended), own_work.add_ended_runs),
    "count_matching": _Rule(_filtered, own_work.narrowed("count_matching")),
    "search_attempts": _Rule(_filtered, own_work.narrowed("search_attempts")),
    "runs_of_cell": _Rule(_filtered, own_work.narrowed("runs_of_cell")),
    "group_runs": _Rule(_filtered, own_work.narrowed("group_runs")),
    "run_columns": _Rule(_filtered, own_work.narrowed("run_columns")),
    "run_keys": _Rule(_filtered, own_work.run_keys),
    "curve_keys": _Rule(_reads(_runs)),
    "metric_curves": _Rule(_reads(_runs), own_work.metric_curves),
    "count_runs": _Rule(_filtered, own_work.count_runs),
    "find_run_ids": _Rule(_filtered, own_work.find_run_ids),
    "run_news": _Rule(_reads(_followed)),
    "metric_outlines": _Rule(_reads(_run)),
    "record_artifacts": _Rule(_edits(_run), own_work.record_artifacts),
    "list_artifacts": _Rule(_reads(_run)),
    "artifact_records": _Rule(_reads(_run)),
    "record_failure": _Rule(_edits(_run)),
    "get_failure": _Rule(_reads(_run)),
    "record_captured": _Rule(_edits(_run), own_work.record_captured),
    "get_captured": _Rule(_reads(_run)),
    "set_environment": _Rule(_edits(_run)),
    "get_environment": _Rule(_reads(_run)),
    "save_snapshot": _Rule(_edits(_run), own_work.save_snapshot),
    "load_snapshot": _Rule(_reads(_run)),
    "cell_sources": _Rule(_reads(_run)),
    "previous_run_of_cell": _Rule(_reads(_run), own_work.previous_run_of_cell),
    "version": _Rule(_everybody, own_work.version),
    "record_logged_model_files": _Rule(_edits(_model), own_work.record_logged_model_files),
    "logged_model_records": _Rule(_reads(_model)),
    "known_source": _Rule(_reads(_known), own_work.known_source),
    "source_place": _Rule(_reads(_source), own_work.source_place),
    "note_model_version": _Rule(lambda own: _edits(_model)(own) & _reads(_version)(own)),
    "model_version_source": _Rule(_reads(_version)),
    "end_cell": _Rule(_edits(_cell), own_work.end_cell),
    "run_facts": _Rule(_reads(_run), own_work.run_facts),
}


def _route(own: OwnCall) -> Route:
    rule = _RULES[own.name]

    def work(call: Call) -> dict[str, Any]:
        given = call.request.arguments(own)
        found = getattr(call.store, own.name)(**given) if rule.work is None else rule.work(call, **given)
        return {} if found is None else {"answer": own.write_answer(found)}

    work.__doc__ = _meaning(own)
    most = MOST if own.is_large else MEBIBYTE if own.arguments else SMALL
    seconds = QUICK if own.is_write else SLOW
    return Route("POST", f"{PATH}/{own.name}", _request(own), _answer(own), rule.need(own), work, most, seconds, OURS)


def _meaning(own: OwnCall) -> str:
    return inspect.getdoc(getattr(Extras, own.name)) or own.name


def _request(own: OwnCall) -> type[Message]:
    fields: dict[str, Any] = {}
    for name, declared in own.arguments.items():
        shape = shape_of(declared)
        kind = Annotated[Any, WithJsonSchema(shape.schema())]
        fields[name] = (kind, None) if type(None) in shape.python else (kind, ...)
    return create_model(f"Own_{own.name}", __base__=OwnMessage, __doc__=_meaning(own), **fields)


def _answer(own: OwnCall) -> type[Message]:
    schema = {"type": "null"} if own.answer is None else shape_of(own.answer).schema()
    kind = Annotated[Any, WithJsonSchema(schema)]
    return create_model(f"Own_{own.name}_answer", __base__=Message, __doc__="What a call gives.", answer=(kind, None))


ROUTES = tuple(_route(own) for own in CALLS.values())
