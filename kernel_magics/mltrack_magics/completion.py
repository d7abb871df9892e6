"""Completion of verbs, options, runs and experiments after ``%mltrack`` and ``%%track_run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.autologging.libraries import LIBRARIES
from mltrack.exceptions import MltrackError
from mltrack.settings import get_registry, get_store
from mltrack.store.pages import Search
from mltrack.store.summaries import RunKeys
from mltrack_magics.guard import guarded
from mltrack_magics.options import TRACK_RUN, VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

KEYS = ("%mltrack", "mltrack", "%%track_run")
MOST = 50
_OF_RUNS = ("show", "notebook", "charts", "compare", "provenance", "export", "rerun", "restore")


def register(shell: InteractiveShell) -> None:
    """Complete our lines from now on."""
    for key in KEYS:
        shell.set_hook("complete_command", complete, str_key=key)


def unregister(shell: InteractiveShell) -> None:
    """Complete our lines no more."""
    table = shell.strdispatchers["complete_command"]
    for key in KEYS:
        table.strs.pop(key, None)


def complete(shell: InteractiveShell, event: Any) -> list[str]:
    """Give what may stand where the cursor is; nothing when that cannot be told."""
    del shell
    return _choices(event) or []


@guarded("completing a line")
def _choices(event: Any) -> list[str]:
    words = event.line.split()
    begun = not event.line[-1:].isspace()
    before = words[:-1] if begun else words
    if before and before[0] == "%%track_run":
        return _experiments() if before[-1] in ("-e", "--experiment") else TRACK_RUN.spellings
    if len(before) <= 1:
        return list(VERBS)
    verb = VERBS.get(before[1])
    if verb is None:
        return []
    if before[-1] in ("-e", "--experiment") or before[1] == "experiment":
        return _experiments()
    if before[1] == "help":
        return list(VERBS)
    if before[1] == "autolog":
        return ["on", "off", "cells"] if len(before) == 2 else list(LIBRARIES)
    return [*verb.spellings, *_words_of(before[1], before)]


def _words_of(verb: str, before: Sequence[str]) -> list[str]:
    """Give the runs, params or metrics that a verb takes."""
    if verb in _OF_RUNS or (verb == "curves" and {"-r", "--runs"} & set(before)):
        return _run_names()
    if verb in ("curves", "importance"):
        return _metrics()
    if verb in ("models", "serve"):
        return _models(as_uris=verb == "serve")
    if verb == "servers":
        return _servers()
    return [*_params(), *_metrics()] if verb in ("scatter", "parallel") else []


def _params() -> list[str]:
    return [_word(name) for name in _keys().params]


def _metrics() -> list[str]:
    return [_word(name) for name in _keys().metrics]


def _keys() -> RunKeys:
    try:
        store = get_store()
        return store.run_keys([experiment.experiment_id for experiment in store.list_experiments()])
    except MltrackError:
        return RunKeys((), (), ())


def _experiments() -> list[str]:
    try:
        return [_word(experiment.name) for experiment in get_store().list_experiments()[:MOST]]
    except MltrackError:
        return []


def _run_names() -> list[str]:
    try:
        store = get_store()
        everywhere = tuple(experiment.experiment_id for experiment in store.list_experiments())
        page = store.search_runs(Search(everywhere, max_results=MOST))
    except MltrackError:
        return []
    return ["last", *dict.fromkeys(_word(run.info.run_name) for run in page.rows)]


def _models(*, as_uris: bool) -> list[str]:
    try:
        models = get_registry().search_registered_models(Search((), max_results=MOST)).rows
    except MltrackError:
        return []
    if not as_uris:
        return [_word(model.name) for model in models]
    aliases = [f"models:/{model.name}@{alias}" for model in models for alias in model.aliases]
    return [_word(each) for each in (*aliases, *(f"models:/{model.name}/latest" for model in models))]


def _servers() -> list[str]:
    from mltrack.serving.handles import servers  # with what reads its answers, which other verbs do without

    return [_word(server.name) for server in servers()]


def _word(name: str) -> str:
    return f'"{name}"' if " " in name else name
