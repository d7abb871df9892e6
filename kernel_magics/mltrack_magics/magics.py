"""``%mltrack VERB``, and ``%%track_run`` as IPython knows it; the core's errors become one-line UsageErrors."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.display import display

from mltrack import settings, tracking
from mltrack.autologging import switch
from mltrack.exceptions import MltrackError
from mltrack.executed_notebook import load_notebook
from mltrack.lookup import LAST, find_run
from mltrack_magics import panel_verbs, serve_verbs
from mltrack_magics.options import TRACK_RUN, VERBS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from mltrack_magics.extension import Extension

LINE, CELL = "mltrack", "track_run"
# Verbs that live in modules of their own, which are loaded when one is first said; each takes the shell and options.
_HOMES = {
    "provenance": "mltrack_magics.provenance_verb",
    "export": "mltrack_magics.export_verb",
    "rerun": "mltrack_magics.rerun_verbs",
    "restore": "mltrack_magics.rerun_verbs",
    "pipeline": "mltrack_magics.pipeline_verb",
}


def register(shell: InteractiveShell, extension: Extension) -> None:
    """Add ``%mltrack`` and ``%%track_run`` to the shell."""
    verbs = _Verbs(extension)

    def mltrack(line: str) -> None:
        verbs.run(line)

    def track_run(line: str, cell: str = "") -> None:
        # Only code that calls run_cell_magic comes here: for typed cells the line is taken off before.
        shell.run_cell(f"%%{CELL} {line}\n{cell}")

    mltrack.__doc__ = _help_text()
    track_run.__doc__ = TRACK_RUN.help()
    shell.magics_manager.register_function(mltrack, "line", LINE)
    shell.magics_manager.register_function(track_run, "cell", CELL)


def unregister(shell: InteractiveShell) -> None:
    """Take both magics away."""
    shell.magics_manager.magics["line"].pop(LINE, None)
    shell.magics_manager.magics["cell"].pop(CELL, None)


def _help_text() -> str:
    lines = ["%mltrack VERB: look at runs, from inside the notebook.", ""]
    lines += [f"  {command.usage.removeprefix('%mltrack '):58} {command.meaning}" for command in VERBS.values()]
    return "\n".join([*lines, "", "%%track_run makes a cell a run; %mltrack help VERB says more of a verb."])


class _Verbs:
    """What each verb of ``%mltrack`` does."""

    def __init__(self, extension: Extension) -> None:
        self._extension = extension
        self._does: dict[str, Callable[[argparse.Namespace], None]] = {
            "notebook": self._notebook,
            "experiment": self._experiment,
            "autolog": self._autolog,
            "serve": lambda options: serve_verbs.serve(extension.shell.user_ns, options),
            "servers": serve_verbs.servers,
            "status": self._status,
            "help": self._help,
        }

    def run(self, line: str) -> None:
        verb, _, rest = line.strip().partition(" ")
        if not verb:
            print(_help_text())
            return
        if verb not in VERBS:
            raise UsageError(f"%mltrack does not know {verb!r}. It knows {', '.join(VERBS)}.")
        options = VERBS[verb].parse(rest)
        try:
            if verb in panel_verbs.MAKERS:
                display(panel_verbs.MAKERS[verb](options))
            elif verb in _HOMES:
                self._extension.settle()
                getattr(import_module(_HOMES[verb]), verb)(self._extension, options)
            else:
                self._does[verb](options)
        except MltrackError as error:
            raise UsageError(str(error)) from None

    def _notebook(self, options: argparse.Namespace) -> None:
        self._extension.settle()
        run = find_run(options.run or LAST)
        if options.save:
            print(f"Saved {_save(run.info.run_id, Path(options.save), in_file_order=not options.executions)}")
            return
        from mltrack_widgets import views  # first needed when something is shown, not when the extension is loaded

        display(views.notebook(run, in_file_order=not options.executions))

    def _experiment(self, options: argparse.Namespace) -> None:
        if options.name:
            chosen = settings.set_experiment(" ".join(options.name))
            print(f"Runs go to the experiment {chosen.name!r} from now on.")
            return
        current = settings.current_experiment_id()
        store = settings.get_store()
        for each in store.list_experiments():
            mark = "→" if each.experiment_id == current else " "
            print(f"{mark} {each.name} · {store.count_runs([each.experiment_id])} runs")

    def _autolog(self, options: argparse.Namespace) -> None:
        libraries = options.library or None
        if options.switch == "on":
            switch.autolog(libraries=libraries)
        elif options.switch == "off":
            switch.autolog(disable=True, libraries=libraries)
        elif options.switch == "cells":
            switch.forget(libraries)
        elif options.switch is not None:
            raise UsageError(f"%mltrack autolog takes on, off or cells; got {options.switch!r}.")
        for name, word in switch.status().items():
            print(f"{name:12} {word}")

    def _status(self, options: argparse.Namespace) -> None:
        del options
        for name, value in self._facts().items():
            print(f"{name:12} {value}")

    def _facts(self) -> dict[str, Any]:
        store = settings.get_store()
        run = tracking.active_run()
        snapshots = self._extension.snapshots
        snapshots.find_file()
        return {
            "store": store.uri,
            "runs": store.count_runs(),
            "experiment": store.get_experiment(settings.current_experiment_id()).name,
            "active run": f"{run.info.run_name} ({run.info.run_id})" if run else "none",
            "notebook": snapshots.path or "not known",
            "outputs": "from the kernel's messages" if self._extension.listening else "from IPython's history",
        }

    def _help(self, options: argparse.Namespace) -> None:
        if options.verb is None:
            print(_help_text())
        elif options.verb in VERBS:
            print(VERBS[options.verb].help())
        elif options.verb in (CELL, f"%%{CELL}"):
            print(TRACK_RUN.help())
        else:
            raise UsageError(f"%mltrack does not know {options.verb!r}. It knows {', '.join(VERBS)}.")


def _save(run_id: str, path: Path, *, in_file_order: bool) -> Path:
    """Write a run's notebook as a new file; an existing one is never written over."""
    if path.suffix != ".ipynb":
        path = path.with_name(path.name + ".ipynb")
    text = json.dumps(load_notebook(run_id, in_file_order=in_file_order), indent=1, ensure_ascii=False) + "\n"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already and was left as it is; give another name.") from None
    except OSError as error:
        raise UsageError(f"{path} could not be written: {error.strerror}.") from None
    return path
