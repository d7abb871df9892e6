"""Which objects a request is about, for the roles that routes need.

Each gives a function of the call. What it names need not be there: the gate passes over what is not, and the route's
own work says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import MltrackError
from mltrack.server.artifact_paths import PROXIED, read_proxied
from mltrack.server.need import EXPERIMENT, EXPERIMENT_NAME, LOGGED_MODEL, REGISTERED_MODEL, RUN, Thing
from mltrack.store.model_sources import read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mltrack.server.call import Call

    Of = Callable[[Call], Iterable[Thing]]

DEFAULT = "0"
"""The id of the experiment that is always there."""


def experiment(name: str = "experiment_id") -> Of:
    """Give the experiment whose id is in a field; an empty one is the default experiment."""
    return lambda call: _one(EXPERIMENT, getattr(call.request, name) or DEFAULT)


def experiments(name: str = "experiment_ids") -> Of:
    """Give the experiments whose ids are in a list."""
    return lambda call: _each(EXPERIMENT, getattr(call.request, name))


def experiment_by_name(name: str = "experiment_name") -> Of:
    """Give the experiment whose name is in a field."""
    return lambda call: _one(EXPERIMENT_NAME, getattr(call.request, name))


def experiment_of_run(*names: str) -> Of:
    """Give the experiment of the run whose id is in one of these fields; default: ``run_id``."""
    return lambda call: _one(RUN, *(getattr(call.request, name) for name in names or ("run_id",)))


def experiments_of_runs(name: str = "run_ids") -> Of:
    """Give the experiments of the runs whose ids are in a list."""
    return lambda call: _each(RUN, getattr(call.request, name))


def experiment_of_model(name: str = "model_id") -> Of:
    """Give the experiment of the logged model whose id is in a field, which may be left out."""
    return lambda call: _one(LOGGED_MODEL, getattr(call.request, name))


def experiments_of_models(name: str = "models") -> Of:
    """Give the experiments of the logged models that the entries of a list name, where they name one."""
    return lambda call: _each(LOGGED_MODEL, [each.model_id for each in getattr(call.request, name) or ()])


def experiment_of_file(name: str = "path") -> Of:
    """Give the experiment of the run or logged model whose file a path of the proxy names."""
    return lambda call: _owners(getattr(call.request, name))


def registered_model(name: str = "name") -> Of:
    """Give the registered model whose name is in a field."""
    return lambda call: _one(REGISTERED_MODEL, getattr(call.request, name))


def source(*, source: str = "source", run_id: str = "run_id", model_id: str = "model_id") -> Of:
    """Give what the source of a model version names: a run, a logged model, another version's registered model.

    A place in an object store may be that of their files, too.
    """

    def named(call: Call) -> Iterator[Thing]:
        request = call.request
        yield from _one(RUN, getattr(request, run_id))
        yield from _one(LOGGED_MODEL, getattr(request, model_id))
        if getattr(request, source).startswith(f"{PROXIED}/"):
            yield from _owners(getattr(request, source).removeprefix(f"{PROXIED}/"))
        try:
            found = read_source(getattr(request, source))
            below = call.service.places.owner_of(found.place.rstrip("/")) if found.place else None
        except MltrackError:  # no source, which the work refuses
            return
        yield from _one(RUN, found.run_id)
        yield from _one(LOGGED_MODEL, found.model_id)
        yield from _one(REGISTERED_MODEL, found.version[0] if found.version else None)
        yield from (below.owner,) if below else ()

    return named


def _owners(path: str) -> Iterable[Thing]:
    try:
        found = read_proxied(path)
    except MltrackError:  # no path, which the work refuses
        return ()
    return (found.owner,) if found else ()


def _one(kind: str, *keys: str | None) -> Iterable[Thing]:
    return [Thing(kind, key) for key in keys if key]


def _each(kind: str, keys: Iterable[str | None] | None) -> Iterable[Thing]:
    return [Thing(kind, key) for key in dict.fromkeys(keys or ()) if key]
