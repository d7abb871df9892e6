"""The extension in one shell: what ``%load_ext mltrack`` sets up, and what ``%unload_ext mltrack`` takes down."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mltrack import __version__, config, settings
from mltrack.autologging import switch
from mltrack.exceptions import MltrackError
from mltrack_magics import completion, history, kernel_facts, magics, shown
from mltrack_magics.background import Background
from mltrack_magics.cells import Cells
from mltrack_magics.clears import Clears
from mltrack_magics.effects import Effects
from mltrack_magics.guard import forget_warnings, guarded, warn_once
from mltrack_magics.recorder import Recorder
from mltrack_magics.snapshot import Snapshots

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mltrack_magics.tap import Tap

_loaded: dict[int, Extension] = {}
SETTLE_SECONDS, FAR_SETTLE_SECONDS = 2.0, 8.0  # in a store that is here, and in one across a wire


class Extension:
    """Everything that listens in one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.background = Background()
        file = kernel_facts.connection_file(shell)
        self.connection_file = file
        self.recorder = Recorder(
            self.background, kernel_id=_kernel_id(file), language_info=kernel_facts.language_info(shell)
        )
        self.tap = _make_tap(file, self.recorder)
        listening = self.tap is not None and self.tap.start()
        self.snapshots = Snapshots(self.recorder, shell.user_ns, connection_file=file, listening=listening)
        self.clears = Clears(shell)
        self.effects = Effects(shell.user_ns)
        self.cells = Cells(self)
        self.pid = os.getpid()

    @property
    def listening(self) -> bool:
        """True while outputs come from the kernel's messages."""
        return self.tap is not None and self.tap.is_alive

    def start(self) -> None:
        """Register the hooks, the magics, their completion and how runs look."""
        shell = self.shell
        shell.input_transformers_cleanup.insert(0, self.cells.transform)
        shell.events.register("pre_run_cell", self.cells.before)
        shell.events.register("post_run_cell", self.cells.after)
        self.clears.start()
        magics.register(shell, self)
        completion.register(shell)
        shown.register(shell)
        atexit.register(self.settle)
        settings.describe_source(_source_name(), "NOTEBOOK", in_notebook=True)
        settings.state.settle = self.settle
        switch.listen_in_cells(on=True)
        self._note_earlier_cells()

    def stop(self) -> None:
        """Undo ``start``, after what is under way was saved."""
        shell = self.shell
        self.settle()
        switch.listen_in_cells(on=False)
        shell.input_transformers_cleanup.remove(self.cells.transform)
        shell.events.unregister("pre_run_cell", self.cells.before)
        shell.events.unregister("post_run_cell", self.cells.after)
        self.clears.stop()
        self.cells.forget()
        magics.unregister(shell)
        completion.unregister(shell)
        shown.unregister(shell)
        _stop_panels()
        atexit.unregister(self.settle)
        if self.tap is not None:
            self.tap.stop()
        self.background.stop()
        settings.forget_source()
        settings.state.settle = settings.State().settle
        forget_warnings()

    def settle(self, seconds: float | None = None) -> None:
        """Wait until the outputs of ended cells are in and saved, at most so long; then take what there is."""
        if os.getpid() != self.pid:
            return
        if seconds is None:
            seconds = FAR_SETTLE_SECONDS if config.is_server(settings.state.uri or "") else SETTLE_SECONDS
        guarded("saving what was left")(self.cells.settle)(seconds)

    def _note_earlier_cells(self) -> None:
        """Take over what ran before the extension was loaded, and the cell that loads it."""
        for count, source in history.earlier_cells(self.shell):
            executed = self.recorder.begin(source, metadata={"before_load": True})
            self.recorder.end(executed, "ok", count)
            self.recorder.settle(executed, history.outputs_of(self.shell, count))
        self.cells.take_over()


def load(shell: InteractiveShell) -> None:
    """Load the extension into a shell and say in one line where runs go; a second load changes nothing."""
    if id(shell) not in _loaded:
        extension = Extension(shell)
        extension.start()
        _loaded[id(shell)] = extension
    print(_greeting())


def unload(shell: InteractiveShell) -> None:
    """Take the extension out of a shell, leaving no trace of it."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.stop()


def _stop_panels() -> None:
    """End what goes on behind the panels that were shown; without any, their modules were never loaded."""
    if "mltrack_widgets.panels.panel" in sys.modules:
        from mltrack_widgets.panels.panel import stop_panels  # there are panels, so it is loaded

        stop_panels()


def _make_tap(connection_file: str | None, recorder: Recorder) -> Tap | None:
    if connection_file is None:
        return None
    from mltrack_magics.tap import Tap  # needs zmq and jupyter_client, which only a kernel has loaded

    return Tap(connection_file, recorder, report=lambda error: warn_once("listening to outputs", error))


def _kernel_id(connection_file: str | None) -> str | None:
    return Path(connection_file).stem.removeprefix("kernel-") if connection_file else None


def _source_name() -> str:
    script = Path(sys.argv[0]).name if sys.argv else ""
    is_launcher = script in ("", "ipykernel_launcher.py", "ipython", "__main__.py")
    return os.environ.get("JPY_SESSION_NAME") or ("notebook" if is_launcher else sys.argv[0])


def _greeting() -> str:
    """Say version, store and number of runs; the store is not made here, and nothing is asked across a wire."""
    uri = settings.get_tracking_uri()
    if not config.is_file(uri):
        return f"mltrack {__version__} · {'server' if config.is_server(uri) else 'database'} {config.shown_uri(uri)}"
    path = config.store_path(uri)
    place = _readable(path)
    if not path.exists():
        return f"mltrack {__version__} · new store {place} · no runs yet"
    try:
        count = settings.get_store().count_runs()
    except MltrackError as error:
        return f"mltrack {__version__} · {error}"
    return f"mltrack {__version__} · store {place} · {count:,} {'run' if count == 1 else 'runs'}"


def _readable(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
