"""The files that a cell opens, seen by Python's audit events (https://docs.python.org/3/library/audit_events.html).

An audit hook cannot be taken out again. So there is one in a process, which does nothing while no watch is kept. What
libraries open in C (pyarrow, polars, HDF5, databases) raises no event and is not seen.
"""

from __future__ import annotations

import os
import site
import stat
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.config import user_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_FILES = 200
_MOST_NOTED = 2_000  # while the cell runs: some turn out to be gone or ours
_WRITING = set("wax+")
_WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FOLDER_FLAG = getattr(os, "O_DIRECTORY", 0)
_COMPILED = (".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
_IMPORTER = "<frozen importlib"


class OpenedFile(NamedTuple):
    """A file that was opened: its path as given, its whole path, and how it was when the cell had ended."""

    path: str
    whole_path: str
    written: bool
    size: int
    changed_at: int  # ns since 1970


class Watch:
    """What was opened since ``watch`` gave it: the path as given, by whole path and whether it was to write."""

    def __init__(self) -> None:
        self.noted: dict[tuple[str, bool], str] = {}

    def stop(self) -> None:
        """Note nothing more."""
        global _watches  # noqa: PLW0603  # one hook serves the process
        with _lock:
            _watches = tuple(each for each in _watches if each is not self)

    def files(self, left_out: Sequence[str] = ()) -> list[OpenedFile]:
        """Give the files that are there still, in the order they were first opened, without those below folders."""
        found: list[OpenedFile] = []
        for (whole, written), path in list(self.noted.items()):
            if len(found) == MOST_FILES:
                break
            if not is_below(whole, left_out) and (state := _state(whole)) is not None:
                found.append(OpenedFile(path, whole, written, state.st_size, state.st_mtime_ns))
        return found


_lock = threading.Lock()
_watches: tuple[Watch, ...] = ()
_own_threads: set[int] = set()
_hooked = False
_skipped: tuple[str, ...] = ()


def watch() -> Watch:
    """Note what this process opens from now on, until the watch is stopped."""
    global _watches, _hooked, _skipped  # noqa: PLW0603  # as above
    begun = Watch()
    with _lock:
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked = True
        _skipped = _skipped_from(_here())
        _watches = (*_watches, begun)
    return begun


def leave_out_this_thread() -> None:
    """Never note what the present thread opens: it is one of mltrack's own."""
    _own_threads.add(threading.get_ident())


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path is one of these, or in one of these folders."""
    return any(path == each or path.startswith(each.rstrip(os.sep) + os.sep) for each in folders)


def _forget_parent() -> None:
    """In a forked child: its files are no cell's of this notebook."""
    global _watches, _lock
    _watches, _lock = (), threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_parent)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if (event == "open" or event == "os.rename") and _watches:  # noqa: PLR1714  # called for every event there is
        try:
            if event == "open":
                _note_open(*arguments)
            elif arguments[3] == -1:  # else the path counts from a folder that is only known by its descriptor
                _note(arguments[1], written=True)
        except Exception:  # noqa: S110  # it would fail the user's own call, and there is nobody to tell
            pass


def _note_open(path: Any, mode: Any, flags: Any) -> None:
    if type(flags) is int and flags & _FOLDER_FLAG:
        return
    if type(mode) is str:
        written = not _WRITING.isdisjoint(mode)
    else:
        written = type(flags) is int and bool(flags & _WRITING_FLAGS)
    _note(path, written=written)


def _note(path: Any, *, written: bool) -> None:
    path = _path_text(path)
    if path is None or path.endswith(_COMPILED) or threading.get_ident() in _own_threads:
        return
    whole = os.path.abspath(path)
    if whole.startswith(_skipped) or f"{os.sep}__pycache__{os.sep}" in whole or (whole[-3:] == ".py" and _imports()):
        return
    for each in _watches:
        if len(each.noted) < _MOST_NOTED:
            each.noted.setdefault((whole, written), path)


def _path_text(path: Any) -> str | None:
    """Give a path as text; None for a descriptor, and for a path of a type of the user's."""
    if type(path) is bytes:
        return os.fsdecode(path)
    if type(path) is type(Path()):
        return str(path)
    return path if type(path) is str else None


def _imports() -> bool:
    """Tell whether the open that is looked at is the import system's own."""
    frame: Any = sys._getframe(3)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_IMPORTER)


def _state(path: str) -> os.stat_result | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _places() -> list[str]:
    """Give the folders whose files are no data of a cell: Python, its packages, the system, caches and settings."""
    home = str(Path.home())
    variables = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR")
    return [
        *(sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__)),
        *site.getsitepackages(),
        site.getusersitepackages(),
        *("/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share"),
        *(os.path.join(home, *parts) for parts in _HOME_PLACES),
        *(found for found in map(os.environ.get, variables) if found),
        str(user_folder()),
    ]


_HOME_PLACES = (
    *((".ipython",), (".jupyter",), (".local", "share", "jupyter")),
    *((".config", "matplotlib"), (".cache", "matplotlib"), (".cache", "fontconfig"), (".cache", "pip")),
)


def own_sources() -> list[str]:
    """Give the folders of mltrack's own packages, which may lie outside ``site-packages``."""
    modules = (sys.modules.get(name) for name in ("mltrack", "mltrack_widgets", "mltrack_magics"))
    return [os.path.dirname(module.__file__) for module in modules if module is not None and module.__file__]


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return os.sep


@lru_cache(8)
def _skipped_from(here: str) -> tuple[str, ...]:
    """Give what paths of no interest begin with; a notebook may itself lie inside an environment's folder."""
    places = dict.fromkeys(map(os.path.abspath, _places()))
    return tuple(place.rstrip(os.sep) + os.sep for place in places if not is_below(here, [place]))
