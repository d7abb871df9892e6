"""What this process has chosen: its store, its experiment, and what its runs say of their source."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.backlog import Backlog
from mltrack.entities import Experiment, LifecycleStage
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.keys import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mltrack.store.protocol import Store

DEFAULT_EXPERIMENT = "0"


@dataclass(frozen=True, slots=True)
class ComingRun:
    """What was decided of the next tracked cell's run before it begins: its id, name and tags."""

    run_id: str
    run_name: str
    tags: Mapping[str, str]


def _settled(seconds: float) -> None:
    """Do nothing: outside a notebook no cell has left anything."""
    del seconds


class State:
    """What the process has chosen: its store, experiment, and what its runs say of their source."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.store: Store | None = None
        self.servers: dict[str, Store] = {}  # each is opened once: it has connections, and what waits to be sent
        self.uri: str | None = None
        self.registry_uri: str | None = None
        self.experiment_id: str | None = None
        self.source: tuple[str, str] | None = None
        self.in_notebook = False
        self.coming: ComingRun | None = None
        self.settle: Callable[[float], object] = _settled  # saves what ended cells left, waiting so long
        self.backlog = Backlog()

    def take_coming(self) -> ComingRun | None:
        """Give what was decided of the next tracked cell's run, once."""
        coming, self.coming = self.coming, None
        return coming

    def forget_parent(self) -> None:
        """In a forked child: what waits for the store is the parent's to write, and its threads hold no lock here."""
        self.lock = threading.RLock()
        self.backlog = Backlog()


state = State()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=state.forget_parent)


def set_tracking_uri(uri: str | Path) -> None:
    """Choose the store; it is opened at first use.

    It is ``sqlite:///PATH``, the path of a file or folder, ``http://HOST:PORT`` or ``https://…`` of a tracking server,
    perhaps with ``USER:PASSWORD@``, or ``postgresql://…``. The active run, if there is one, goes on where it was begun.
    """
    chosen = config.tracking_uri(str(uri))
    with state.lock:
        state.uri = chosen
        state.store = None
        state.experiment_id = None


def get_tracking_uri() -> str:
    """Give the URI of the store that is or will be used, with the password that it was given with."""
    with state.lock:
        if state.uri is None:
            state.uri = config.default_tracking_uri()
        return state.uri


def is_tracking_uri_set() -> bool:
    """Say whether a store was chosen, by ``set_tracking_uri`` or by ``MLTRACK_TRACKING_URI``."""
    return state.uri is not None or bool(config.TRACKING_URI.get())


def set_registry_uri(uri: str | Path) -> None:
    """Choose the store of registered models; an empty text goes back to the store of the runs."""
    state.registry_uri = config.tracking_uri(str(uri)) if str(uri) else None


def get_registry_uri() -> str:
    """Give the URI of the store of registered models: the one that was chosen, else that of the runs."""
    return state.registry_uri or get_tracking_uri()


def get_store() -> Store:
    """Give the store of this process, opening it at first use; raises a StoreError that says what to do."""
    if state.store is None:
        with state.lock:
            if state.store is None:
                state.store = open_store(get_tracking_uri())
    return state.store


def open_store(uri: str | Path) -> Store:
    """Open another store than the one of this process; raises a StoreError that says what to do."""
    from mltrack.store.open_uri import open_uri  # the driver is loaded when something is read or written

    chosen = config.tracking_uri(str(uri))
    if not config.is_server(chosen):
        return open_uri(chosen)
    with state.lock:
        if chosen not in state.servers:
            state.servers[chosen] = open_uri(chosen)
        return state.servers[chosen]


def uri_of(store: Store) -> str:
    """Give the URI by which a process of this user's opens a store as this one did, with the password it was given."""
    for uri, server in list(state.servers.items()):
        if server is store:
            return uri
    return store.uri


def flush(timeout: float | None = None) -> bool:
    """Send what waits to be sent to servers; False when some of it still does, which ``mltrack sync`` sends later."""
    sent = [store.flush(timeout) for store in list(state.servers.values()) if hasattr(store, "flush")]
    return all(sent)


def get_registry() -> Store:
    """Give the store of registered models; that of the runs unless another was chosen."""
    return get_store() if state.registry_uri in (None, state.uri) else open_store(str(state.registry_uri))


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Choose the experiment of the runs to come, by name (made when there is none) or by id.

    Raises
    ------
    InvalidParameterError
        When both or neither are given, or the experiment is deleted.
    NotFoundError
        When no experiment has that id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameterError("Give set_experiment either a name or an experiment_id, not both and not none.")
    if experiment_id is not None:
        experiment = get_store().get_experiment(str(experiment_id))
    else:
        experiment = named_experiment(str(experiment_name))
    if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidParameterError(
            f"Experiment {experiment.name!r} is deleted; restore it, or choose another name, before adding runs."
        )
    state.experiment_id = experiment.experiment_id
    return experiment


def named_experiment(name: str) -> Experiment:
    """Give the experiment of that name, making it when there is none."""
    store = get_store()
    check_name(name, "experiment")
    found = store.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        return store.get_experiment(store.create_experiment(name))
    except AlreadyExistsError:  # another process was as quick
        found = store.get_experiment_by_name(name)
        if found is None:
            raise
        return found


def current_experiment_id() -> str:
    """Give the id of the experiment that new runs go to: the chosen one, else the environment's, else Default."""
    if state.experiment_id is None:
        name = config.EXPERIMENT_NAME.get()
        named = given_experiment_id() or (named_experiment(name).experiment_id if name else None)
        state.experiment_id = named or DEFAULT_EXPERIMENT
    return state.experiment_id


def given_experiment_id() -> str | None:
    """Give the experiment that the environment names by its id, or None.

    One that only MLflow's variable names is None when it is not in this store: another tracking server's is meant.
    """
    found = config.EXPERIMENT_ID.get()
    if found is None or os.environ.get(config.EXPERIMENT_ID.name):
        return found
    try:
        return get_store().get_experiment(found).experiment_id
    except NotFoundError:
        return None


def describe_source(name: str, kind: str, *, in_notebook: bool) -> None:
    """Say what the runs of this process come from (tags ``mlflow.source.name`` and ``.type``)."""
    state.source = (name, kind)
    state.in_notebook = in_notebook


def forget_source() -> None:
    """Undo ``describe_source``."""
    state.source = None
    state.in_notebook = False
