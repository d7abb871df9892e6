"""What this process has chosen: its store, its experiment, and what its runs say of their source."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.backlog import Backlog
from mltrack.entities import Experiment, LifecycleStage
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError
from mltrack.keys import check_name

if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.store.protocol import Store

DEFAULT_EXPERIMENT = "0"


class State:
    """What the process has chosen: its store, experiment, and what its runs say of their source."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.store: Store | None = None
        self.uri: str | None = None
        self.registry_uri: str | None = None
        self.experiment_id: str | None = None
        self.source: tuple[str, str] | None = None
        self.in_notebook = False
        self.backlog = Backlog()

    def forget_parent(self) -> None:
        """In a forked child: what waits for the store is the parent's to write, and its threads hold no lock here."""
        self.lock = threading.RLock()
        self.backlog = Backlog()


state = State()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=state.forget_parent)


def set_tracking_uri(uri: str | Path) -> None:
    """Choose the store: ``sqlite:///PATH``, or the path of a file or folder. It is opened at first use.

    The active run, if there is one, goes on where it was begun.
    """
    text = str(uri)
    path = config.store_path(text)
    with state.lock:
        state.uri = config.store_uri(path)
        state.store = None
        state.experiment_id = None


def get_tracking_uri() -> str:
    """Give the URI of the store that is or will be used."""
    with state.lock:
        if state.uri is None:
            state.uri = config.store_uri(config.default_store_path())
        return state.uri


def is_tracking_uri_set() -> bool:
    """Say whether a store was chosen, by ``set_tracking_uri`` or by ``MLTRACK_TRACKING_URI``."""
    return state.uri is not None or bool(config.TRACKING_URI.get())


def set_registry_uri(uri: str | Path) -> None:
    """Choose the store of registered models; an empty text goes back to the store of the runs."""
    state.registry_uri = config.store_uri(config.store_path(str(uri))) if str(uri) else None


def get_registry_uri() -> str:
    """Give the URI of the store of registered models: the one that was chosen, else that of the runs."""
    return state.registry_uri or get_tracking_uri()


def get_store() -> Store:
    """Give the store of this process, opening it at first use; raises a StoreError that says what to do."""
    if state.store is None:
        with state.lock:
            if state.store is None:
                from mltrack.store.sqlite import SqliteStore  # the driver is loaded when something is read or written

                state.store = SqliteStore(config.store_path(get_tracking_uri()))
    return state.store


def open_store(uri: str | Path) -> Store:
    """Open another store than the one of this process; raises a StoreError that says what to do."""
    from mltrack.store.sqlite import SqliteStore  # the driver is loaded when something is read or written

    return SqliteStore(config.store_path(str(uri)))


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
        state.experiment_id = named_experiment(name).experiment_id if name else DEFAULT_EXPERIMENT
    return state.experiment_id


def describe_source(name: str, kind: str, *, in_notebook: bool) -> None:
    """Say what the runs of this process come from (tags ``mlflow.source.name`` and ``.type``)."""
    state.source = (name, kind)
    state.in_notebook = in_notebook


def forget_source() -> None:
    """Undo ``describe_source``."""
    state.source = None
    state.in_notebook = False
